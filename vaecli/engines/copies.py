"""Trials as copies of one process that has everything imported, see `vaecli.nursery`: the supervisor's side."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from vaecli.core.names import NURSERY
from vaecli.engines.interpreter import PYTHON


class Nursery:
    """The process that trials are copies of; made at the first, and anew where it was lost.

    Args:
        environment: Of it and of all trials.
        threads: Of a trial.
    """

    def __init__(self, environment: Mapping[str, str], threads: int) -> None:
        self.environment, self.threads = dict(environment), threads
        self.server: subprocess.Popen[bytes] | None = None
        self.buffer = b""
        self.starting: dict[str, Copy] = {}
        self.running: dict[int, Copy] = {}
        self.orphans: list[Copy] = []

    def start(self, folder: Path, log: Path) -> Copy:
        """A copy that runs the trial of a folder; it is there as soon as the server has everything imported.

        Raises:
            OSError: There are no more processes.
        """
        if self.server is not None and self.server.poll() is not None:
            self.listen()
            self.close()
        if self.server is None:
            self.server, self.buffer = self._serve(), b""
        copy = Copy(self, str(folder))
        self.starting[str(folder)] = copy
        request = {"folder": str(folder), "log": str(log), "threads": self.threads}
        assert self.server.stdin is not None
        with suppress(BrokenPipeError):  # it was lost just now, which `listen` will tell
            self.server.stdin.write((json.dumps(request) + "\n").encode())
            self.server.stdin.flush()
        return copy

    def _serve(self) -> subprocess.Popen[bytes]:
        command = [*PYTHON, "-m", "vaecli", NURSERY, str(os.getpid())]
        server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.environment, process_group=0
        )
        assert server.stdout is not None
        os.set_blocking(server.stdout.fileno(), False)
        return server

    def listen(self) -> None:
        """Takes in what the server has said since, and that it was lost."""
        self._look_after_orphans()
        if self.server is None:
            return
        assert self.server.stdout is not None
        code = self.server.poll()  # before what it said last is read
        while data := self._read(self.server.stdout.fileno()):
            *lines, self.buffer = (self.buffer + data).split(b"\n")
            for line in lines:
                self._hear(json.loads(line))
        if code is not None:
            self._lost()

    @staticmethod
    def _read(descriptor: int) -> bytes:
        try:
            return os.read(descriptor, 65536)
        except BlockingIOError:
            return b""

    def _hear(self, news: Mapping[str, Any]) -> None:
        if "folder" in news:
            copy = self.starting.pop(str(news["folder"]))
            self.running[int(news["pid"])] = copy
            copy.begin(int(news["pid"]))
        elif copy_or_none := self.running.pop(int(news["pid"]), None):
            copy_or_none.end(os.waitstatus_to_exitcode(int(news["status"])))

    def _lost(self) -> None:
        """Takes leave of a server that is gone: copies that aren't there yet never will be, the others save first."""
        for copy in self.starting.values():
            copy.end(-signal.SIGKILL)
        self.starting.clear()
        self.orphans += self.running.values()
        self.running.clear()
        self._look_after_orphans()

    def _look_after_orphans(self) -> None:
        """Ends copies of a server that is gone once they have saved, as the kernel has asked them to."""
        for copy in [copy for copy in self.orphans if copy.is_gone()]:
            copy.end(-signal.SIGKILL)
            self.orphans.remove(copy)

    def close(self) -> None:
        """Lets the server end; the copies have ended before."""
        if self.server is not None:
            assert self.server.stdin is not None
            assert self.server.stdout is not None
            with suppress(BrokenPipeError):
                self.server.stdin.close()
            self.server.wait()
            self.server.stdout.close()
            self.server = None


class Copy:
    """A trial's process, like a `subprocess.Popen` that has no pipes.

    Attributes:
        pid: Its number; 0 before it is there.
    """

    def __init__(self, nursery: Nursery, folder: str) -> None:
        self.nursery, self.folder = nursery, folder
        self.pid = 0
        self.code: int | None = None
        self.handle = -1
        self.waiting: list[int] = []

    def begin(self, pid: int) -> None:
        """The copy is there; signals that came before it go to it now."""
        self.pid = pid
        with suppress(ProcessLookupError):  # it has ended already
            self.handle = os.pidfd_open(pid)
        for number in self.waiting:
            self.send_signal(number)

    def end(self, code: int) -> None:
        """It has ended, with the code that `subprocess` would give."""
        self.code = code
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1

    def is_gone(self) -> bool:
        """Whether its process has ended, whoever has been told of it."""
        return self.handle < 0 or bool(select.select([self.handle], [], [], 0)[0])

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it works."""
        if self.code is None:
            self.nursery.listen()
        return self.code

    def send_signal(self, number: int) -> None:
        """Sends it a signal, as soon as it is there."""
        if self.code is not None:
            return
        if not self.pid:
            self.waiting.append(number)
            return
        if self.handle < 0:
            return
        try:
            signal.pidfd_send_signal(self.handle, number)
        except ProcessLookupError:
            return

    def wait(self) -> int:
        """The exit code, once there is one."""
        import time

        while (code := self.poll()) is None:
            time.sleep(0.01)
        return code


def can_copy() -> bool:
    """Whether trials may be copies: Linux, with handles of processes."""
    return sys.platform.startswith("linux") and hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal")

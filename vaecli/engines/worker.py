"""One attempt at a trial on this machine: its process, its log, and what it left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from vaecli.core.signals import signal_name
from vaecli.engines.interpreter import PYTHON, safe_environment
from vaecli.engines.silence import Silence, is_stopped
from vaecli.engines.supervisor import Attempt, End, Start
from vaecli.runs.folder import RunFolder
from vaecli.runs.history import Row

Command = Callable[[Path], Sequence[str]]
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def trial_command(path: Path) -> list[str]:
    """The command that runs the trial prepared in a folder."""
    return [*PYTHON, "-m", "vaecli", "train", "--folder", str(path)]


def guarded(command: Sequence[str]) -> list[str]:
    """The command so that it ends with this process, however this one ends."""
    return [*PYTHON, "-m", "vaecli.engines.guard", str(os.getpid()), *command]


def thread_variables(threads: int) -> dict[str, str]:
    """The environment variables for a number of threads; one that the user has set stays."""
    return {name: os.environ.get(name, str(threads)) for name in THREAD_VARIABLES}


def worker_environment(threads: int, gpu: str | None) -> dict[str, str]:
    """The environment of a worker on this machine.

    Args:
        threads: That it may use.
        gpu: Its ``CUDA_VISIBLE_DEVICES``; None leaves it alone.
    """
    gpus = {"CUDA_VISIBLE_DEVICES": gpu} if gpu is not None else {}
    return safe_environment({**os.environ, **thread_variables(threads), **gpus})


class Process(Protocol):
    """A process that leads a group of its own, as far as a worker uses one."""

    @property
    def pid(self) -> int:
        """Its number; 0 of one that is not there yet."""

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it works."""

    def send_signal(self, sig: int) -> None:
        """Sends it a signal; one that isn't there yet gets it as soon as it is."""

    def wait(self) -> int:
        """Its exit code, once there is one."""


Spawn = Callable[[Path, Path], Process]
"""Starts the process of a trial: of its folder, with a log to append to."""


def spawn(command: Command, environment: Mapping[str, str]) -> Spawn:
    """A way to start processes by a command.

    Args:
        command: Gives the command for a folder.
        environment: Of the process.
    """

    def start(folder: Path, path: Path) -> Process:
        with open(path, "ab") as log:
            return subprocess.Popen(
                guarded(command(folder)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(environment),
                process_group=0,  # a Ctrl-C at the terminal reaches the supervisor alone, which passes it on once
            )

    return start


class Worker(Attempt):
    """A running attempt at a trial.

    Args:
        start: Which trial; its folder is prepared.
        spawn: Starts its process.

    Raises:
        OSError: It can't be started: there are no more processes, or no log can be written.
    """

    def __init__(self, start: Start, spawn: Spawn) -> None:
        self.start = start
        self.folder = RunFolder(start.trial.path)
        self.silence = Silence(self.folder)
        self.tail = HistoryTail(self.folder)
        with open(self.folder.log_path, "ab") as log:
            self._log_start = log.tell()
        self.process = spawn(start.trial.path, self.folder.log_path)

    def poll(self) -> End | None:
        """How it ended; None while it works."""
        code = self.process.poll()
        return None if code is None else ended(code)

    def news(self) -> Row | None:
        """The last row of the history, if there is a new one since the last call."""
        return self.tail.news()

    def trouble(self) -> str:
        """Why it may hang, once each time; empty while it gives signs of life."""
        pid = self.process.pid
        stopped = f"its process {pid} is stopped, and goes on with `kill -CONT {pid}`" if is_stopped(pid) else ""
        return self.silence.words(stopped)

    def ask(self, number: int) -> None:
        """Sends the worker a signal to save and stop."""
        send(self.process, number)

    def kill(self) -> None:
        """Ends the worker and whatever it started."""
        end_group(self.process)

    def last_words(self) -> str:
        """The last line that this attempt wrote to its log, without colours; empty if it wrote none."""
        return last_line(self.folder.log_path, self._log_start)


def send(process: Process, number: int) -> None:
    """Sends a process a signal, if it lives."""
    if process.poll() is None:
        process.send_signal(number)


def end_group(process: Process) -> None:
    """Ends a process that leads a group of its own, and whatever it started."""
    if process.poll() is None:
        if process.pid:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:  # a copy that doesn't lead its group yet has started nothing
                process.send_signal(signal.SIGKILL)
        else:
            process.send_signal(signal.SIGKILL)
        process.wait()


class HistoryTail:
    """The end of a growing history.

    Args:
        folder: Of the run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._seen: tuple[int, int] | None = None

    def news(self) -> Row | None:
        """The last row, if there is a new one since the last call."""
        try:
            state = self.folder.history_path.stat()
        except OSError:
            return None
        if (state.st_mtime_ns, state.st_size) == self._seen:
            return None
        self._seen = (state.st_mtime_ns, state.st_size)
        rows = self.folder.history()
        return rows[-1] if rows else None


def ended(code: int) -> End:
    """The end of a process by its exit code, which is negative for a signal."""
    hint = ", perhaps out of memory," if -code == signal.SIGKILL else ""
    return End(code, f"killed by {signal_name(-code)}{hint}" if code < 0 else "")


def last_line(path: Path, start: int = 0) -> str:
    """The last line of a log that says something, without colours.

    Args:
        path: Of the log.
        start: Byte before which it is somebody else's.
    """
    try:
        with open(path, "rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(start, size - 8192))
            text = log.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    lines = [line.strip() for line in ESCAPES.sub("", text).splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""

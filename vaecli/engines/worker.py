"""One attempt at a trial: its process, its log, and what it left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from vaecli.core.errors import VaeError
from vaecli.runs.experiment import Trial
from vaecli.runs.folder import RunFolder, Status
from vaecli.runs.history import Row

Command = Callable[[Path], Sequence[str]]
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def trial_command(path: Path) -> list[str]:
    """The command that runs the trial prepared in a folder."""
    return [sys.executable, "-m", "vaecli", "train", "--folder", str(path)]


def worker_environment(threads: int, gpu: str | None) -> dict[str, str]:
    """The environment of a worker; a number of threads that the user has set stays."""
    variables = {name: os.environ.get(name, str(threads)) for name in THREAD_VARIABLES}
    return {**os.environ, **variables, **({"CUDA_VISIBLE_DEVICES": gpu} if gpu is not None else {})}


class Worker:
    """A running attempt at a trial.

    Args:
        trial: Its folder is prepared.
        attempt: From 1.
        command: Gives the command for the folder.
        environment: Of the process.
        slot: Which of the trials at a time it is.
    """

    def __init__(
        self, trial: Trial, attempt: int, command: Command, environment: Mapping[str, str], slot: int = 0
    ) -> None:
        self.trial, self.attempt, self.slot = trial, attempt, slot
        self.folder = RunFolder(trial.path)
        self._seen: tuple[int, int] | None = None
        guard = [sys.executable, "-m", "vaecli.engines.guard", str(os.getpid())]
        with open(self.folder.log_path, "ab") as log:
            self._log_start = log.tell()
            self.process = subprocess.Popen(
                [*guard, *command(trial.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(environment),
                process_group=0,  # a Ctrl-C at the terminal reaches the supervisor alone, which passes it on once
            )

    def ask(self, number: int) -> None:
        """Sends the worker a signal to save and stop."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """Ends the worker and whatever it started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    def news(self) -> Row | None:
        """The last row of the history, if there is a new one since the last call."""
        try:
            found = self.folder.history_path.stat()
        except OSError:
            return None
        if (found.st_mtime_ns, found.st_size) == self._seen:
            return None
        self._seen = (found.st_mtime_ns, found.st_size)
        rows = self.folder.history()
        return rows[-1] if rows else None

    def last_words(self) -> str:
        """The last line that this attempt wrote to its log, without colours; empty if it wrote none."""
        with open(self.folder.log_path, "rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - 8192))
            text = log.read().decode("utf-8", "replace")
        lines = [line.strip() for line in ESCAPES.sub("", text).splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""


def mark(folder: RunFolder, status: Status, message: str) -> str:
    """Sets a run's status; where that can't be done, as when another process has the run, gives the reason."""
    try:
        with folder.lock():
            folder.update(status=status, message=message)
    except VaeError as error:
        return str(error)
    return ""


def signal_name(number: int) -> str:
    """``SIGKILL``."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

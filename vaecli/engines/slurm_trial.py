"""A trial inside a SLURM job, on a disk that all machines share."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

from submitit.helpers import DelayedSubmission

LAST_CALL_SECONDS = 90.0
"""How long a job waits for what follows a SIGTERM: the end of its time, or that it is called off."""


class SlurmTrial:
    """What submitit calls in the job. Where the job's time is up, submitit calls `checkpoint` and requeues the job.

    Args:
        command: Of the trial.
        variables: Of the environment of its process, beside the job's own.
        log: File that takes what it prints.
    """

    def __init__(self, command: Sequence[str], variables: Mapping[str, str], log: str) -> None:
        self.command, self.variables, self.log = list(command), dict(variables), log
        self.pid = 0

    def __call__(self) -> int:
        """Runs the trial.

        Returns:
            Its exit code; what it means stands in run.json.
        """
        with open(self.log, "ab") as log:
            process = subprocess.Popen(
                ignoring(signal.SIGUSR2, self.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.variables},
            )
        self.pid = process.pid
        self._wait()
        code, self.pid = process.wait(), 0
        if code == 128 + signal.SIGTERM:  # SLURM has sent it to everything in the job; if preempted, more is to come
            time.sleep(LAST_CALL_SECONDS)
        return code

    def checkpoint(self) -> DelayedSubmission:
        """Lets the trial save and stop; called in a signal handler, which interrupts what waits for it."""
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)
            self._wait()
        return DelayedSubmission(SlurmTrial(self.command, self.variables, self.log))

    def _wait(self) -> None:
        """Waits for the trial's end without taking its exit code, so that it may be done twice at a time."""
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)


def ignoring(number: signal.Signals, command: Sequence[str]) -> list[str]:
    """The command with a signal ignored: SLURM sends its warning to the trial too, which is to be asked once only."""
    return ["sh", "-c", f"trap '' {number.name.removeprefix('SIG')}; exec \"$@\"", "sh", *command]

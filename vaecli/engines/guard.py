"""Starts a worker that never outlives its supervisor: ``python -P -m vaecli.engines.guard SUPERVISOR COMMAND...``.

On Linux the kernel itself sends the worker SIGTERM when the supervisor dies, however it dies, so the worker saves its
checkpoint and ends. Elsewhere this process stays and watches.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from vaecli.core.signals import STOPPING, handled

PR_SET_PDEATHSIG = 1


def bind_to_parent() -> bool:
    """Asks the kernel to send this process, and what it execs, SIGTERM when its parent dies; False where it can't."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) == 0)


def watch(command: Sequence[str], supervisor: int, parent: Callable[[], int] = os.getppid, every: float = 1.0) -> int:
    """Runs a command and ends it when the supervisor is gone; passes signals on.

    Args:
        command: The worker.
        supervisor: Process number that is expected as the parent.
        parent: Gives the current parent's.
        every: Seconds between two looks.

    Returns:
        The worker's exit code, negative for a signal.
    """
    child = subprocess.Popen(command)

    def forward(number: int, frame: object) -> None:
        if child.poll() is None:
            child.send_signal(number)

    with handled(forward):
        asked = False
        while True:
            try:
                return child.wait(timeout=every)
            except subprocess.TimeoutExpired:
                if parent() != supervisor and not asked:
                    asked = True
                    child.terminate()


def main(arguments: Sequence[str]) -> int:
    """Becomes the worker, or watches it where the kernel doesn't."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)  # some supervisors block them, and the worker inherits that
    supervisor, command = int(arguments[0]), list(arguments[1:])
    bound = bind_to_parent()
    if os.getppid() != supervisor:  # it died before the kernel was asked
        return 128 + signal.SIGTERM
    try:
        if bound:
            os.execvp(command[0], command)
        code = watch(command, supervisor)
    except OSError as error:
        print(f"can't start {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    if code < 0:
        # to the supervisor it must look as if the worker had died of the signal itself
        if -code != signal.SIGKILL:  # whose handler can't be set
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
        time.sleep(1)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

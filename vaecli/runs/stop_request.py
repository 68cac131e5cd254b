"""A file in a run's folder that asks the run to save and stop, from whatever machine sees the folder.

The run looks for it every second between updates, and ends as at a signal: with a checkpoint, and ``interrupted``.
"""

from __future__ import annotations

import time
from pathlib import Path

from vaecli.core.files import write_atomic

STOP = "stop"
SECONDS = 1.0
"""Between two looks; a look at a network's file system may take a millisecond."""


def request_stop(path: Path) -> None:
    """Asks the run in a folder to stop.

    Raises:
        DataError: The folder can't be written.
    """
    write_atomic(path / STOP, "\n")


def forget_request(path: Path) -> None:
    """Removes the request, once it has been followed or before the run goes on."""
    (path / STOP).unlink(missing_ok=True)


class StopRequests:
    """Looks now and then whether a run is asked to stop.

    Args:
        path: Of its folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path / STOP
        self.looked = time.monotonic()

    def asked(self) -> bool:
        """Whether there is a request; looks at most once in `SECONDS`."""
        now = time.monotonic()
        if now - self.looked < SECONDS:
            return False
        self.looked = now
        return self.path.exists()

"""Whether a trial that lives also works: the age of the last change in its folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from vaecli.runs.folder import RunFolder
from vaecli.runs.progress_file import PROGRESS

SILENT_SECONDS = 900.0
"""After which a trial that has written nothing is reported; twice as long after each report. A long epoch may take that
long too, so that nothing is killed for it."""

LOOK_SECONDS = 5.0


class Silence:
    """Notices when nothing in a run's folder changes.

    Args:
        folder: Of the run.
        clock: Seconds, in a test another one's.
    """

    def __init__(self, folder: RunFolder, clock: Callable[[], float] = time.monotonic) -> None:
        paths = (folder.path / "run.json", folder.path / PROGRESS, folder.history_path, folder.checkpoint_path)
        self.paths = (*paths, folder.log_path)
        self.clock = clock
        self.signs: tuple[int, ...] = ()
        self.since = self.looked = clock()
        self.patience = SILENT_SECONDS
        self.reported = ""

    def words(self, fault: str = "") -> str:
        """What to report: a fault that is known at once, or that nothing was written for long; empty when all is well.

        Args:
            fault: What is known of the trial's process; reported once while it lasts.
        """
        now = self.clock()
        if now - self.looked < LOOK_SECONDS and not (fault and fault != self.reported):
            return ""
        self.looked = now
        if fault != self.reported:
            self.reported = fault
            return fault
        signs = tuple(map(changed, self.paths))
        if signs != self.signs:
            self.signs, self.since, self.patience = signs, now, SILENT_SECONDS
        if now - self.since < self.patience:
            return ""
        self.patience *= 2
        return f"it lives, but has written nothing for {(now - self.since) / 60:.0f} minutes"


def changed(path: Path) -> int:
    """When a file or a folder's list of files last changed; 0 where there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def is_stopped(pid: int) -> bool:
    """Whether a process is stopped by a signal, as by Ctrl-Z; known on Linux only."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False

"""An experiment at work as it is seen from moment to moment, by whoever runs it and by whoever only watches."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vaecli.reporting.board import ENDED, Scene
from vaecli.reporting.forecast import forecast

if TYPE_CHECKING:
    from pathlib import Path

    from vaecli.engines.engine import Event
    from vaecli.runs.experiment import Trial
    from vaecli.runs.watched import ExperimentWatch, WatchedTrial

LOOK_SECONDS = 1.0
"""Between two looks at the files of trials that this process has started."""


class Lookout:
    """Sees an experiment at work.

    Args:
        watch: Of its files.
        period: Seconds between two looks.
        own: Whether this process runs it.
    """

    def __init__(self, watch: ExperimentWatch, period: float = LOOK_SECONDS, own: bool = False) -> None:
        self.watch, self.period, self.own = watch, period, own
        self.began = time.monotonic()
        self.looked = -period
        self.slots = 1
        self.started: set[Path] = set()
        self.note = ""
        self.notes: list[str] = []
        self.seen: Scene | None = None
        self.lock = threading.RLock()

    def scene(self) -> Scene:
        """What there is to see, at most one period old."""
        with self.lock:
            now = time.monotonic()
            if self.seen is None or now - self.looked >= self.period:
                trials = [self._with_events(trial) for trial in self.watch.look()]
                self.looked = time.monotonic()
                at_work = sum(trial.state == "running" for trial in trials)
                self.slots = max(self.slots, at_work)
                works = self.own or self.works()
                if not self.own:
                    over = all(trial.state in ENDED for trial in trials)
                    self.note = "" if works or at_work or over else "nobody works on it"
                ahead = forecast(trials, self.slots, works, time.time())
                self.seen = Scene(self.watch.title, trials, None, ahead)
            return replace(
                self.seen, elapsed=self._elapsed(), note=self.note, notes=(*self.notes, *self.watch.unread.values())
            )

    def hear(self, event: Event) -> None:
        """Takes note of what an engine knows sooner than the files say it."""
        if event.kind in ("started", "progress", "silent"):
            self.started.add(event.trial.path)
        elif event.kind != "stopping":
            self.started.discard(event.trial.path)
        if event.kind in ("retried", "silent"):
            self.notes.append(f"{self.name(event.trial)}: {event.message}")
        if event.kind == "stopping":
            self.note = "stopping; what runs is saved first"

    def works(self) -> bool:
        """Whether the process that runs the experiment is seen to live."""
        return self.watch.worker() == "alive"

    def name(self, trial: Trial) -> str:
        """What a line calls a trial: ``bn seed 0``, beside those of other rows of a table ``row: bn seed 0``."""
        row = self.watch.row_of(trial.path)
        return f"{row}: {trial.name}" if row else trial.name

    def trial(self, path: Path) -> WatchedTrial | None:
        """One of the trials, as it stands now."""
        self.looked = -self.period
        return next((trial for trial in self.scene().trials if trial.path == path), None)

    def _with_events(self, trial: WatchedTrial) -> WatchedTrial:
        """What the files will say in a moment: a trial that was started hasn't written a word before it has begun."""
        if trial.path not in self.started:
            return trial
        return replace(trial, told="running" if trial.told == "waiting" else trial.told, loss="")

    def _elapsed(self) -> float | None:
        if self.own:
            return time.monotonic() - self.began
        try:
            since = datetime.fromisoformat(self.watch.since())
        except ValueError:
            return None
        return max(0.0, (datetime.now(UTC) - since).total_seconds())

"""The trackers of a run: fed from the rows of its history, each once, and never a reason for a training to end.

What a tracker has been told stands in ``trackers.json`` of the run's folder, so that a run that is gone on with goes on
in the tracker too, and rows that a resumed training makes again are not told again.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecli.core.errors import VaeError
from vaecli.core.files import dump_json, load_json, write_atomic
from vaecli.core.messages import counted, printable
from vaecli.runs.history import Row
from vaecli.settings.run_file import settings_by_key
from vaecli.trackers import make_tracker
from vaecli.trackers.tracker import End, Scalar, TrackedRun, Tracker

if TYPE_CHECKING:
    from vaecli.config import RunConfig
    from vaecli.remedies.core.compose import Method
    from vaecli.runs.experiment import Trial
    from vaecli.runs.folder import RunFolder

STATE = "trackers.json"
QUIET = (DeprecationWarning, FutureWarning, PendingDeprecationWarning, ResourceWarning)
"""Warnings of a tracker's package that are for its developers."""


def tracked_settings(config: RunConfig, method: Method) -> dict[str, Scalar]:
    """All settings of a run by key, hyper-parameters with their defaults; a text where there is no scalar."""
    hyper = {f"{r.name}.{key}": value for r in method.remedies for key, value in r.hyper().items()}
    values = {**settings_by_key(config), **hyper}
    del values["tracking.tracker"]
    return {key: _scalar(value) for key, value in values.items()}


def _scalar(value: Any) -> Scalar:
    if isinstance(value, bool | int | float | str):
        return value
    return "none" if value is None else ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers of a row; what is undefined has no point in a curve."""
    figures = {key: value for key, value in row.items() if isinstance(value, int | float)}
    return {key: float(value) for key, value in figures.items() if math.isfinite(value)}


def _whole(value: Any) -> int:
    """A count that a file holds; 0 where it holds none."""
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else 0


def read_state(path: Path) -> dict[str, dict[str, Any]]:
    """What a run's trackers have been told; nothing where the file is damaged, so that they begin anew."""
    try:
        state = load_json(path)
    except (OSError, ValueError):
        return {}
    return {name: entry for name, entry in (state or {}).items() if isinstance(entry, dict)}


def tracker_failures(trials: Sequence[Trial]) -> list[str]:
    """A line for each tracker that failed in trials of a grid, whose own warnings are in their logs."""
    failures: dict[str, list[str]] = {}
    for trial in trials:
        names = trial.config.tracking.tracker
        state = read_state(trial.path / STATE) if names else {}
        for name in names:
            if "failed" in state.get(name, {}):
                failures.setdefault(name, []).append(f"{trial.name}, {state[name]['failed']}")
    share = counted(len(trials), "trial")
    return [
        f"tracker {name!r} failed in {len(lines)} of {share}, and nothing else did; the first: {lines[0]}"
        for name, lines in failures.items()
    ]


class Trackers:
    """The trackers that a run names.

    Args:
        folder: Of the run, locked by this process.
        config: Its settings.
        method: Its method.

    Attributes:
        seconds: Spent in trackers, which are none of the run's.
    """

    def __init__(self, folder: RunFolder, config: RunConfig, method: Method) -> None:
        self.path, self.split = folder.path / STATE, config.evaluation.split
        self.state = read_state(self.path) if config.tracking.tracker else {}
        self.working: dict[str, Tracker] = {}
        self.seconds = 0.0
        history = folder.history() if config.tracking.tracker else []
        for name in config.tracking.tracker:
            known = self.state.get(name) or {}
            logged = [row for row in history if _whole(row.get("epoch")) <= _whole(known.get("epochs"))]
            run = TrackedRun(
                folder=folder.path.absolute(),
                experiment=config.experiment,
                method=config.method,
                seed=config.training.seed,
                settings=tracked_settings(config, method),
                known_as=known.get("known_as"),
                step=max((_whole(row.get("steps")) for row in logged), default=0),
            )
            self._start(name, run, _whole(known.get("epochs")))
        self.tell(history if self.working else ())

    def _start(self, name: str, run: TrackedRun, epochs: int) -> None:
        def start() -> None:
            tracker = make_tracker(name)
            self.state[name] = {"known_as": str(tracker.start(run)), "epochs": epochs}
            self.working[name] = tracker
            self._write()

        self._safely(name, "at its start", start)

    def tell(self, rows: Iterable[Row]) -> None:
        """Tells each tracker the rows of the history that it hasn't been told."""
        for row in rows:
            for name, tracker in list(self.working.items()):
                self._safely(name, f"at epoch {row.get('epoch')}", partial(self._log, name, tracker, row))

    def _log(self, name: str, tracker: Tracker, row: Row) -> None:
        epoch = _whole(row.get("epoch"))
        if epoch > self.state[name]["epochs"]:
            self.state[name]["epochs"] = epoch
            self._write()  # before: after a kill a point may be missing, and never there twice
            tracker.log(numbers(row), _whole(row.get("steps")))

    def finish(self, values: Mapping[str, Any], end: End) -> None:
        """Tells each tracker the final figures, and how the run ended."""
        figures = {f"{self.split}/{key}": value for key, value in numbers(values).items()}
        for name, tracker in list(self.working.items()):
            self._safely(name, "at the end", partial(tracker.finish, figures, end))
        self.working = {}

    def _safely(self, name: str, when: str, action: Callable[[], None]) -> None:
        """Does something with a tracker; what it raises ends its tracking with a warning."""
        started = time.perf_counter()
        try:
            with warnings.catch_warnings():
                for category in QUIET:
                    warnings.simplefilter("ignore", category)
                action()
        except (Exception, SystemExit) as error:  # a tracker may fail in any way
            self.working.pop(name, None)
            reason = str(error) if isinstance(error, VaeError) else f"{type(error).__name__}: {error}"
            told = f"tracker {name!r} failed {when}, the training goes on without it: {printable(reason)[:300]}"
            warnings.warn(told, stacklevel=2)
            self.state.setdefault(name, {})["failed"] = f"{when}: {printable(reason)[:300]}"
            with suppress(VaeError):  # a disk that is full is told by what the run itself writes
                self._write()
        finally:
            self.seconds += time.perf_counter() - started

    def _write(self) -> None:
        write_atomic(self.path, dump_json(self.state))

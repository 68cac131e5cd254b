"""The trials of an experiment as their files show them while another process, or another machine, works on them.

Nothing is written and no lock is touched. What is read often is small: of a trial that waits or has ended one file is
looked at, and read again only when it has changed. Every file is replaced whole or grows by whole lines, so that a
reader never sees a part of one.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from vaecli.core.errors import UsageError, VaeError
from vaecli.core.files import load_json
from vaecli.metrics.validation_alarm import Alarm, alarms
from vaecli.runs.folder import MARKER, STATUSES, RunFolder
from vaecli.runs.grid_file import PLAN, read_grid
from vaecli.runs.history import Row
from vaecli.runs.lock import Sign, read_owner, sign_of_owner
from vaecli.runs.option_words import option_words
from vaecli.runs.progress_file import PROGRESS, Stand, read_stand
from vaecli.runs.trial_index import trial_folders
from vaecli.settings.toml_file import read_toml

LIST_SECONDS = 10.0
"""Between two looks for new trials."""

State = Literal["waiting", "running", "done", "failed", "stopped", "lost"]
"""Of a trial, for a display. Failed ones may have diverged; lost ones say that they run, and no process seems to."""

_STATES: Mapping[str, State] = {
    "pending": "waiting",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "diverged": "failed",
    "interrupted": "stopped",
}


@dataclass(frozen=True)
class WatchedTrial:
    """What is known of a trial.

    Attributes:
        path: Of its folder.
        method: In its one spelling.
        label: ``bn``, or ``bn (bn.gamma=0.3)``; beside trials of other rows of a table, with the row's name.
        seed: Of the trial.
        told: Where it stands by its own word.
        message: Why it ended.
        loss: Why it seems not to run, though it says so.
        epochs: Planned, one at least for each stage of training; 0 where the settings can't be read.
        options: That train other methods on its corpus, with its sizes and settings.
        cost: Time of an update relative to vanilla, about.
        seconds: That it has taken, up to its end or its last interruption.
        startup_seconds: That its process took besides, before it began; 0 where it isn't known.
        evaluation_seconds: Of these in the final evaluation; None where it isn't known.
        sentences: Of the validation split; None before the trial began.
        stand: Inside the epoch, while it runs.
        written: When that was written, in seconds since 1970.
        rows: Of its history.
        alarms: What these say of its code.
        warning: What its first updates said of its end; empty without.
        values: Final figures by column.
        ended: When run.json was written last, in seconds since 1970.
    """

    path: Path
    method: str = ""
    label: str = ""
    seed: int = 0
    told: State = "waiting"
    message: str = ""
    loss: str = ""
    epochs: int = 0
    options: tuple[str, ...] = ()
    cost: float = 1.0
    seconds: float = 0.0
    startup_seconds: float = 0.0
    evaluation_seconds: float | None = None
    sentences: int | None = None
    stand: Stand | None = None
    written: float = 0.0
    rows: Sequence[Row] = ()
    alarms: Sequence[Alarm] = ()
    warning: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    ended: float = 0.0

    @property
    def name(self) -> str:
        """``bn seed 0``."""
        return f"{self.label} seed {self.seed}"

    @property
    def state(self) -> State:
        """Where it stands."""
        return "lost" if self.told == "running" and self.loss else self.told

    @property
    def epochs_done(self) -> float:
        """The part of the current epoch included."""
        whole = float(len(self.rows)) if not self.rows else float(_number(self.rows[-1].get("epoch")))
        return max(whole, self.stand.done) if self.stand is not None else whole


class ExperimentWatch:
    """Looks at trials again and again.

    Args:
        experiment: Its folder, or that of a table that is reproduced, whose rows are experiments.
        folders: Of the trials, in the order in which they are to be shown; all that are there without.
        title: What is watched, for displays; the experiment without.
    """

    def __init__(self, experiment: Path, folders: Sequence[Path] | None = None, title: Path | None = None) -> None:
        self.experiment, self.title = experiment, str(title or experiment)
        self.fixed = folders is not None
        self.folders: list[Path] = list(folders or ())
        self.listed = -LIST_SECONDS
        self.known: dict[Path, WatchedTrial] = {}
        self.stamps: dict[Path, tuple[int, int, int]] = {}
        self.unread: dict[Path, str] = {}
        """Why a trial can't be read now."""

    def look(self) -> list[WatchedTrial]:
        """All trials as they stand now; what can't be read for the moment is as it was."""
        if not self.fixed and time.monotonic() - self.listed >= LIST_SECONDS:
            self.listed = time.monotonic()
            self.folders = ordered(self.experiment)
        for folder in self.folders:
            try:
                trial = self._look_at(folder)
            except (OSError, ValueError, VaeError) as error:
                self.unread[folder] = f"{folder} can't be read: {error}"
                self.stamps = {path: stamp for path, stamp in self.stamps.items() if folder not in path.parents}
                continue
            self.unread.pop(folder, None)
            if trial is not None:
                self.known[folder] = trial
        return [self.known[folder] for folder in self.folders if folder in self.known]

    def row_of(self, folder: Path) -> str:
        """The row of a table that a trial is of; empty where only one experiment is watched."""
        row = folder.parent.parent
        return "" if row == self.experiment else row.name

    def worker(self) -> Sign:
        """What is seen of the process that runs the experiment, or any row of a table."""
        signs = [sign_of_owner(folder) for folder in self._locked()]
        return "alive" if "alive" in signs else signs[0]

    def _locked(self) -> list[Path]:
        """The folders that whoever runs it has locked."""
        return list(dict.fromkeys([self.experiment, *(folder.parent.parent for folder in self.folders)]))

    def since(self) -> str:
        """When whoever works on it has begun, as ISO 8601; empty where nobody does."""
        at_work = [trial.path for trial in self.known.values() if trial.state == "running"]
        owners = map(read_owner, self._locked() if self.worker() == "alive" else at_work)
        return min((str(owner.get("since") or "") for owner in owners if owner), default="")

    def _look_at(self, folder: Path) -> WatchedTrial | None:
        """A trial as its files show it; None where there is none."""
        run = self._changed(folder / "run.json")
        trial = self.known.get(folder)
        if run or trial is None:
            trial = self._read_run(folder)
            if trial is None:
                return None
            trial = replace(_with_rows(trial), loss="", stand=None)  # it may have been begun anew
        return self._read_progress(trial) if trial.told == "running" else trial

    def _read_run(self, folder: Path) -> WatchedTrial | None:
        """What run.json and the settings say."""
        run = load_json(folder / "run.json")
        if run is None or run.get("marker") != MARKER or run.get("status") not in STATUSES:
            return None
        state = _STATES[str(run["status"])]
        before = self.known.get(folder) or WatchedTrial(folder)
        before = replace(before, **_settings(folder, int(_number(run.get("stages")))))
        method = str(run.get("method") or folder.parent.name)
        message = str(run.get("message") or "")
        corpus = run.get("corpus")
        return replace(
            before,
            method=method,
            label=label_of(method, folder.parent.name, self.row_of(folder)),
            seed=int(_number(run.get("seed"))),
            told=state,
            warning=str(run.get("early_warning") or ""),
            message=f"diverged: {message}" if run["status"] == "diverged" else message,
            cost=_number(run.get("cost")) or 1.0,
            seconds=_number(run.get("seconds")),
            startup_seconds=_number(run.get("startup_seconds")),
            evaluation_seconds=_number(run.get("evaluation_seconds")) or None,
            sentences=int(_number(corpus.get("valid_sentences"))) or None if isinstance(corpus, Mapping) else None,
            values=_values(folder) if state == "done" else {},
            ended=(folder / "run.json").stat().st_mtime,
        )

    def _read_progress(self, trial: WatchedTrial) -> WatchedTrial:
        """How far a trial is that says that it runs, and whether a process seems to."""
        if self._changed(trial.path / PROGRESS) or trial.stand is None:
            written = self.stamps.get(trial.path / PROGRESS, (0,))[0] / 1e9
            stand = read_stand(trial.path)
            epochs = trial.epochs if stand is None else max(trial.epochs, stand.epochs)
            trial = replace(trial, stand=stand, written=written, epochs=epochs)
        if self._changed(trial.path / "history.csv"):
            trial = _with_rows(trial)
        sign = sign_of_owner(trial.path)
        if sign != "alive" and (load_json(trial.path / "run.json") or {}).get("status") != "running":
            return trial  # it has ended in between, which the next look reads
        return replace(trial, loss="" if sign == "alive" else _loss(trial.path, sign))

    def _changed(self, path: Path) -> bool:
        """Whether a file has changed since it was last asked for; one that is gone has not."""
        try:
            state = os.stat(path)
        except OSError:
            return False
        stamp = (state.st_mtime_ns, state.st_size, state.st_ino)
        if self.stamps.get(path) == stamp:
            return False
        self.stamps[path] = stamp
        return True


def ordered(experiment: Path) -> list[Path]:
    """The folders of an experiment's trials, in the order of its grid and then by name and seed.

    Of a table that is reproduced they are those of its rows, one after the other.
    """
    if rows := rows_in(experiment):
        return [trial for row in rows for trial in ordered(row)]
    try:
        methods = {method: number for number, method in enumerate(read_grid(experiment).methods)}
    except UsageError:
        methods = {}

    def rank(folder: Path) -> tuple[int, str, int, str]:
        method, seed = folder.parent.name, folder.name.removeprefix("seed-")
        return methods.get(method.split("--")[0], len(methods)), method, int(seed) if seed.isdecimal() else -1, seed

    return sorted(trial_folders(experiment), key=rank)


def rows_in(folder: Path) -> list[Path]:
    """The experiments that are the rows of a table; none in any other folder."""
    return sorted(folder.glob("*/")) if (folder / PLAN).is_file() and not trial_folders(folder) else []


def label_of(method: str, folder: str, row: str = "") -> str:
    """The name of a variant from that of its folder: ``bn--bn.gamma-0.3`` is ``bn (bn.gamma=0.3)``.

    Args:
        method: In its one spelling.
        folder: The name of its folder.
        row: Of a table, whose rows may be of one method; it stands in the method's place.
    """
    parts = [re.sub(r"^(.*?\.\w+)-", r"\1=", part) for part in folder.split("--")[1:]]
    name = row or method
    return f"{name} ({', '.join(parts)})" if parts else name


def _with_rows(trial: WatchedTrial) -> WatchedTrial:
    """The trial with its history as it is now."""
    rows = RunFolder(trial.path).history()
    return replace(trial, rows=rows, alarms=alarms(rows, trial.sentences, trial.epochs))


def _settings(folder: Path, stages: int) -> dict[str, Any]:
    """What a display needs of config.toml, whichever method it names, and however many stages that has."""
    try:
        config, _ = read_toml(folder / "config.toml")
    except VaeError:
        return {}
    training = config.get("training")
    epochs = training.get("epochs") if isinstance(training, Mapping) else 0
    return {"epochs": max(int(_number(epochs)), stages), "options": option_words(config)}


def _values(folder: Path) -> Mapping[str, Any]:
    values = (load_json(folder / "metrics.json") or {}).get("values")
    return values if isinstance(values, Mapping) else {}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _loss(folder: Path, sign: Sign) -> str:
    """Why a trial that says that it runs seems not to."""
    owner = read_owner(folder)
    if owner is None or sign == "none":
        return "its process is gone"
    who = f"process {owner['pid']} on {owner.get('host')}"
    return f"{who} is gone" if sign == "gone" else f"no sign of {who} for two minutes and more"

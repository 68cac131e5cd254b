"""The trials of an experiment as tables and checks need them; what was read once is remembered.

``.index.json`` in the experiment's folder keeps what the files of each trial said beside their sizes and times, so that
only those that have changed since are read again. It is a copy that nobody needs: where it is missing, damaged, of
another version or can't be written, the files are read instead, and the tables are the same. It is replaced whole, so
that of two writers the later one stays, and both are right.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import vaecli
from vaecli.config import GROUPS, RunConfig
from vaecli.core.errors import DataError, UsageError
from vaecli.core.files import write_atomic
from vaecli.runs.folder import RunFolder, Status, status_of

INDEX = ".index.json"
FORMAT = 3
FILES = ("run.json", "config.toml", "metrics.json")
"""The files of a trial that are read; the first two make a folder a trial."""
KEPT = ("status", "message", "corpus", "override", "own", "recipe", "remedies", "packages", "estimators")
"""Fields of run.json that tables and checks need."""
SETTLED = 2_000_000_000
"""Nanoseconds after which a further change of a file has another time, whatever the file system's clock."""

Stamp = list[int] | None
"""Size of a file, and when it and its entry in the folder were last changed, in ns; None where there is none."""


@dataclass(frozen=True)
class TrialRecord:
    """What the folder of a trial says of it.

    Attributes:
        path: Of the folder.
        seed: Of initialisation, data order and noise.
        run: The fields of run.json that are in `KEPT`.
        config: All other settings, as JSON has them; trials that share them share the object.
        values: Figures by column; empty before the trial is done.
    """

    path: Path
    seed: int
    run: Mapping[str, Any]
    config: Mapping[str, Any]
    values: Mapping[str, float | int | None]

    @property
    def status(self) -> Status:
        """Where the trial stands now, see `RunFolder.status`."""
        return status_of(self.path, self.run)

    @property
    def method(self) -> str:
        """In its one spelling."""
        return str(self.config["method"])

    @property
    def message(self) -> str:
        """Why the trial ended; empty where nothing is to be said."""
        return str(self.run.get("message") or "")

    @property
    def corpus(self) -> Mapping[str, Any]:
        """Name, fingerprint and vocabulary of the corpus; empty before the trial began."""
        return self.run.get("corpus") or {}


Facts = dict[str, Any]
"""What trials of one method share: their ``run`` and ``config``, as `TrialRecord` has them."""


@dataclass(frozen=True)
class _Entry:
    """What the index keeps of a trial: the stamps of `FILES`, and what they say."""

    files: list[Stamp]
    seed: int
    facts: Facts
    values: Mapping[str, Any]


def read_trials(experiment: Path, *, lenient: bool = False) -> list[TrialRecord]:
    """The trials in the folder of an experiment, by the names of their folders.

    Args:
        experiment: Its folder.
        lenient: Leave out those that can't be read.

    Raises:
        UsageError: A file of one can't be read, is damaged, or is of a newer version.
    """
    known = _load(experiment / INDEX)
    shared: dict[str, Facts] = {}
    entries: dict[str, _Entry] = {}
    for name in _names(experiment):
        try:
            entry = _entry(experiment / name, known.get(name), shared)
        except UsageError:
            if not lenient:
                raise
        else:
            entries |= {name: entry} if entry else {}
    settled = {name: entry for name, entry in entries.items() if _is_settled(entry.files)}
    if settled != known:
        _save(experiment / INDEX, settled)
    return [
        TrialRecord(experiment / name, entry.seed, entry.facts["run"], entry.facts["config"], entry.values)
        for name, entry in entries.items()
    ]


def settings_but_seed(config: RunConfig) -> tuple[dict[str, Any], int]:
    """All settings of a trial but its seed, as JSON has them, and the seed."""
    values = config.model_dump(mode="json")
    return values, values["training"].pop("seed")


def trial_folders(experiment: Path) -> list[Path]:
    """The folders of an experiment that are named as those of trials are, whatever is in them."""
    return [experiment / name for name in _names(experiment)]


def _names(experiment: Path) -> list[str]:
    """``bn/seed-0``: what may be trials, sorted."""
    names = []
    for method in _subfolders(experiment):
        names += [f"{method}/{name}" for name in _subfolders(experiment / method) if name.startswith("seed-")]
    return sorted(names)


def _subfolders(folder: Path) -> list[str]:
    """The names of the folders in a folder that can be read."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except OSError:
        return []


def _entry(folder: Path, known: _Entry | None, shared: dict[str, Facts]) -> _Entry | None:
    """What is known of a trial if its files are the same, what they say now if not; None where there is no trial."""
    files = [_stamp(f"{folder}/{name}") for name in FILES]
    if files[0] is None or files[1] is None:
        return None
    if known is not None and known.files == files:
        return known
    trial = RunFolder(folder)
    if not trial.exists:
        return None
    run = trial.run()
    config, seed = settings_but_seed(trial.config())
    facts = {"run": {key: run[key] for key in KEPT if key in run}, "config": config}
    values = trial.metrics().get("values", {}) if run.get("status") == "done" else {}
    return _Entry(files, seed, shared.setdefault(json.dumps(facts), facts), values)


def _stamp(path: str) -> Stamp:
    try:
        state = os.stat(path)
    except OSError:
        return None
    return [state.st_size, state.st_mtime_ns, state.st_ctime_ns] if stat.S_ISREG(state.st_mode) else None


def _is_settled(files: Sequence[Stamp]) -> bool:
    """Whether no file changed so lately that another change might bear the same time."""
    now = time.time_ns()
    return all(file is None or now - file[1] > SETTLED for file in files)


def _load(path: Path) -> dict[str, _Entry]:
    """The entries of an index by the names of trials; none where it isn't what this program wrote."""
    try:
        head, _, rest = path.read_bytes().partition(b"\n")
    except OSError:
        return {}
    body = rest.removesuffix(b"}\n")
    if head != _head(body):
        return {}
    index = json.loads(body)
    facts = index["facts"]
    return {name: _Entry(files, seed, facts[n], values) for name, (files, seed, n, values) in index["trials"].items()}


def _save(path: Path, entries: Mapping[str, _Entry]) -> None:
    """Replaces the index, if the folder can be written and is no link, through which nothing is."""
    if path.parent.is_symlink():
        return
    texts = {id(entry.facts): json.dumps(entry.facts) for entry in entries.values()}
    numbers = {text: n for n, text in enumerate(dict.fromkeys(texts.values()))}
    trials = {name: [e.files, e.seed, numbers[texts[id(e.facts)]], e.values] for name, e in entries.items()}
    body = f'{{"facts": [{", ".join(numbers)}], "trials": {json.dumps(trials)}}}'.encode()
    try:
        write_atomic(path, _head(body) + b"\n" + body + b"}\n")
    except DataError:  # of a folder that is only read, or a full disk
        return


def _head(body: bytes) -> bytes:
    """The first line of an index: its format, the program that wrote it, and the SHA-256 of what follows."""
    digest = hashlib.sha256(body).hexdigest()
    return f'{{"format": {FORMAT}, "program": "{_program()}", "sha256": "{digest}", "index":'.encode()


@cache
def _program() -> str:
    """What the entries depend on besides the files: the settings that this version knows, with their defaults."""
    defaults = {group: kind().model_dump(mode="json") for group, kind in GROUPS.items()}
    return f"{vaecli.__version__} {hashlib.sha256(json.dumps(defaults).encode()).hexdigest()[:12]}"

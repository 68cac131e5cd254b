"""The grid of an experiment, methods x seeds: which trials there are, and which of them are still to do."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from vaecli.config import GROUPS, RunConfig, build_config
from vaecli.core.errors import UsageError
from vaecli.core.files import write_atomic
from vaecli.core.names import check_name, folder_name
from vaecli.core.nested import flatten, merge, nested
from vaecli.remedies import make_method
from vaecli.runs.folder import FREE, RunFolder, config_changes, refuse_links, run_path
from vaecli.runs.grid_file import GRID as GRID
from vaecli.runs.grid_file import read_grid
from vaecli.runs.lock import FolderLock
from vaecli.runs.trial_index import TrialRecord, read_trials, settings_but_seed, trial_folders
from vaecli.settings.layers import Choices, several, writable
from vaecli.settings.resolve import Settings, load_settings

if TYPE_CHECKING:
    from vaecli.corpus.types import Corpus

UNFINISHED = ("pending", "running", "interrupted", "failed")
"""Statuses of trials that a further `vae compare` starts or goes on with."""


@dataclass(frozen=True)
class Trial:
    """One run of the grid.

    Attributes:
        method: In its one spelling.
        seed: Of initialisation, data order and noise.
        config: All settings.
        path: Its run folder.
        variant: The settings that set it apart from the method's other variants, by key; none where it has no others.
    """

    method: str
    seed: int
    config: RunConfig
    path: Path
    variant: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """``bn``, or ``bn (bn.gamma=0.3)``."""
        chosen = ", ".join(f"{key}={value}" for key, value in self.variant.items())
        return f"{self.method} ({chosen})" if chosen else self.method

    @property
    def name(self) -> str:
        """``bn seed 0``."""
        return f"{self.label} seed {self.seed}"


@dataclass(frozen=True)
class Experiment:
    """Methods x seeds that share everything else.

    Attributes:
        name: Of its folder.
        out: Where experiments are kept.
        settings: Methods, seeds, and everything that the trials share or don't.
    """

    name: str
    out: Path
    settings: Settings

    @classmethod
    def of(cls, settings: Settings, out: Path) -> Experiment:
        """The experiment of some settings; without a name of its own it bears the corpus's."""
        name = settings.experiment or corpus_name(str(settings.groups["corpus"]["data"]))
        return cls(check_name("experiment", name), out, settings)

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.out / self.name

    @property
    def methods(self) -> tuple[str, ...]:
        """In the order given."""
        return self.settings.methods

    @property
    def seeds(self) -> tuple[int, ...]:
        """In the order given."""
        return self.settings.seeds

    def trials(self) -> list[Trial]:
        """All trials: the methods in their order, the variants of each, and the seeds of these."""
        return list(self._trials)

    @cached_property
    def _trials(self) -> tuple[Trial, ...]:
        """`trials`; what a method's trials share is checked once and kept once."""
        found: list[Trial] = []
        known = KnownTrials(self.path)
        for method in self.methods:
            for variant in self.settings.variants(method):
                first = self.settings.config(method, self.seeds[0], self.name, variant)
                folder = variant_folder(method, variant)
                for seed in self.seeds:
                    training = first.training.model_copy(update={"seed": seed})
                    config = first.model_copy(update={"training": training})
                    path = known.folder_of(config, run_path(self.out, self.name, folder, seed))
                    found.append(Trial(method, seed, config, path, variant))
        _refuse_clashes(found)
        return tuple(found)

    def lock(self) -> AbstractContextManager[None]:
        """The right to run this experiment.

        Raises:
            UsageError: Another process has it, by number and host.
        """
        refuse_links(self.path)
        return FolderLock(self.path).hold()

    def check(self, overwrite: bool = False) -> None:
        """Refuses what would mix trials that can't be compared; changes nothing.

        Args:
            overwrite: The trials of this grid may be made anew.

        Raises:
            UsageError: The folder holds trials of other settings, with every difference on a line.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path} is a file; move it away or choose another --out or --name")
        changes = self._changed_grid()
        trials = self.trials()
        if overwrite:
            if changes:
                self._refuse_leftovers({trial.path for trial in trials})
            return
        known = {r.path: (r.config, r.seed) for r in read_trials(self.path)} if not changes else {}
        for trial in trials:
            if trial.path in known and not is_same(known[trial.path], settings_but_seed(trial.config)):
                old = RunFolder(trial.path).config()
                changes += [f"{trial.name}: {line}" for line in config_changes(old, trial.config)]
        if changes:
            lines = "\n  ".join(dict.fromkeys(changes))
            raise UsageError(
                f"{self.path} holds trials of other settings; choose another --name, or --overwrite them:\n  {lines}"
            )

    def plan(self, retry: bool = False, overwrite: bool = False, at_work: Collection[str] = frozenset()) -> list[Trial]:
        """The trials that are to be run; changes nothing.

        Args:
            retry: Those that diverged too.
            overwrite: All of them.
            at_work: Names of those that run or wait for their turn already, and whose end can be waited for.

        Raises:
            UsageError: Another process runs one of them.
        """
        todo = []
        known = {record.path: record for record in read_trials(self.path, lenient=overwrite)}
        for trial in self.trials():
            status = known[trial.path].status if trial.path in known else "pending"
            taken_over = trial.name in at_work
            if (taken_over and overwrite) or (status == "running" and not taken_over):
                raise UsageError(f"{trial.path}: this run is going on in another process; wait for it or stop it")
            if overwrite or status in UNFINISHED or (retry and status == "diverged"):
                todo.append(trial)
        return todo

    def prepare(self, trials: list[Trial], overwrite: bool = False) -> None:
        """Writes the grid, and the folders of trials that have none yet; the caller holds the lock."""
        old = None if overwrite and self._changed_grid() else self._old_grid()
        write_atomic(self.path / GRID, grid_text(self.name, self._joined(old)))
        for trial in trials:
            folder = RunFolder(trial.path)
            if overwrite or not folder.exists:
                own = self.settings.override(trial.method, trial.variant)
                folder.create(trial.config, overwrite=overwrite, experiment=self.name, override=own)
            else:
                folder.resume(with_free(folder.config(), trial.config))

    def _old_grid(self) -> Settings | None:
        path = self.path / GRID
        return load_settings(path) if path.exists() else None

    def _changed_grid(self) -> list[str]:
        """What the grid on disk says otherwise, a line a key; methods and seeds may differ."""
        old = self._old_grid()
        if old is None:
            return []
        lines = _differences(base_groups(old), base_groups(self.settings), "")
        for name in _remedies(old) & _remedies(self.settings):
            lines += _differences(old.hyper.get(name, {}), self.settings.hyper.get(name, {}), f"{name}.")
        # of a setting with several values on either side, the folders of the trials say what is what
        lists = {*old.choices, *self.settings.choices}
        lines = [line for line in lines if line.partition(":")[0] not in lists]
        for method in set(old.methods) & set(self.methods):
            before, after = old.overrides.get(method, {}), self.settings.overrides.get(method, {})
            lines += _differences(before, after, f"override.{method}.")
        return sorted(lines)

    def _refuse_leftovers(self, wanted: set[Path]) -> None:
        """Refuses to start anew beside run folders of the earlier settings, which the user has not given up."""
        left = [path for path in trial_folders(self.path) if path not in wanted and RunFolder(path).exists]
        if left:
            others = f" and {len(left) - 1} more" if len(left) > 1 else ""
            raise UsageError(f"{left[0]}{others} has earlier settings and isn't in this grid; choose another --name")

    def _joined(self, old: Settings | None) -> Settings:
        """The grid on disk with this one's methods and seeds added."""
        if old is None:
            return self.settings
        new = self.settings
        return replace(
            new,
            methods=tuple(dict.fromkeys((*old.methods, *new.methods))),
            seeds=tuple(dict.fromkeys((*old.seeds, *new.seeds))),
            hyper=merge(old.hyper, new.hyper),
            overrides=merge(old.overrides, new.overrides),
            choices={key: _values(key, old, new) for key in dict.fromkeys((*old.choices, *new.choices))},
        )


def _values(key: str, *settings: Settings) -> tuple[Any, ...]:
    """All values that a setting with several has had, single ones and defaults included."""
    owner, _, name = key.partition(".")
    values: list[Any] = []
    for one in settings:
        if key in one.choices:
            values += one.choices[key]
        elif owner in GROUPS:
            values.append(getattr(getattr(build_config(dict(one.groups)), owner), name))
        elif any(owner in method.split("+") for method in one.methods):
            (remedy,) = make_method(owner, one.hyper).remedies
            values.append(remedy.hyper()[name])
    chosen = several(values)
    return chosen.values if isinstance(chosen, Choices) else (chosen,)


def identity_of(settings: Mapping[str, Any], seed: int) -> str:
    """What makes two trials one: method, hyper-parameters with their defaults, and all settings that decide figures.

    Args:
        settings: See `settings_but_seed`.
        seed: Of the trial.

    Raises:
        UsageError: The method isn't installed.
    """
    remedies = make_method(settings["method"], settings["hyper"]).remedies
    flat = flatten({**settings, "hyper": {remedy.name: remedy.hyper() for remedy in remedies}})
    decisive = {key: value for key, value in flat.items() if key not in FREE}
    return json.dumps([seed, decisive], sort_keys=True)


def is_same(one: tuple[Mapping[str, Any], int], other: tuple[Mapping[str, Any], int]) -> bool:
    """Whether two trials are one, each as its settings and its seed."""
    return one == other or identity_of(*one) == identity_of(*other)


def with_free(old: RunConfig, new: RunConfig) -> RunConfig:
    """The settings of a run, with those of another that a run may be gone on with at other values (`FREE`)."""
    training = {key: getattr(new.training, key) for key in ("save_every", "threads")}
    return old.model_copy(update={"experiment": new.experiment, "training": old.training.model_copy(update=training)})


class KnownTrials:
    """The trials in an experiment's folder, found by what they are and not only by where they lie.

    Args:
        experiment: Its folder.
    """

    def __init__(self, experiment: Path) -> None:
        self.records = {record.path: record for record in read_trials(experiment, lenient=True)}

    def folder_of(self, config: RunConfig, path: Path) -> Path:
        """The folder of a trial: its own, or that in which a single run or another list has made the same one.

        Args:
            config: Of the trial.
            path: Its own folder.
        """
        values, seed = settings_but_seed(config)
        own = self.records.get(path)
        if not self.records or (own is not None and (own.config, own.seed) == (values, seed)):
            return path
        return self.by_identity.get(identity_of(values, seed), path)

    @cached_property
    def by_identity(self) -> dict[str, Path]:
        """The folders by `identity_of`."""
        known: dict[str, Path] = {}
        for record in self.records.values():
            with suppress(UsageError):
                known.setdefault(identity_of(record.config, record.seed), record.path)
        return known


def _refuse_clashes(trials: Sequence[Trial]) -> None:
    """Refuses variants that are one model, or whose names make one folder.

    Raises:
        UsageError: Names both.
    """
    seen: dict[Path, Trial] = {}
    for trial in trials:
        first = seen.setdefault(trial.path, trial)
        if first is not trial:
            raise UsageError(f"{first.name} and {trial.name} are one trial, or share the folder {trial.path}; keep one")


def variant_folder(method: str, variant: Mapping[str, Any]) -> str:
    """The name of the folder of a method's variant: ``bn--bn.gamma-0.3``."""
    return "--".join([method, *(folder_name(f"{key}-{value}") for key, value in variant.items())])


def corpus_name(data: str) -> str:
    """The name of an experiment on a corpus: ``synthetic``, or the folder's name made safe."""
    return folder_name(Path(data).name)


def find_runs(experiment: Path) -> list[TrialRecord]:
    """The trials in an experiment's folder: in the order of its grid, then by name and seed."""
    grid = read_grid(experiment)
    methods = {method: place for place, method in enumerate(grid.methods)}
    seeds = {seed: place for place, seed in enumerate(grid.seeds)}

    def rank(trial: TrialRecord) -> tuple[int, str, int, int, str]:
        folder, tail = trial.path.parent.name, trial.path.name.removeprefix("seed-")
        seed = int(tail) if tail.isdecimal() else -1
        return methods.get(trial.method, len(methods)), folder, seeds.get(seed, len(seeds)), seed, trial.path.name

    return sorted(read_trials(experiment), key=rank)


def check_corpus(experiment: Path, corpus: Corpus, data: str, replaced: Iterable[Path] = ()) -> None:
    """Refuses a corpus other than the one that the runs of an experiment were trained on.

    Two folders may bear one name and become one experiment by it; one folder's text may change between two runs; and
    another vocabulary makes another corpus of the same text. In one table their figures would be compared.

    Args:
        experiment: Its folder; it need not exist.
        corpus: Of the run or grid that is about to start.
        data: Where it comes from, for the message.
        replaced: Run folders that will be made anew.

    Raises:
        UsageError: A run has another fingerprint; names both.
    """
    ignored = {path.resolve() for path in replaced}
    for trial in read_trials(experiment, lenient=True):  # what can't be read is in no table either
        known = trial.corpus.get("fingerprint")
        if known and known != corpus.fingerprint and trial.path.resolve() not in ignored:
            theirs = trial.config["corpus"]["data"]
            same = "the text or its vocabulary has changed since" if theirs == data else f"it is {theirs!r}"
            raise UsageError(
                f"{trial.path}: this run is of another corpus (fingerprint {known[:12]}) than {data!r} "
                f"({corpus.fingerprint[:12]}): {same}; give the new one a --name of its own, or another --out"
            )


def base_groups(settings: Settings) -> dict[str, dict[str, Any]]:
    """All settings that the trials share, defaults included, without the seed."""
    config = build_config(dict(settings.groups))
    groups = {name: getattr(config, name).model_dump() for name in GROUPS}
    del groups["training"]["seed"]
    for key in settings.choices:
        group, _, name = key.partition(".")
        groups.get(group, {}).pop(name, None)
    return groups


def grid_text(name: str, settings: Settings) -> str:
    """The grid as TOML that `vae compare` takes; nothing in it depends on where it lies."""
    lists = nested(settings.choices)
    groups = merge(base_groups(settings), {group: lists[group] for group in GROUPS if group in lists})
    hyper = merge(settings.hyper, {owner: table for owner, table in lists.items() if owner not in GROUPS})
    values: dict[str, Any] = {
        "experiment": name,
        "preset": settings.preset,
        "methods": list(settings.methods),
        "seeds": list(settings.seeds),
        **{group: writable(table) for group, table in groups.items()},
    }
    if hyper:
        values["method"] = hyper
    if settings.overrides:
        values["override"] = {
            method: {group: writable(table) for group, table in tables.items()}
            for method, tables in settings.overrides.items()
        }
    return "# The grid of this experiment; `vae compare` with this file repeats it.\n" + tomli_w.dumps(values)


def _remedies(settings: Settings) -> set[str]:
    return {part for method in settings.methods for part in method.split("+")}


def _differences(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str) -> list[str]:
    old, new = flatten(before), flatten(after)
    keys = [key for key in (*old, *(k for k in new if k not in old)) if old.get(key) != new.get(key)]
    keys = [key for key in keys if prefix + key not in FREE]
    return [f"{prefix}{key}: {old.get(key)!r} -> {new.get(key)!r}" for key in keys]

"""The grid of an experiment, methods x seeds: which trials there are, and which of them are still to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecli.config import RunConfig
from vaecli.core.errors import UsageError
from vaecli.core.files import write_atomic
from vaecli.core.names import check_name, folder_name
from vaecli.corpus.origins import corpus_title
from vaecli.remedies import is_available, make_method, resolve
from vaecli.runs.folder import RunFolder, config_changes, refuse_links, run_path
from vaecli.runs.grid_file import GRID, read_grid
from vaecli.runs.grid_settings import changed, grid_text, joined
from vaecli.runs.known_trials import KnownTrials, is_same, with_free
from vaecli.runs.lock import FolderLock
from vaecli.runs.trial_index import TrialRecord, read_trials, settings_but_seed, trial_folders
from vaecli.settings.protocols import PROTOCOL_KEY, SHARED
from vaecli.settings.resolve import Settings, load_settings
from vaecli.settings.toml_file import read_toml, split_methods

if TYPE_CHECKING:
    from vaecli.remedies.core.compose import Method

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
        as_named: The method as the grid names it, to which its paper may add remedies; `method` without one.
    """

    method: str
    seed: int
    config: RunConfig
    path: Path
    variant: Mapping[str, Any] = field(default_factory=dict)
    as_named: str = ""

    @property
    def label(self) -> str:
        """``bn``, ``bn (bn.gamma=0.3)``, or ``bn (published)`` under another protocol than the shared one."""
        protocol = self.config.training.protocol
        parts = [f"{key}={value}" for key, value in self.variant.items() if key != PROTOCOL_KEY]
        chosen = ", ".join([*([protocol] if protocol != SHARED else []), *parts])
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
        trials: list[Trial] = []
        for method in self.methods:
            for variant in self.settings.variants(method):
                first = self.settings.config(method, self.seeds[0], self.name, variant)
                if first.method != method and first.method in self.methods:
                    continue  # with what its paper adds it is another method of the grid
                folder = variant_folder(first.method, variant, first.training.protocol)
                for seed in self.seeds:
                    training = first.training.model_copy(update={"seed": seed})
                    config = first.model_copy(update={"training": training})
                    path = self.known.folder_of(config, run_path(self.out, self.name, folder, seed))
                    trials.append(Trial(first.method, seed, config, path, variant, method))
        _refuse_clashes(trials)
        return tuple(trials)

    @cached_property
    def known(self) -> KnownTrials:
        """What is in the folder, as `check` saw it last."""
        return KnownTrials(self.path)

    def _look_again(self) -> None:
        """Forgets what was in the folder, and with it where the trials lie."""
        for name in ("known", "_trials"):
            self.__dict__.pop(name, None)

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
        self._look_again()
        changes = self._changed_grid()
        trials = self.trials()
        if overwrite:
            if changes:
                self._refuse_leftovers({trial.path for trial in trials})
            return
        for trial in trials if not changes else []:
            record = self.known.records.get(trial.path)
            if record and not _is_same(record, trial.config):
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
        settings = joined(old, self.settings) if old else self.settings
        remedies = self._absent if old else set()
        absent = split_methods(read_toml(self.path / GRID)[0], remedies)[1] if remedies else {}
        absent |= {"methods": read_grid(self.path).methods} if remedies else {}  # in their order
        write_atomic(self.path / GRID, grid_text(self.name, settings, absent))
        methods: dict[str, Method] = {}
        for trial in trials:
            folder = RunFolder(trial.path)
            if overwrite or not folder.exists:
                own = self.settings.override(trial.as_named, trial.variant)
                if trial.label not in methods:
                    methods[trial.label] = make_method(trial.method, trial.config.hyper)
                folder.create(
                    trial.config,
                    overwrite=overwrite,
                    variant=trial.variant,
                    experiment=self.name,
                    override=own,
                    cost=methods[trial.label].cost,
                    stages=_stages(methods[trial.label]),
                    **protocol_fields(self.settings, trial.as_named, trial.variant, trial.config),
                )
            else:
                folder.resume(with_free(folder.config(), trial.config))

    def _old_grid(self) -> Settings | None:
        """The grid on disk, without the methods that can't be had here: their trials stay as they are."""
        path = self.path / GRID
        if not path.exists():
            return None
        absent = self._absent
        if absent and all(set(resolve(method)) & absent for method in read_grid(self.path).methods):
            return replace(load_settings(path, default_methods=self.methods, leave_out=absent), methods=())
        return load_settings(path, leave_out=absent)

    @property
    def _absent(self) -> set[str]:
        """The remedies of the grid on disk that can't be had here: their package isn't there, or broken."""
        return {part for method in read_grid(self.path).methods for part in resolve(method) if not is_available(part)}

    def _changed_grid(self) -> list[str]:
        """What the grid on disk says otherwise."""
        old = self._old_grid()
        return [] if old is None else changed(old, self.settings)

    def _refuse_leftovers(self, wanted: set[Path]) -> None:
        """Refuses to start anew beside run folders of the earlier settings, which the user has not given up."""
        left = [path for path in trial_folders(self.path) if path not in wanted and RunFolder(path).exists]
        if left:
            others = f" and {len(left) - 1} more" if len(left) > 1 else ""
            raise UsageError(f"{left[0]}{others} has earlier settings and isn't in this grid; choose another --name")


def _is_same(record: TrialRecord, config: RunConfig) -> bool:
    """Whether a trial that is there is the one that some settings make.

    Raises:
        UsageError: Its method can't be made with its settings, as of a package that has other ones by now; names it.
    """
    try:
        return is_same((record.config, record.seed), settings_but_seed(config))
    except UsageError as error:
        told = "choose another --name, or --overwrite it"
        raise UsageError(f"{record.path}: its method can't be made here as it was trained; {told}: {error}") from None


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


def variant_folder(method: str, variant: Mapping[str, Any], protocol: str = SHARED) -> str:
    """The name of the folder of a method's variant: ``bn--bn.gamma-0.3``, ``bn--published``."""
    chosen = [folder_name(f"{key}-{value}") for key, value in variant.items() if key != PROTOCOL_KEY]
    return "--".join([method, *([protocol] if protocol != SHARED else []), *chosen])


def protocol_fields(settings: Settings, method: str, variant: Mapping[str, Any], config: RunConfig) -> dict[str, str]:
    """What run.json keeps of a trial's protocol: its name, and whose recipe it is or why there is none.

    Args:
        settings: Of the grid or the run.
        method: As these name it.
        variant: See `Settings.variants`.
        config: Of the trial.
    """
    told = settings.training(method, variant).told
    return {"protocol": config.training.protocol} | ({"recipe": told} if told else {})


def corpus_name(data: str) -> str:
    """The name of an experiment on a corpus: ``synthetic``, or that of the folder, file or dataset made safe."""
    return folder_name(corpus_title(data))


def find_runs(experiment: Path) -> list[TrialRecord]:
    """The trials in an experiment's folder: in the order of its grid, then by name and seed."""
    grid = read_grid(experiment)
    methods = {method: n for n, method in enumerate(grid.methods)}
    seeds = {seed: n for n, seed in enumerate(grid.seeds)}

    def rank_of(method: str) -> int:
        parts = set(method.split("+"))  # to which its protocol may have added some
        inside = [n for name, n in methods.items() if set(name.split("+")) <= parts]
        return methods.get(method, min(inside, default=len(methods)))

    def rank(trial: TrialRecord) -> tuple[int, str, int, int, str]:
        folder, tail = trial.path.parent.name, trial.path.name.removeprefix("seed-")
        seed = int(tail) if tail.isdecimal() else -1
        return rank_of(trial.method), folder, seeds.get(seed, len(seeds)), seed, trial.path.name

    return sorted(read_trials(experiment), key=rank)


def _stages(method: Method) -> int:
    """How many stages of training a method has; 1 where its own are refused, which its trial then says."""
    try:
        return len(method.phases())
    except UsageError:
        return 1

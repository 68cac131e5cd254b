"""A table's rows as experiments: one a row, all in one folder, whose plan says what the budget left of the epochs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

import torch

from vaecli.config import GROUPS, RunConfig, build_config
from vaecli.core.durations import duration
from vaecli.core.errors import UsageError, unknown
from vaecli.core.files import dump_json, load_json, write_atomic
from vaecli.core.messages import counted
from vaecli.core.nested import merge
from vaecli.core.resources import cores
from vaecli.corpus.load import keep_corpus, load_corpus
from vaecli.engines.local import resolve_jobs
from vaecli.engines.run_grid import open_experiment
from vaecli.remedies import make_method, remedy_name
from vaecli.reproduction.budget import MARGIN, Planned, decay_start_of, epochs_within, total_seconds
from vaecli.reproduction.made import Made, with_command
from vaecli.reproduction.paper_tables import PaperRow, PaperTable
from vaecli.runs.experiment import Experiment
from vaecli.runs.folder import refuse_links
from vaecli.runs.grid_file import PLAN
from vaecli.settings.resolve import Settings, load_settings
from vaecli.training.timing import mean_pace, measured_pace

Told = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What the user asks for.

    Attributes:
        table: To be run again.
        rows: Names of rows; all without.
        seeds: Instead of the table's.
        data: The corpus, instead of the table's.
        device: Instead of the default.
        sets: ``--set`` values for all rows, the last word but for the budget.
        budget: Seconds; None leaves the epochs.
        jobs: Trials at a time; 0 is one a core.
        environment: Whose ``VAE_*`` variables are read.
        searches: Folder of experiments, see `load_settings`.
    """

    table: PaperTable
    rows: tuple[str, ...] = ()
    seeds: str | None = None
    data: str | None = None
    device: str | None = None
    sets: tuple[str, ...] = ()
    budget: float | None = None
    jobs: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    searches: Path | None = None

    @property
    def chosen(self) -> list[PaperRow]:
        """The rows, in the table's order.

        Raises:
            UsageError: There is none of a name.
        """
        names = [row.name for row in self.table.rows]
        for name in self.rows:
            if name not in names:
                raise unknown("row", name, names, "--rows", f"vae reproduce {self.table.name} --list")
        return [row for row in self.table.rows if not self.rows or row.name in self.rows]

    def settings(self, row: PaperRow) -> Settings:
        """Those of a row, at the table's epochs.

        Raises:
            UsageError: A setting is wrong, or one that a table has in another way.
        """
        if self.seeds is None and any(text.partition("=")[0].strip() == "training.seed" for text in self.sets):
            own = f"the table's seeds are {self.table.seeds}"
            raise UsageError(f"--set training.seed: {own}; --seeds takes others")
        return self._load(row, self._sets(row))

    @property
    def notes(self) -> list[str]:
        """What is to be told of the user's own settings: lines that hold for every chosen row."""
        own = [[note for note in self.settings(row).notes if note.startswith("--")] for row in self.chosen]
        return [note for note in own[0] if all(note in others for others in own)]

    def _load(self, row: PaperRow, sets: Sequence[str]) -> Settings:
        return load_settings(
            preset=self.table.preset,
            table=self.table.shared_settings(row),
            values=row.settings,
            options={"corpus": {"data": self.data}, "training": {"device": self.device}},
            sets=sets,
            environment=self.environment,
            methods=[row.method],
            seeds=self.table.seeds if self.seeds is None else self.seeds,
            experiment=row.name,
            jobs=self.jobs,
            searches=self.searches,
        )

    def _sets(self, row: PaperRow) -> list[str]:
        """Those that concern a row: a remedy's setting is for the chosen rows that have it, and wrong without any."""
        others = frozenset[str]().union(*self._remedies.values()) - self._remedies.get(row.name, frozenset())
        return [text for text in self.sets if _owner(text) not in others]

    @cached_property
    def _remedies(self) -> dict[str, frozenset[str]]:
        """Those of each chosen row, by its name; with what its paper adds, where it is trained as published."""
        common = [text for text in self.sets if _owner(text) in GROUPS]
        if len(common) == len(self.sets):
            return {}
        by_row = {}
        for row in self.chosen:
            try:
                methods = [config.method for config in configs_of(self._load(row, common), row.method)]
            except UsageError:  # which is told together with what is wrong with the others
                methods = [row.method]
            by_row[row.name] = frozenset(part for method in methods for part in method.split("+"))
        return by_row


def _owner(text: str) -> str:
    """The group or remedy of a ``--set`` value, in its one spelling."""
    return remedy_name(text.partition("=")[0].strip().partition(".")[0])


@dataclass(frozen=True)
class Plan:
    """Epochs of the rows, as a reproduction's folder keeps them, so that the same command goes on with them.

    Attributes:
        table: Its name.
        budget: Seconds; None where there is none.
        jobs: Trials at a time that the budget was shared among.
        epochs: By row.
        planned: Epochs of the table by row.
        seconds: Of all trials by the measured pace; None without a budget.
        paces: Measured seconds by row.
        trials: By row, that the budget was shared among.
        made: The commands that ran trials of its rows, with versions and machine, the first one first.
    """

    table: str
    budget: float | None
    jobs: int
    epochs: Mapping[str, int]
    planned: Mapping[str, int]
    seconds: float | None = None
    paces: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    trials: Mapping[str, int] = field(default_factory=dict)
    made: Sequence[Made] = ()

    @property
    def rule(self) -> str:
        """What the budget did, in a line; empty where it did nothing."""
        if self.budget is None:
            return ""
        cut = {name: epochs for name, epochs in self.epochs.items() if epochs < self.planned[name]}
        if not cut and self.exceeded:
            return f"budget {duration(self.budget)}: one epoch a row, which is all that they have, takes longer"
        if not cut:
            return f"budget {duration(self.budget)}: all epochs fit"
        least = " (one epoch a row, the least, takes longer)" if self.exceeded else ""
        return (
            f"budget {duration(self.budget)}{least}: by the time of its first updates each row has as many epochs, 1 "
            "at least, as fit into an equal share; the epochs before the first decay and warm-ups shrink with them"
        )

    @property
    def exceeded(self) -> bool:
        """Whether not even one epoch a row fits the budget."""
        return self.budget is not None and self.seconds is not None and self.seconds > self.budget

    def run_by_this(self, rows: Sequence[str], todo: Collection[str]) -> Plan:
        """The plan with this process's command beside those before it, see `with_command`."""
        return replace(self, made=with_command(self.made, rows, todo))

    def save(self, folder: Path) -> None:
        """Writes it into the folder of the reproduction."""
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / PLAN, dump_json(asdict(self)))


def load_plan(folder: Path) -> Plan | None:
    """The plan in a folder; None where there is none.

    Raises:
        UsageError: It can't be read.
    """
    try:
        values = load_json(folder / PLAN)
        if values is None:
            return None
        made = values.get("made") or []  # of an earlier version the first command alone
        return Plan(**{**values, "made": [made] if isinstance(made, dict) else made})
    except (OSError, TypeError, ValueError) as error:
        raise UsageError(f"{folder / PLAN}: not a plan: {error}; choose another --out") from None


def plan_of(request: Request, folder: Path, told: Told) -> Plan:
    """The plan in a folder if it is of this request, else a new one, measured where there is a budget.

    Raises:
        UsageError: The folder's plan is of another table or budget, or has a row with other epochs; or a row is to
            have several numbers of epochs.
        DataError: The corpus isn't there.
    """
    refuse_links(folder)
    old = load_plan(folder)
    settings = {row.name: request.settings(row) for row in request.chosen}
    _refuse_lists(settings.values(), request.budget)
    planned = {name: _planned(one) for name, one in settings.items()}
    if old is not None:
        if (old.table, old.budget) != (request.table.name, request.budget):
            told_budget = "no budget" if old.budget is None else f"a budget of {duration(old.budget)}"
            raise UsageError(
                f"{folder} holds {old.table} with {told_budget}; say the same again, or choose another --out"
            )
        _refuse_other_epochs(folder, old, planned)
        if set(planned) <= set(old.epochs):
            _refuse_more_trials(folder, old, planned)
            return old
    if request.budget is None:
        epochs = {name: row.epochs for name, row in planned.items()}
        return _joined(old, Plan(request.table.name, None, request.jobs, epochs, epochs))
    if old is not None:
        missing = ", ".join(sorted(set(planned) - set(old.epochs)))
        raise UsageError(f"{folder}: its budget was shared without {missing}; choose another --out")
    return _measured(request, settings, planned, told)


def _refuse_lists(settings: Iterable[Settings], budget: float | None) -> None:
    """Refuses several values of what a plan says once a row: its epochs, and under a budget those before a decay.

    Raises:
        UsageError: Names the values.
    """
    once = ("training.epochs", *(("training.decay_start",) if budget is not None else ()))
    for key, values in ((key, one.choices[key]) for one in settings for key in once if key in one.choices):
        told = ",".join(map(str, values))
        raise UsageError(f"{key}={told}: the plan of a table has one value a row; give each an --out of its own")


def _refuse_other_epochs(folder: Path, plan: Plan, planned: Mapping[str, Planned]) -> None:
    """Refuses a row whose full number of epochs isn't that of its plan, which would be run by the plan's all the same.

    Raises:
        UsageError: Names the row.
    """
    for name, row in planned.items():
        before = plan.planned.get(name, row.epochs)
        if before != row.epochs:
            raise UsageError(
                f"{folder}: {name} was planned with {counted(before, 'epoch')}, not {row.epochs}; say the same again, "
                "or choose another --out"
            )


def _refuse_more_trials(folder: Path, plan: Plan, planned: Mapping[str, Planned]) -> None:
    """Refuses more trials of a row than its plan's budget was shared among.

    Raises:
        UsageError: Names the row.
    """
    for name, row in planned.items():
        shared = plan.trials.get(name, row.trials)
        if plan.budget is not None and row.trials > shared:
            raise UsageError(
                f"{folder}: its budget of {duration(plan.budget)} was shared among {counted(shared, 'trial')} of "
                f"{name}, not {row.trials}; choose another --out"
            )


def _joined(old: Plan | None, new: Plan) -> Plan:
    if old is None:
        return new
    return replace(new, epochs={**old.epochs, **new.epochs}, planned={**old.planned, **new.planned}, made=old.made)


def _planned(settings: Settings) -> Planned:
    """By what all variants share: a protocol's own epochs before a decay are its own affair, not the table's."""
    training = build_config(dict(settings.groups)).training
    configs = configs_of(settings, settings.methods[0])
    stages = max(len(make_method(config.method, config.hyper).phases()) for config in configs)
    count = len(settings.seeds) * len(configs)
    return Planned(training.epochs, training.decay_start, count, stages=stages)


def configs_of(settings: Settings, method: str) -> list[RunConfig]:
    """Of each variant of a method, such as each protocol's, with the first seed."""
    seed = settings.seeds[0]
    return [settings.config(method, seed, variant=variant) for variant in settings.variants(method)]


def _measured(request: Request, settings: Mapping[str, Settings], planned: Mapping[str, Planned], told: Told) -> Plan:
    """A plan within the budget; the first updates of each row are timed with the threads that its trials will have."""
    assert request.budget is not None
    jobs = resolve_jobs(request.jobs, sum(row.trials for row in planned.values()))
    threads = torch.get_num_threads()
    try:
        timed = {}
        for name, row in planned.items():
            told(f"timing the first updates of {name}")
            paces = []
            for config in configs_of(settings[name], settings[name].methods[0]):
                torch.set_num_threads(config.training.threads or max(1, cores() // jobs))
                paces.append(measured_pace(config, load_corpus(config.corpus)))
            timed[name] = replace(row, pace=mean_pace(paces))
    finally:
        torch.set_num_threads(threads)
    epochs = epochs_within(timed, request.budget, jobs)
    return Plan(
        request.table.name,
        request.budget,
        jobs,
        epochs,
        {name: row.epochs for name, row in planned.items()},
        total_seconds(timed, epochs, jobs),
        {name: asdict(row.pace) for name, row in timed.items() if row.pace is not None},
        {name: row.trials for name, row in planned.items()},
    )


def row_experiments(request: Request, plan: Plan, folder: Path, told: Told) -> list[Experiment]:
    """The experiments of the rows at the plan's epochs, checked; the corpus is read once.

    Raises:
        UsageError: A row's folder holds trials of other settings.
        DataError: The corpus can't be used.
    """
    made = []
    for row in request.chosen:
        settings = request.settings(row)
        epochs = plan.epochs[row.name]
        shorter = {"epochs": epochs, "decay_start": decay_start_of(_planned(settings), epochs)}
        settings = replace(settings, groups=merge(settings.groups, {"training": shorter}))
        keep_corpus(settings.config(row.method, settings.seeds[0]).corpus)
        experiment, _ = open_experiment(settings, folder, told=told)
        made.append(experiment)
    return made


def margin_line(plan: Plan) -> str:
    """What is planned, for displays: ``about 12m of a budget of 15m``; empty without a budget."""
    if plan.budget is None or plan.seconds is None:
        return ""
    share = f"{MARGIN:.0%} of it are planned with"
    return f"about {duration(plan.seconds)} of a budget of {duration(plan.budget)}; {share}"

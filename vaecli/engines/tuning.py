"""The search of a method's settings: Optuna proposes, the trials are ordinary runs, a budget of epochs ends it.

Trials are made in rounds of as many as run at a time, and their end is told in their order, so that a search depends on
its seed and its jobs and on no clock. Every method gets the same number of epochs; a trial that is pruned spends fewer,
and leaves the rest to others. The journal of the study, in JSON lines, lets an interrupted search go on.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecli.core.errors import InterruptedRunError, VaeError
from vaecli.core.nested import merge
from vaecli.engines.candidates import Candidate, best_figures
from vaecli.engines.engine import Engine, Event, Policy
from vaecli.engines.supervisor import mark
from vaecli.remedies import make_method
from vaecli.remedies.core.phase_epochs import whole_epochs
from vaecli.remedies.core.remedy import Phase
from vaecli.remedies.core.sensible import Sensible, Span, range_text, sensible_text
from vaecli.runs.experiment import Experiment, Trial, variant_folder
from vaecli.runs.folder import RunFolder, Status, run_path
from vaecli.runs.known_trials import with_free
from vaecli.runs.stop_request import STOP, forget_request, request_stop
from vaecli.settings.search import Objective, Space, holds
from vaecli.settings.searches import shared_settings

if TYPE_CHECKING:
    import optuna

DIGITS = 4
"""Of a number that is tried; more would be noise in the name of a folder."""
REPEATS = 20
"""Proposals of what has been tried already after which a search of few values ends."""
STARTUP = 5
"""Trials before any is pruned, and random ones before the sampler learns."""

Watch = Callable[[list[Trial]], AbstractContextManager[Callable[[Event], None]]]


@dataclass
class Search:
    """The search of one method.

    Attributes:
        experiment: That the trials are of; its settings are those that aren't searched.
        method: In its one spelling.
        space: What is searched.
        objective: By what.
        trials: Whose epochs are the budget.
        seed: Of the sampler, and of every trial.
        jobs: Trials at a time.
        prune: Whether trials that are worse than the median at the same epoch end early.
        folder: Of the journal.
        candidates: The trials so far.
        finished: Whether the budget is spent, or all values have been tried.
    """

    experiment: Experiment
    method: str
    space: Space
    objective: Objective
    trials: int
    seed: int
    jobs: int
    prune: bool
    folder: Path
    candidates: list[Candidate] = field(default_factory=list)
    finished: bool = False

    @property
    def epochs(self) -> int:
        """Planned, of a trial."""
        return self.experiment.settings.config(self.method, self.seed).training.epochs

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The stages of a trial, whatever their shares, which may be searched."""
        config = self.experiment.settings.config(self.method, self.seed)
        return make_method(config.method, config.hyper).phases()

    @property
    def whole(self) -> int:
        """Epochs that a whole trial takes: where fewer are planned than it has stages, one of each."""
        return whole_epochs(self.phases, self.epochs)

    @property
    def ranges(self) -> dict[str, str]:
        """What is searched, as ``--range`` takes it."""
        return {key: range_text(values) for key, values in self.space.items()}

    @property
    def spent(self) -> int:
        """Epochs that the trials have taken."""
        return sum(candidate.epochs for candidate in self.candidates)

    @property
    def prunes(self) -> bool:
        """Whether it can prune: Optuna does so for one figure."""
        return self.prune and len(self.objective.columns) == 1

    def file(self, suffix: str) -> Path:
        """A file of the search, named as the folder of the method's runs is."""
        return self.folder / f"{self.method.replace(':', '.')}{suffix}"

    def run(self, engine: Engine, watch: Watch) -> None:
        """Searches until the budget is spent.

        Raises:
            InterruptedRunError: A signal came; the same search goes on where it ended.
        """
        with quiet_optuna():
            study = self._study()
            self._recall(study)
            repeats = 0
            while repeats < REPEATS and (asked := self._ask(study)):
                new = {trial.path: own for own, trial in asked if trial.path not in self._known()}
                repeats = 0 if new else repeats + len(asked)
                self._run_round(engine, watch, asked)
                for own, trial in asked:
                    self._tell(study, own, trial, counts=new.get(trial.path) is own)
            self.finished = True

    def _known(self) -> set[Path]:
        return {candidate.path for candidate in self.candidates}

    def _study(self) -> optuna.Study:
        """The study of the journal, made where there is none; what ran when its process ended is asked for again."""
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        self.folder.mkdir(parents=True, exist_ok=True)
        storage = JournalStorage(JournalFileBackend(str(self.file(".log"))))
        searched = ", ".join(f"{key} {sensible_text(values)}" for key, values in self.space.items())
        name = f"{self.objective} of {self.method}, seed {self.seed}: {searched}"  # where one differs, another search
        study = optuna.create_study(
            storage=storage, study_name=name, load_if_exists=True, directions=self.objective.directions
        )
        for frozen in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
            study.tell(frozen.number, state=optuna.trial.TrialState.FAIL)
            study.enqueue_trial(frozen.params)
        if not study.trials and (defaults := self._defaults()):
            study.enqueue_trial(defaults)  # the first trial is that of the defaults
        return study

    def _defaults(self) -> dict[str, Any]:
        """The values that the settings have anyway; none where one is outside of what is searched."""
        config = self.experiment.settings.config(self.method, self.seed)
        tables = merge(config.model_dump(), config.hyper)
        values = {key: tables[key.partition(".")[0]][key.partition(".")[2]] for key in self.space}
        return values if all(holds(self.space[key], value) for key, value in values.items()) else {}

    def _recall(self, study: optuna.Study) -> None:
        """Takes over the trials of an earlier process."""
        for frozen in study.trials:
            told = frozen.user_attrs.get("candidate")
            if told is not None and not told["repeats"]:
                path = self.experiment.path / told["path"]
                status, figures, epochs = told["status"], told["figures"], told["epochs"]
                self.candidates.append(Candidate(self.method, told["values"], status, figures, epochs, path))

    def _ask(self, study: optuna.Study) -> list[tuple[optuna.Trial, Trial]]:
        """The trials of the next round, as far as the budget goes."""
        import optuna
        from numpy.random import SeedSequence

        asked: list[tuple[optuna.Trial, Trial]] = []
        left = self.trials * self.whole - self.spent
        for _ in range(min(self.jobs, left // self.whole)):
            startup = max(STARTUP, self.trials // 3)
            number = sum("candidate" in frozen.user_attrs for frozen in study.trials) + len(asked)
            seed = int(SeedSequence((self.seed, number)).generate_state(1)[0])  # no two searches share a draw
            study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=startup)
            study.pruner = optuna.pruners.MedianPruner(STARTUP, n_warmup_steps=max(1, self.epochs // 3))
            own = study.ask()
            values = {key: suggested(own, key, values) for key, values in self.space.items()}
            asked.append((own, self._trial(values)))
        return asked

    def _trial(self, values: Mapping[str, Any]) -> Trial:
        settings, name = self.experiment.settings, self.experiment.name
        config = settings.config(self.method, self.seed, name, values)
        path = run_path(self.experiment.out, name, variant_folder(self.method, values), self.seed)
        return Trial(self.method, self.seed, config, self.experiment.known.folder_of(config, path), values)

    def _run_round(self, engine: Engine, watch: Watch, asked: Sequence[tuple[optuna.Trial, Trial]]) -> None:
        """Runs what isn't done yet."""
        todo: dict[Path, tuple[optuna.Trial, Trial]] = {}
        for own, trial in asked:
            folder = RunFolder(trial.path)
            if not folder.exists:
                override = self.experiment.settings.override(self.method, trial.variant)
                name = self.experiment.name
                folder.create(trial.config, variant=trial.variant, experiment=name, override=override)
            elif trial.path not in self._known() and folder.status not in ("done", "diverged"):
                folder.resume(with_free(folder.config(), trial.config))
            if trial.path not in self._known() and folder.status not in ("done", "diverged"):
                forget_request(trial.path)
                todo.setdefault(trial.path, (own, trial))
        if not todo:
            return
        trials = [trial for _, trial in todo.values()]
        with watch(trials) as show:

            def on_event(event: Event) -> None:
                if event.kind == "progress" and event.row is not None:
                    self._report(todo[event.trial.path][0], event.trial.path, event.row)
                show(event)

            outcome = engine.run(trials, on_event, Policy(jobs=self.jobs))
        if outcome.signal_number is not None:
            raise InterruptedRunError("interrupted; the same command goes on with the search", outcome.signal_number)

    def _report(self, own: optuna.Trial, path: Path, row: Mapping[str, Any]) -> None:
        """Tells the pruner of a validation; asks the trial to stop where it says so.

        A stage before the last trains something else, so that its figures say nothing of the trial's end, and less
        beside those of a trial that is in its last stage already.
        """
        value, epoch = row.get(self.objective.columns[0]), row.get("epoch")
        if not self.prunes or not isinstance(value, int | float) or not isinstance(epoch, int):
            return
        if "phase" in row and row["phase"] != self.phases[-1].name:
            return
        own.report(float(value), epoch)
        if epoch < self.epochs and own.should_prune():
            request_stop(path)

    def _tell(self, study: optuna.Study, own: optuna.Trial, trial: Trial, counts: bool) -> None:
        """Tells the study how a trial ended, and keeps it as a candidate where it is a new one."""
        from optuna.trial import TrialState

        folder = RunFolder(trial.path)
        status = _status(folder)
        if status == "interrupted" and (trial.path / STOP).exists():
            status_text = "pruned"
            mark(folder, "interrupted", f"pruned by vae tune: worse than the median of its search ({self.objective})")
        else:
            status_text = status
        history = folder.history()
        epochs = max((int(row["epoch"] or 0) for row in history), default=1)
        figures = best_figures(history)
        told = {"values": dict(trial.variant), "status": status_text, "figures": figures, "epochs": epochs}
        path = str(trial.path.relative_to(self.experiment.path))
        own.set_user_attr("candidate", {**told, "path": path, "repeats": not counts})
        if counts:
            self.candidates.append(Candidate(self.method, trial.variant, status_text, figures, epochs, trial.path))
        if status == "done" and self.objective.judges(figures):
            if self.objective.limit is not None:
                own.set_constraint("limit", self.objective.excess(figures))
            study.tell(own, [figures[column] for column in self.objective.columns])
        elif status_text in ("pruned", "done", "diverged"):
            study.tell(own, state=TrialState.PRUNED)  # the sampler forgets what failed, and asks there again
        else:
            study.tell(own, state=TrialState.FAIL)

    def entry(self, best: Candidate) -> dict[str, Any]:
        """What ``--protocol tuned`` reads of the search, see `vaecli.settings.searches.write_search`."""
        return {
            "values": dict(best.values),
            "objective": str(self.objective),
            "epochs": self.epochs,
            "budget": self.trials * self.epochs,
            "seed": self.seed,
            "ranges": self.ranges,
            "finished": self.finished,
            "settings": shared_settings(self.experiment.settings.groups),
        }

    def best(self) -> Candidate | None:
        """The best finished trial; of those that all break the limit, the one that breaks it least."""
        done = [c for c in self.candidates if c.status == "done" and self.objective.judges(c.figures)]
        if not done or len(self.objective.columns) > 1:
            return None
        (direction,), (column,) = self.objective.directions, self.objective.columns
        sign = -1.0 if direction == "maximize" else 1.0

        def rank(candidate: Candidate) -> tuple[float, float]:
            return max(0.0, self.objective.excess(candidate.figures)), sign * candidate.figures[column]

        return min(done, key=rank)


def _status(folder: RunFolder) -> Status:
    """Where a trial stands; one whose folder is gone, or can't be read, has failed."""
    try:
        return folder.status
    except VaeError:
        return "failed"


def suggested(own: optuna.Trial, key: str, values: Sensible) -> Any:
    """What the sampler proposes for a setting; a number of few digits."""
    if not isinstance(values, Span):
        return own.suggest_categorical(key, values)
    if values.is_whole:
        return own.suggest_int(key, int(values.low), int(values.high), log=values.log)
    return rounded(own.suggest_float(key, values.low, values.high, log=values.log))


def rounded(value: float) -> float:
    """The value to `DIGITS` digits."""
    return round(value, DIGITS - 1 - int(log10(abs(value)) // 1)) if value else 0.0


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Optuna without its log and without warnings of what it calls experimental."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"optuna.*")
        try:
            yield
        finally:
            optuna.logging.set_verbosity(before)

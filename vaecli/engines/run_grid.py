"""A grid from its settings to its tables: checked, run where anything is missing, written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from vaecli.core.errors import InterruptedRunError, TrialsFailedError, VaeError
from vaecli.core.messages import counted
from vaecli.corpus.load import load_corpus
from vaecli.corpus.types import Corpus
from vaecli.engines.engine import Engine, Event, Outcome, Policy
from vaecli.engines.local import LocalEngine
from vaecli.runs.experiment import Experiment, Trial
from vaecli.runs.folder import RunFolder, Status
from vaecli.runs.reference_lm import check_reference
from vaecli.runs.tables import write_tables
from vaecli.settings.resolve import Settings
from vaecli.trackers import check_trackers
from vaecli.training.device import training_precision
from vaecli.training.fit import check_methods


def open_experiment(
    settings: Settings,
    out: Path,
    overwrite: bool = False,
    told: Callable[[str], None] = lambda what: None,
    built: Collection[str] = (),
) -> tuple[Experiment, Corpus]:
    """The experiment of some settings and its corpus; what is wrong with them ends here, not once a trial.

    Args:
        settings: The grid.
        out: Where experiments are kept.
        overwrite: Whether its trials may be made anew.
        told: Hears what takes a while: ``reading synthetic``, ``building 12 methods``.
        built: Methods, each with what a protocol adds to it, that have been built on this corpus already.

    Raises:
        UsageError: The folder holds trials of other settings or another corpus, or hardware is missing.
        DataError: The corpus can't be used.
    """
    experiment = Experiment.of(settings, out)
    experiment.check(overwrite)
    first = experiment.trials()[0].config
    check_trackers(first.tracking.tracker)
    training_precision(first, 0)
    check_reference(first.evaluation.reference)
    told(f"reading {first.corpus.data}")
    corpus = load_corpus(first.corpus)
    replaced = [trial.path for trial in experiment.trials()] if overwrite else []
    experiment.known.check_corpus(corpus, first.corpus.data, replaced)
    if unbuilt := [trial for trial in experiment.trials() if trial.method not in built]:
        told(building(list(dict.fromkeys(trial.as_named for trial in unbuilt))))
    check_methods((trial.config for trial in unbuilt), corpus)
    return experiment, corpus


def building(methods: Sequence[str]) -> str:
    """``building vanilla, bn``, of many ``building 12 methods``: what a display says while it takes its time."""
    return f"building {', '.join(methods) if len(methods) < 6 else f'{len(methods)} methods'}"


def run_experiment(
    experiment: Experiment,
    engine: Engine | None = None,
    *,
    retry: bool = False,
    overwrite: bool = False,
    max_retries: int = 1,
    fail_fast: bool = False,
    watch: Callable[[list[Trial]], Callable[[Event], None]] = lambda todo: lambda event: None,
) -> Outcome:
    """Runs the trials that are missing and writes the tables.

    Args:
        experiment: Checked by `open_experiment`.
        engine: Where the trials run; on this machine without.
        retry: Run diverged trials again too.
        overwrite: Run all of them anew.
        max_retries: New attempts at a trial that was killed or whose machine was lost.
        fail_fast: Stop the others when a trial fails.
        watch: Told of the trials that are to be run; gives what is told of each event.

    Raises:
        UsageError: Another process runs the experiment or one of its trials.
    """
    runner = engine or LocalEngine()
    with experiment.lock():
        experiment.check(overwrite)
        todo = experiment.plan(retry, overwrite, at_work=runner.at_work(experiment.trials()))
        experiment.prepare(todo, overwrite)
        on_event = watch(todo)
        outcome = Outcome()
        if todo:
            policy = Policy(experiment.settings.jobs or 0, max_retries, fail_fast)
            outcome = runner.run(todo, on_event, policy)
        write_tables(experiment.path)
    return outcome


def check_outcome(experiment: Experiment, outcome: Outcome) -> None:
    """Raises what the trials of an experiment have earned.

    Raises:
        InterruptedRunError: A signal stopped the work.
        TrialsFailedError: Trials of this grid failed or diverged.
    """
    if outcome.signal_number is not None:
        raise InterruptedRunError(
            "interrupted; the same command goes on, from checkpoints where there are any",
            outcome.signal_number,
        )
    states = [(trial, *_state(trial)) for trial in experiment.trials()]
    bad = [(trial, status, message) for trial, status, message in states if status != "done"]
    if bad:
        lines = [f"{trial.name}: {status}" + (f": {message}" if message else "") for trial, status, message in bad]
        logs = f"logs are in {experiment.path}/METHOD/seed-N/log.txt"
        share = f"{len(bad)} of {counted(len(states), 'trial')} not done"
        raise TrialsFailedError(f"{share}; {logs}\n  " + "\n  ".join(lines))


def _state(trial: Trial) -> tuple[Status, str]:
    """Where a trial stands and why; one whose folder is gone, or can't be read, has failed."""
    folder = RunFolder(trial.path)
    try:
        return folder.status, str(folder.run().get("message") or "")
    except VaeError as error:
        return "failed", str(error)

"""The trials of several experiments side by side, as those of one grid would be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from vaecli.engines.engine import Engine, Event, Outcome, Policy
from vaecli.engines.local import LocalEngine
from vaecli.runs.experiment import Experiment, Trial
from vaecli.runs.tables import write_tables


def run_together(
    experiments: Sequence[Experiment],
    engine: Engine | None = None,
    *,
    jobs: int = 0,
    retry: bool = False,
    watch: Callable[[list[Trial]], Callable[[Event], None]] = lambda todo: lambda event: None,
) -> Outcome:
    """Runs what is missing of all experiments, and writes the tables of each.

    Args:
        experiments: Checked by `vaecli.engines.run_grid.open_experiment`, each in a folder of its own.
        engine: Where the trials run; on this machine without. Of several trials of one method and seed an outcome
            tells the last.
        jobs: Trials at a time; 0 leaves it to the engine.
        retry: Run diverged trials again too.
        watch: Told of the trials that are to be run; gives what is told of each event.

    Raises:
        UsageError: Another process runs one of the experiments, or a trial.
    """
    runner = engine or LocalEngine()
    with ExitStack() as locks:
        todo: list[Trial] = []
        for experiment in experiments:
            locks.enter_context(experiment.lock())
            experiment.check()
            own = experiment.plan(retry)
            experiment.prepare(own)
            todo += own
        on_event = watch(todo)
        outcome = runner.run(todo, on_event, Policy(jobs)) if todo else Outcome()
        for experiment in experiments:
            write_tables(experiment.path)
    return outcome

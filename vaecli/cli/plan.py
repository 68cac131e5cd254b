"""What `--dry-run` prints: the trials, their sizes and about their times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaecli.core.durations import duration
from vaecli.core.messages import counted, tell

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from vaecli.corpus.types import Corpus
    from vaecli.runs.experiment import Trial


def show_plan(trials: Sequence[Trial], todo: Collection[Trial], corpus: Corpus, jobs: int) -> None:
    """The trials on stdout; those to do with their sizes and about their times, of a few updates of each method.

    Args:
        trials: In their order.
        todo: Those that would be run.
        corpus: Theirs.
        jobs: At a time; 0 is one a core.

    Raises:
        UsageError: Methods that fail in their first updates, a line each.
    """
    from vaecli.core.errors import UsageError
    from vaecli.engines.local import resolve_jobs
    from vaecli.remedies import make_method
    from vaecli.remedies.core.phase_epochs import whole_epochs
    from vaecli.reporting.forecast import makespan
    from vaecli.training.fit import named

    estimates: dict[str, tuple[int, float]] = {}
    failed: dict[str, str] = {}
    names = {trial.name for trial in todo}
    width = max(len(trial.label) for trial in trials)
    print(f"{'method':<{width}} {'seed':>6} {'parameters':>12} {'time at most':>13}  state")
    times = []
    for trial in trials:
        row = f"{trial.label:<{width}} {trial.seed:>6}"
        if trial.name not in names:
            print(f"{row} {'':>12} {'':>13}  kept")
            continue
        if trial.label not in estimates and trial.label not in failed:
            problem = estimate(trial, corpus, estimates)
            failed |= {trial.label: named(trial.method, problem, trial.label)} if problem else {}
        if trial.label in failed:
            print(f"{row} {'':>12} {'':>13}  can't run")
            continue
        parameters, seconds = estimates[trial.label]
        phases = make_method(trial.method, trial.config.hyper).phases()
        time = seconds * whole_epochs(phases, trial.config.training.epochs)
        times.append(time)
        print(f"{row} {parameters:>12,} {duration(time):>13}  to do")
    side_by_side = resolve_jobs(jobs, len(todo))
    head = f"{counted(len(todo), 'trial')} to do" + (f", {side_by_side} at a time" if len(todo) > 1 else "")
    updates = duration(makespan([], times, side_by_side))
    tell(f"{head}: about {updates} of updates at most, evaluation and early stopping left out")
    if failed:
        raise UsageError("\n  ".join(failed.values()))


def estimate(trial: Trial, corpus: Corpus, estimates: dict[str, tuple[int, float]]) -> str:
    """Adds the method's parameters and seconds per epoch to the estimates, or says why it can't be updated."""
    from vaecli.training.fit import error_line
    from vaecli.training.timing import seconds_per_epoch

    try:
        estimates[trial.label] = seconds_per_epoch(trial.config, corpus)
    except Exception as error:
        return error_line(trial.method, error)
    return ""

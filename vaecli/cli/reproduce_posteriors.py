"""``vae reproduce``, a picture of posteriors: one grid with the ordinary engine, its tables and its pictures."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import typer

from vaecli.core.messages import counted, tell

if TYPE_CHECKING:
    from vaecli.cli.reproduce import Call


def run_posteriors(context: typer.Context, call: Call) -> None:
    """Runs the methods of a picture, draws it and prints the spread of the means."""
    from vaecli.cli.live import open_progress

    progress = open_progress(context, call.quiet)
    progress.doing("importing torch")
    from vaecli.cli.compare import display
    from vaecli.engines.run_grid import check_outcome, open_experiment, run_experiment
    from vaecli.reproduction.posterior_grid import grid_of, keep_plan

    grid = grid_of(call.request(), progress.doing)
    experiment, corpus = open_experiment(grid.settings, call.out, told=progress.doing, built=grid.built)
    progress.close()
    for method, reason in grid.left_out.items():
        tell(f"left out: {method}: {reason.removeprefix(f'{method}: ')}")
    if call.dry_run:
        from vaecli.cli.plan import show_plan

        show_plan(experiment.trials(), experiment.plan(call.retry), corpus, jobs=call.jobs)
        return
    todo = {trial.as_named for trial in experiment.plan(call.retry)}
    keep_plan(call.table, call.folder, call.jobs, grid.settings.methods, todo)
    with ExitStack() as stack:
        watch = partial(display, stack, experiment, call.quiet)
        outcome = run_experiment(experiment, retry=call.retry, watch=watch)
    if outcome.signal_number is None:
        show_posteriors(call)
    check_outcome(experiment, outcome)


def show_posteriors(call: Call) -> None:
    """Writes tables and pictures of what has been recorded, and prints the spread."""
    from vaecli.reporting.formats import to_json
    from vaecli.reporting.terminal import Target, to_text
    from vaecli.reproduction.grids import load_plan
    from vaecli.reproduction.posterior_grid import drawn, write_drawn

    posteriors = drawn(call.table, call.folder)
    for note in posteriors.results.notes:
        tell(f"vae: {note}")
    target = Target.stdout()
    sys.stdout.write(to_json([posteriors.view], target.ascii_only) if call.json else to_text(posteriors.view, target))
    sys.stdout.flush()
    if not len(posteriors.spreads):
        tell("no run has looked at its posteriors yet; there is nothing to draw")
        return
    plan = load_plan(call.folder)
    assert plan is not None
    paths = write_drawn(posteriors, plan, call.folder)
    if not call.quiet:
        tell(f"written: {', '.join(str(path) for path in paths)}")
        tell(f"all figures of {counted(len(posteriors.view.rows), 'method')}: `vae report {call.folder}`")

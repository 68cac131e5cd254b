"""``vae compare``: methods x seeds on one corpus."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vaecli.cli import options as o
from vaecli.cli.completion import complete_methods
from vaecli.core.messages import counted, tell

if TYPE_CHECKING:
    from vaecli.engines.engine import Event
    from vaecli.runs.experiment import Experiment, Trial

DEFAULT_METHODS = (
    "lm",
    "ae",
    "vanilla",
    "beta",
    "linear_anneal",
    "cyclical",
    "word_dropout",
    "free_bits",
    "bn",
    "bn_scale",
    "info_mmd",
    "mi_constraint",
)
"""What is compared when nobody says what: the two bounds, the baseline, and a remedy of each kind."""

File = Annotated[
    Path | None, typer.Argument(metavar="[EXPERIMENT.toml]", help="A grid in a file; options override it.")
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--methods",
        metavar="A,B+C",
        help="Methods, or `all`. (default: twelve of them)",
        autocompletion=complete_methods,
    ),
]
Seeds = Annotated[str | None, typer.Option("--seeds", metavar="0-2", help="Seeds, such as 0-2,5. (default: 0)")]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="HOST:PORT",
        help="ray: a running cluster, or auto. (default: RAY_ADDRESS, else one of this machine)",
        show_default=False,
    ),
]
CpusPerTrial = Annotated[
    float | None,
    typer.Option(
        "--cpus-per-trial",
        min=0.01,
        callback=o.finite,
        help="ray: cores of a trial. (default: 1)",
        show_default=False,
    ),
]
GpusPerTrial = Annotated[
    float | None,
    typer.Option(
        "--gpus-per-trial",
        min=0.0,
        callback=o.finite,
        help="ray: GPUs of a trial; 0.25 puts four on one. (default: 1 where the cluster has any)",
        show_default=False,
    ),
]
Slurm = Annotated[
    list[str] | None,
    typer.Option(
        "--slurm", metavar="KEY=VALUE", help="slurm: a parameter of the jobs, such as partition=gpu; may be repeated."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="List the trials with size and approximate time; train none.")]
Retry = Annotated[bool, typer.Option("--retry", help="Run diverged trials again too.")]
MaxRetries = Annotated[
    int,
    typer.Option(
        "--max-retries",
        min=0,
        help="New attempts at a trial that was killed, say for memory, or whose machine was lost.",
    ),
]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Stop the others when a trial fails.")]
Json = Annotated[bool, typer.Option("--json", help="Print the results as JSON, a row a trial.")]
Csv = Annotated[
    str | None, typer.Option("--csv", metavar="FILE", help="Also write results.csv here; - prints it instead.")
]


@o.with_settings(without=("training.seed",))  # which is one of --seeds
def compare(
    *,
    context: typer.Context,
    file: File = None,
    methods: Methods = None,
    seeds: Seeds = None,
    preset: o.Preset = None,
    set_: o.Sets = None,
    options: o.Layer,
    jobs: o.Jobs = None,
    engine: o.EngineName = "local",
    address: Address = None,
    cpus_per_trial: CpusPerTrial = None,
    gpus_per_trial: GpusPerTrial = None,
    slurm: Slurm = None,
    out: o.Out = Path("runs"),
    name: o.Name = None,
    dry_run: DryRun = False,
    overwrite: o.Overwrite = False,
    retry: Retry = False,
    max_retries: MaxRetries = 1,
    fail_fast: FailFast = False,
    json: Json = False,
    csv: Csv = None,
    quiet: o.Quiet = False,
) -> None:
    """Train methods x seeds on one corpus and print the table; only the method differs between two rows.

    Run again, it does only what is missing: finished trials are kept, interrupted ones go on from their checkpoints.
    """
    from vaecli.cli.live import open_progress

    o.check_dry_run(dry_run, json, csv)
    progress = open_progress(context, quiet)
    progress.doing("importing torch")
    from vaecli.engines.choice import make_engine
    from vaecli.engines.run_grid import check_outcome, open_experiment, run_experiment
    from vaecli.runs.tracking import tracker_failures
    from vaecli.settings.resolve import load_settings

    check_outputs(json, csv)
    runner = make_engine(
        engine, address=address, cpus_per_trial=cpus_per_trial, gpus_per_trial=gpus_per_trial, slurm=slurm or []
    )
    settings = load_settings(
        file,
        preset=preset,
        options=options,
        sets=set_ or [],
        environment=os.environ,
        methods=methods or [],
        seeds=seeds,
        experiment=name,
        jobs=jobs,
        default_methods=DEFAULT_METHODS,
        searches=out,
    )
    for note in settings.notes:
        tell(f"vae: {note}")
    experiment, corpus = open_experiment(settings, out, overwrite, progress.doing)
    progress.close()
    if not quiet:
        for note in corpus.notes:
            tell(note)
    if dry_run:
        from vaecli.cli.plan import show_plan

        todo = experiment.plan(retry, overwrite)
        show_plan(experiment.trials(), todo, corpus, jobs=experiment.settings.jobs or 0)
        return
    with ExitStack() as stack:
        outcome = run_experiment(
            experiment,
            runner,
            retry=retry,
            overwrite=overwrite,
            max_retries=max_retries,
            fail_fast=fail_fast,
            watch=partial(display, stack, experiment, quiet),
        )
    for failure in tracker_failures(experiment.trials()):
        tell(f"vae: {failure}")
    show_results(experiment, json, csv, quiet)
    check_outcome(experiment, outcome)


def display(stack: ExitStack, experiment: Experiment, quiet: bool, todo: list[Trial]) -> Callable[[Event], None]:
    """A display of the experiment while trials of it run, closed with the stack."""
    from vaecli.cli.grid import make_grid
    from vaecli.cli.lookout import Lookout
    from vaecli.runs.watched import ExperimentWatch

    if not quiet:
        kept = len(experiment.trials()) - len(todo)
        tell(f"{counted(len(todo), 'trial')} to do, {kept} done already, in {experiment.path}")
    watch = ExperimentWatch(experiment.path, [trial.path for trial in experiment.trials()])
    return stack.enter_context(make_grid(Lookout(watch, own=True), quiet)).event if todo else lambda event: None


def check_outputs(json: bool, csv: str | None) -> None:
    """Refuses two results on one stdout, and a file that can't be written, before any work.

    Raises:
        UsageError: Of that kind.
    """
    from vaecli.core.errors import UsageError

    if json and csv == "-":
        raise UsageError("--json and --csv - both print to stdout; keep one")
    if csv is not None and csv != "-":
        path = Path(csv)
        if path.is_dir() or not path.parent.is_dir():
            raise UsageError(f"--csv {csv}: no file can be written there; name one in a folder that exists")


def show_results(experiment: Experiment, json: bool, csv: str | None, quiet: bool) -> None:
    """Prints the results on stdout."""
    from vaecli.core.files import write_output
    from vaecli.reporting.read_results import load_results
    from vaecli.reporting.render import render
    from vaecli.reporting.terminal import Target
    from vaecli.runs.tables import csv_text, results_table

    results, summary = experiment.path / "results.csv", experiment.path / "summary.csv"
    if csv is not None and csv != "-":
        write_output(Path(csv), results.read_text(encoding="utf-8"))
    if csv == "-":
        sys.stdout.write(csv_text(results_table(experiment.path)))
    elif json:
        frame = results_table(experiment.path)
        sys.stdout.write(render(frame, "json", ",".join(frame.columns), per_trial=True))
    else:
        loaded = load_results(experiment.path)
        for note in loaded.notes:
            tell(f"vae: {note}")
        sys.stdout.write(render(loaded.frame, contexts=loaded.contexts, target=Target.stdout()))
    if not quiet:
        tell(f"a row a trial in {results}, a row a method in {summary}")
        tell(f"settings, histories, checkpoints and logs in {experiment.path}/METHOD/seed-N")

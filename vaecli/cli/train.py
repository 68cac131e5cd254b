"""``vae train``: one run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vaecli.cli import options as o
from vaecli.cli.completion import complete_methods, complete_run_or_file
from vaecli.core.messages import tell, told_warnings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaecli.cli.live import Silent
    from vaecli.config import RunConfig
    from vaecli.corpus.types import Corpus
    from vaecli.metrics.measure import Metrics, Value
    from vaecli.runs.folder import RunFolder
    from vaecli.settings.resolve import Settings

Source = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE.toml|RUN]",
        help="Settings in a file, such as the config.toml of a run; or the folder of a run, with --resume.",
        autocompletion=complete_run_or_file,
    ),
]
Method = Annotated[
    str | None,
    typer.Option(
        "--method",
        help="A remedy, or several joined with +; see `vae methods`. (default: vanilla)",
        show_default=False,
        autocompletion=complete_methods,
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say its size and about its time; train nothing.")]
Json = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]
Folder = Annotated[Path | None, typer.Option("--folder", hidden=True, help="Run what a prepared run folder says.")]


@o.with_settings()
def train(
    context: typer.Context,
    *,
    source: Source = None,
    method: Method = None,
    preset: o.Preset = None,
    set_: o.Sets = None,
    options: o.Layer,
    out: o.Out = Path("runs"),
    name: o.Name = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    overwrite: o.Overwrite = False,
    quiet: o.Quiet = False,
    json: Json = False,
    folder: Folder = None,
) -> None:
    """Train one method on one corpus and measure it on the test split.

    The run folder OUT/NAME/METHOD/seed-N holds the settings, the history, the checkpoint and the figures.
    """
    from vaecli.cli.live import open_progress

    o.check_dry_run(dry_run, json)
    progress = open_progress(context, quiet)
    progress.doing("importing torch")
    from vaecli.runs.folder import RunFolder
    from vaecli.runs.loaded_run import load_run_corpus
    from vaecli.runs.start import continue_run, prepare_run
    from vaecli.settings.resolve import load_settings

    old_run = None if source is None else _check_source(source, context, resume)
    if folder is not None:
        run = RunFolder.open(folder)
        progress.doing(f"reading {run.config().corpus.data}")
        corpus = load_run_corpus(run, run.config())
    else:
        settings = load_settings(
            old_run / "config.toml" if old_run else source,
            preset=preset,
            options=options,
            sets=set_ or [],
            environment={} if old_run else os.environ,
            methods=[method] if method else [],
            experiment=name,
            methods_option="--method",
            searches=out,
        )
        for note in settings.notes:
            tell(f"vae: {note}")
        if dry_run:
            progress.close()
            _show_plan(settings, out, overwrite)
            return
        if old_run:
            run, corpus = continue_run(old_run, settings, doing=progress.doing)
        else:
            run, corpus = prepare_run(
                settings, out, resume=resume, overwrite=overwrite, command=sys.argv[1:], doing=progress.doing
            )
    if resume and run.status == "done":
        progress.close()
        _finished(run)
        _print(run, run.metrics().get("values", {}), json)
        return
    values = _run(run, corpus, progress, quiet, worker=folder is not None).values
    progress.close()
    _print(run, values, json)


def _check_source(source: Path, context: typer.Context, resume: bool) -> Path | None:
    """The folder of the run that is to be gone on with; None where the source is a file of settings.

    Raises:
        UsageError: What is asked for besides contradicts it.
    """
    from vaecli.core.errors import UsageError

    if not source.is_dir():
        return None
    if not resume:
        raise UsageError(f"{source} is a folder: --resume goes on with its run, {source}/config.toml trains it again")
    for parameter in ("name", "out", "overwrite", "preset", "dry_run"):
        told = context.get_parameter_source(parameter)  # of click, or of typer's copy of it
        if told is not None and told.name == "COMMANDLINE":
            option = "--" + parameter.replace("_", "-")
            raise UsageError(f"{option}: the run {source} is gone on with as it is and where it is; leave it out")
    if not (source / "config.toml").is_file():
        held = sorted(path.parent for path in source.glob("**/seed-*/config.toml"))
        way = f"; name one in it, as {' or '.join(map(str, held[:3]))}" if held else ""
        raise UsageError(f"{source} is the folder of no run{way}")
    return source


def _show_plan(settings: Settings, out: Path, overwrite: bool) -> None:
    """What the run would be, on stdout."""
    from vaecli.cli.plan import show_plan
    from vaecli.runs.folder import RunFolder
    from vaecli.runs.start import planned_trial

    trial, corpus = planned_trial(settings, out)
    folder = RunFolder(trial.path)
    kept = not overwrite and folder.exists and folder.status == "done"
    show_plan([trial], [] if kept else [trial], corpus, jobs=1)
    tell(f"in {trial.path}")


@told_warnings()
def _run(folder: RunFolder, corpus: Corpus, display: Silent, quiet: bool, worker: bool) -> Metrics:
    """Runs the folder's trial with a display; what the user should know of the corpus goes to stderr first.

    Of a trial that `vae compare` has started, run.json keeps what its process took to begin, as others will.
    """
    from contextlib import suppress

    from vaecli.core.resources import process_age
    from vaecli.corpus.batches import batches_per_epoch
    from vaecli.remedies.core.phase_epochs import whole_epochs
    from vaecli.reporting.advice import what_to_try
    from vaecli.runs.option_words import config_words
    from vaecli.runs.provenance import method_of_run
    from vaecli.runs.trial import run_trial

    config = folder.config()
    if not quiet:
        _announce(folder, config, corpus.notes)
    steps = batches_per_epoch(len(corpus.train), config.training.batch_size)
    epochs = config.training.epochs
    with suppress(Exception):  # what is wrong with a method is the trial's to tell
        epochs = whole_epochs(method_of_run(folder, config).phases(), epochs)
    hint = what_to_try(config.method, config_words(config))
    display.plan(config.method, steps, epochs, len(corpus.valid), hint, folder.history())
    with folder.lock():
        if worker:
            folder.update(startup_seconds=round(process_age(), 3))
        return run_trial(folder, display, corpus, display.doing, display.warned)


def _finished(folder: RunFolder) -> None:
    """Says that there is nothing to go on with, and what is wrong with what is left."""
    from vaecli.core.errors import DataError
    from vaecli.runs.loaded_run import load_best

    tell(f"{folder.path}: this run is done; these are its figures, and more --epochs go on with it")
    try:
        load_best(folder)
    except DataError as error:
        tell(f"vae: warning: {error}")


def _announce(folder: RunFolder, config: RunConfig, notes: tuple[str, ...]) -> None:
    for note in notes:
        tell(note)
    tell(f"{config.method}, seed {config.training.seed}, into {folder.path}")


def _print(folder: RunFolder, values: Mapping[str, Value], as_json: bool) -> None:
    """The figures on stdout, the folder on stderr."""
    if as_json:
        from vaecli.core.files import dump_json

        sys.stdout.write(dump_json(values))
    else:
        for name, value in values.items():
            if value is not None:
                print(f"{name:<18} {value:z,.4f}" if isinstance(value, float) else f"{name:<18} {value:,}")
    tell(f"figures, history and checkpoint are in {folder.path}")

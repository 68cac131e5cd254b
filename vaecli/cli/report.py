"""`vae report`: the table of an experiment, for the terminal, a paper or another program."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vaecli.cli.completion import complete_columns, complete_experiment
from vaecli.cli.options import experiments_folder
from vaecli.core.messages import tell

if TYPE_CHECKING:
    import pandas as pd

    from vaecli.reporting.page.write_page import PageOptions
    from vaecli.reporting.terminal import Target


def report(
    directories: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[DIR]...",
            help="Folder of an experiment or of several, or a results.csv; by default the newest with results in runs. "
            "Two or more stand side by side in one table.",
            show_default=False,
            autocompletion=complete_experiment,
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="table, csv, markdown, latex, json or html; by default by the suffix of --output, else table.",
            show_default=False,
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns", help="Names of columns, comma-separated.", show_default=False, autocompletion=complete_columns
        ),
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", metavar="COLUMN[:desc]", help="Order of the rows.", show_default=False)
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline", metavar="METHOD", help="Show differences to this method, paired by seed.", show_default=False
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by", metavar="protocol", help="Each figure under each protocol, side by side.", show_default=False
        ),
    ] = None,
    per_trial: Annotated[bool, typer.Option("--per-trial", help="One row per trial instead of per method.")] = False,
    ranks: Annotated[
        bool, typer.Option("--ranks", help="Show the rank of every figure among the methods, ties sharing theirs.")
    ] = False,
    published: Annotated[
        bool, typer.Option("--published", help="Compare with what papers print for these methods on this corpus.")
    ] = False,
    predictions: Annotated[
        Path | None,
        typer.Option(
            "--predictions",
            metavar="FILE",
            help="Score guesses made beforehand: a CSV with method, verdict, confidence (0 to 1) and figures.",
            show_default=False,
        ),
    ] = None,
    without_models: Annotated[
        bool, typer.Option("--without-models", help="Leave out of the HTML page what needs checkpoints.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file instead of stdout.", show_default=False)
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            "--picture",
            metavar="FILE",
            help="Also draw a picture: a .png, .svg or .pdf, or a .gif of posteriors.",
            show_default=False,
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            help="Of the picture: plane (rec and mi against kl, the default), curves (of training), dimensions (their "
            "KL), codes (posterior means in two dimensions), positions (what z is worth at each) or posteriors (the "
            "mean of q against that of the exact posterior over training, if it was recorded; a .gif is animated).",
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label", metavar="FIELD", help="Label that colours --kind codes. (default: the first)", show_default=False
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Below the table, say why each verdict, and list the figures of few seeds."),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the files of --output and --picture.")
    ] = False,
) -> None:
    """Print the table of an experiment: a row a method, mean and 95 % interval over its seeds."""
    from vaecli.core.files import write_output
    from vaecli.reporting.read_results import load_results
    from vaecli.reporting.render import render
    from vaecli.reporting.side_by_side import side_by_side
    from vaecli.reporting.table import NO_TRIALS
    from vaecli.reporting.terminal import Target

    for option, file in (("--output", output), ("--picture", picture)):
        if file is not None:
            check_output(file, overwrite, option)
    if overwrite and output is None and picture is None:
        from vaecli.core.errors import UsageError

        raise UsageError("--overwrite replaces the file of --output or --picture; name one")
    check_kind(picture, kind, label)
    chosen = format or format_of(output)
    others = (columns, sort, baseline, by) != (None,) * 4 or per_trial or ranks or explain
    check_comparison(published, predictions, chosen, others)
    check_page(chosen, without_models)
    if directories and len(directories) > 1:
        results = side_by_side(directories)
    else:
        results = load_results(directories[0] if directories else newest())
    for note in results.notes:
        tell(f"vae: {note}")
    target = Target() if output is not None else Target.stdout()
    if results.frame.empty:
        from vaecli.core.errors import UsageError

        raise UsageError(NO_TRIALS)
    if published or predictions is not None:
        text = comparison(published, predictions, results.frame, chosen, target)
    else:
        text = render(
            results.frame,
            chosen,
            columns,
            sort,
            baseline,
            per_trial,
            ranked=ranks,
            explain=explain,
            contexts=results.contexts,
            target=target,
            by=by,
            page=page_options(results.notes, not without_models) if chosen == "html" else None,
        )
    if picture is not None:
        from vaecli.reporting.picture import draw

        draw(results.frame, results.contexts, picture, kind or "plane", label)
    if output is None:
        write_stdout(text)
    else:
        write_output(output, text)


COMPARISON_FORMATS = ("table", "csv", "markdown", "json")


def check_comparison(published: bool, predictions: Path | None, format: str, others: bool) -> None:
    """Refuses, before any work, what has no meaning for obtained figures beside printed or predicted ones.

    Args:
        published: Whether they stand beside printed ones.
        predictions: File of predicted ones.
        format: Of the table.
        others: Whether options are given that choose or order the rows of the usual table.

    Raises:
        UsageError: Names it.
    """
    from vaecli.core.errors import UsageError

    if not published and predictions is None:
        return
    told = "shows obtained figures beside printed ones" if published else "scores guesses by what was obtained"
    option = "--published" if published else "--predictions"
    if others or (published and predictions is not None):
        raise UsageError(f"{option} {told}; it takes --format and --output only")
    if format not in COMPARISON_FORMATS:
        raise UsageError(f"{option}: no {format} of it; choose from {', '.join(COMPARISON_FORMATS)}")


def comparison(published: bool, predictions: Path | None, frame: pd.DataFrame, format: str, target: Target) -> str:
    """Obtained figures beside printed or predicted ones; see `published_text` and `scored_text`."""
    return (
        published_text(frame, format, target)
        if predictions is None
        else scored_text(frame, predictions, format, target)
    )


def published_text(frame: pd.DataFrame, format: str, target: Target) -> str:
    """Obtained figures beside those that papers print for the methods on the corpus.

    Raises:
        UsageError: There are none.
    """
    from vaecli.reporting.formats import to_csv, to_json, to_markdown
    from vaecli.reproduction.comparison import compare_published
    from vaecli.reproduction.comparison_table import comparison_text, comparison_view

    note = (
        "rows in print of another split, decoder or value of a hyper-parameter are left out; other sizes stand with "
        "their source"
    )
    view = comparison_view("Obtained and printed", compare_published(frame), [note])
    if format == "table":
        return comparison_text(view, target)
    if format == "csv":
        return to_csv([view])
    return to_json([view], target.ascii_only) if format == "json" else to_markdown(view, target.ascii_only)


def scored_text(frame: pd.DataFrame, predictions: Path, format: str, target: Target) -> str:
    """Guesses of a file beside what was obtained.

    Raises:
        UsageError: The file is no such file, or names no method of the experiment.
    """
    from vaecli.reporting.predictions import outcomes, read_predictions, score
    from vaecli.reporting.predictions_table import predictions_text

    guesses = read_predictions(predictions)
    columns = dict.fromkeys(name for guess in guesses for name in guess.figures)
    return predictions_text(score(guesses, outcomes(frame, columns)), format, target)


def check_page(format: str, without_models: bool) -> None:
    """Refuses, before any work, a page whose packages are missing, and an option of pages without one.

    Raises:
        UsageError: Names the packages and how they are installed, or the option.
    """
    from vaecli.core.errors import UsageError

    if format == "html":
        from vaecli.reporting.page.library import check_page_packages

        check_page_packages()
    elif without_models:
        raise UsageError("--without-models is for a page; add --format html, or name an --output that ends in .html")


def page_options(notes: Sequence[str], models: bool) -> PageOptions:
    """What a page shows beside the table.

    Args:
        notes: On how the results were read.
        models: Whether checkpoints are read.
    """
    from vaecli.catalogue.published import printed_for
    from vaecli.reporting.page.write_page import PageOptions
    from vaecli.runs.environment import command_line

    return PageOptions(models=models, command=command_line(), notes=notes, published=printed_for)


def write_stdout(text: str) -> None:
    """Prints a report, what the encoding of stdout lacks as escapes."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def newest() -> Path:
    """The newest experiment of which a trial has ended; newer ones are named on stderr."""
    from vaecli.reporting.read_results import newest_experiment

    path, passed = newest_experiment(experiments_folder())
    if passed:
        names = ", ".join(map(str, passed))
        tell(f"{path}, for no trial has ended yet in {names}; name a folder to see it")
    return path


def format_of(output: Path | None) -> str:
    """The format that an output file's suffix asks for; a table otherwise."""
    from vaecli.reporting.formats import SUFFIXES

    return "table" if output is None else SUFFIXES.get(output.suffix.lower(), "table")


def check_kind(picture: Path | None, kind: str | None, label: str | None) -> None:
    """Refuses a picture that can't be drawn, and options of one where none is asked for, before any work.

    Raises:
        UsageError: See `vaecli.reporting.picture.check_picture`.
    """
    if picture is not None:
        from vaecli.reporting.picture import check_picture

        check_picture(picture, kind or "plane", label)
        return
    for option, value in (("--kind", kind), ("--label", label)):
        if value is not None:
            from vaecli.core.errors import UsageError

            raise UsageError(f"{option} {value} is of a picture; name its file with --picture")


def check_output(output: Path | None, overwrite: bool, option: str = "--output") -> None:
    """Refuses a file that can't or shouldn't be written, before any work.

    Raises:
        UsageError: It is there and may not be replaced, is a folder, or its folder is missing; or there is none to
            replace.
    """
    from vaecli.core.errors import UsageError

    if output is None:
        if overwrite:
            raise UsageError(f"--overwrite replaces the file of {option}; name one")
        return
    if output.is_dir():
        raise UsageError(f"{option} {output} is a folder; name a file")
    if output.exists() and not overwrite:
        raise UsageError(f"{option} {output} exists; name another file, or replace it with --overwrite")
    if not output.parent.is_dir():
        raise UsageError(f"{option} {output}: there is no folder {output.parent}")

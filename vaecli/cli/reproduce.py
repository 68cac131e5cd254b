"""``vae reproduce``: a published table run again, obtained figures beside printed ones."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vaecli.cli import options as o
from vaecli.cli.completion import complete_row, complete_table
from vaecli.cli.reproduce_posteriors import run_posteriors
from vaecli.core.messages import counted, tell

if TYPE_CHECKING:
    from vaecli.cli.live import Silent
    from vaecli.engines.engine import Event
    from vaecli.reproduction.grids import Plan, Request
    from vaecli.reproduction.paper_tables import PaperTable
    from vaecli.runs.experiment import Experiment, Trial

MACHINE = ("VAE_DEVICE", "VAE_PRECISION", "VAE_JOBS")
"""Variables that say how this machine computes; corpus and preset are the table's, whatever others say."""


@dataclass(frozen=True)
class Call:
    """What the command was called with, for whatever reproduces a table's kind.

    Attributes:
        table: The table.
        out: Where its folder is made.
        budget: Seconds; None without one.
        rows: Names of rows; all without.
        seeds: Instead of the table's.
        data: The corpus, instead of the table's.
        device: Instead of the default.
        sets: ``--set`` values.
        jobs: Trials at a time; 0 is one a core.
        environment: Variables of this machine.
        retry: Run diverged trials again too.
        dry_run: Say what would be done, and do nothing.
        json: Print for another program.
        quiet: No progress.
    """

    table: PaperTable
    out: Path
    budget: float | None
    rows: tuple[str, ...]
    seeds: str | None
    data: str | None
    device: str | None
    sets: tuple[str, ...]
    jobs: int
    environment: Mapping[str, str]
    retry: bool
    dry_run: bool
    json: bool
    quiet: bool

    @property
    def folder(self) -> Path:
        """Of the reproduction."""
        return self.out / self.table.name

    def request(self) -> Request:
        """What is asked for, without how it is shown."""
        from vaecli.reproduction.grids import Request

        return Request(
            self.table,
            self.rows,
            self.seeds,
            self.data,
            self.device,
            self.sets,
            self.budget,
            self.jobs,
            self.environment,
            self.out,
        )


def reproduce(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="A table; without it, the tables are listed.",
            show_default=False,
            autocompletion=complete_table,
        ),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the tables, or the rows of one; run nothing.")] = False,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            metavar="2h",
            help="Time it may take, about, such as 15m or 1h30m: the first updates of each row are timed, and each "
            "gets as many epochs as fit into an equal share.",
            show_default=False,
        ),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            "--rows",
            metavar="A,B",
            help="Only these rows; for a picture, any methods, or `all` that fit.",
            show_default=False,
            autocompletion=complete_row,
        ),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option("--seeds", metavar="0-2", help="Seeds, instead of the table's own.", show_default=False),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="FOLDER",
            help="The corpus, if it isn't where `vae data fetch` writes it, as ./ptb.",
            show_default=False,
        ),
    ] = None,
    set_: o.Sets = None,
    device: Annotated[str | None, o.option_of("training.device")] = None,
    jobs: o.Jobs = None,
    out: o.Out = Path("runs"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be run, with the epochs that the budget allows.")
    ] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Run diverged trials again too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON, an object a figure.")] = False,
    quiet: o.Quiet = False,
) -> None:
    """Run a published table or picture again; of a table, print obtained and printed figures, gap and verdict.

    The same command goes on where it stopped. Figures that papers print, sources and settings are those of the
    table; `--budget` shortens the epochs and nothing else, and every row says so.
    """
    from vaecli.core.durations import seconds_of
    from vaecli.core.errors import UsageError
    from vaecli.reproduction.paper_tables import load_table

    o.check_dry_run(dry_run, json)
    runs = any(value is not None for value in (budget, rows, seeds, data, set_, device)) or dry_run or retry
    if list_ and runs:
        raise UsageError("--list lists all and runs nothing; leave it or the other options out")
    if name is None:
        if runs:
            raise UsageError("name a table; `vae reproduce --list` lists them")
        list_tables(json)
        return
    table = load_table(name)
    if list_:
        list_rows(table, json)
        return
    chosen = tuple(part.strip() for part in (rows or "").split(",") if part.strip())
    if rows is not None and not chosen:
        raise UsageError(f"--rows names no row; `vae reproduce {name} --list` lists them")
    environment, usual_jobs = machine(os.environ)
    call = Call(
        table=table,
        out=out,
        budget=None if budget is None else seconds_of(budget),
        rows=chosen,
        seeds=seeds,
        data=data,
        device=device,
        sets=tuple(set_ or ()),
        jobs=usual_jobs if jobs is None else jobs,
        environment=environment,
        retry=retry,
        dry_run=dry_run,
        json=json,
        quiet=quiet,
    )
    if table.kind not in KINDS:
        raise UsageError(f"{name}: nothing here reproduces a table of kind {table.kind!r}; a newer version may")
    KINDS[table.kind](context, call)


def machine(variables: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """The variables that hold for tables of papers too, and how many trials at a time they say; 0 where none does.

    Raises:
        UsageError: VAE_JOBS is no number; the others are checked with the settings.
    """
    from vaecli.core.errors import UsageError
    from vaecli.settings.layers import read_variables

    told = {name: variables[name] for name in MACHINE if name in variables}
    layer = read_variables(told, Path.cwd())
    if layer.problems:
        raise UsageError("\n  ".join(layer.problems))
    return told, layer.plan.get("jobs", 0)


def run_rows(context: typer.Context, call: Call) -> None:
    """Runs the rows of a table and prints the comparison."""
    from vaecli.cli.live import open_progress

    progress = open_progress(context, call.quiet)
    progress.doing("importing torch")
    from vaecli.engines.run_together import run_together
    from vaecli.reproduction.grids import margin_line, plan_of, row_experiments

    request = call.request()
    plan = plan_of(request, call.folder, progress.doing)
    experiments = row_experiments(request, plan, call.folder, progress.doing)
    progress.close()
    for note in request.notes:
        tell(f"vae: {note}")
    if line := margin_line(plan):
        tell(line)
    if call.dry_run:
        show_plan(experiments, request, plan, call.retry)
        return
    todo = [experiment.name for experiment in experiments if experiment.plan(call.retry)]
    plan.run_by_this([row.name for row in request.chosen], todo).save(call.folder)
    with ExitStack() as stack:
        outcome = run_together(
            experiments,
            jobs=call.jobs,
            retry=call.retry,
            watch=lambda todo: display(stack, call, experiments, todo),
        )
    show_reproduction(call, progress)
    check_all(experiments, outcome.signal_number)


KINDS: dict[str, Callable[[typer.Context, Call], None]] = {"rows": run_rows, "posteriors": run_posteriors}
"""What reproduces a table, by the kind that its file says."""


def display(stack: ExitStack, call: Call, experiments: list[Experiment], todo: list[Trial]) -> Callable[[Event], None]:
    """A display of all rows while their trials run, closed with the stack."""
    from vaecli.cli.grid import make_grid
    from vaecli.cli.lookout import Lookout
    from vaecli.runs.watched import ExperimentWatch

    trials = [trial for experiment in experiments for trial in experiment.trials()]
    if not call.quiet:
        tell(f"{counted(len(todo), 'trial')} to do, {len(trials) - len(todo)} done already, in {call.folder}")
    watch = ExperimentWatch(call.folder, [trial.path for trial in trials])
    return stack.enter_context(make_grid(Lookout(watch, own=True), call.quiet)).event if todo else lambda event: None


def show_reproduction(call: Call, progress: Silent) -> None:
    """Writes the tables of a reproduction and prints the comparison."""
    from vaecli.reporting.formats import to_json
    from vaecli.reporting.terminal import Target
    from vaecli.reproduction.comparison_table import comparison_text
    from vaecli.reproduction.grids import load_plan
    from vaecli.reproduction.written import reproduced, write_reproduction

    plan = load_plan(call.folder)
    assert plan is not None
    result = reproduced(call.table, plan, call.folder)
    for note in result.notes:
        tell(f"vae: {note}")
    paths = write_reproduction(result, plan, call.folder)
    target = Target.stdout()
    sys.stdout.write(to_json([result.view], target.ascii_only) if call.json else comparison_text(result.view, target))
    sys.stdout.flush()
    page = write_page(call.folder)
    if not call.quiet:
        tell(f"written: {', '.join(str(path) for path in (*paths, *page))}")
        tell(f"all figures: `vae report {call.folder}`")


def write_page(folder: Path) -> list[Path]:
    """The page of the results without what needs the checkpoints, where its packages are installed."""
    from vaecli.cli.report import page_options
    from vaecli.core.errors import UsageError
    from vaecli.core.files import write_atomic
    from vaecli.reporting.page.library import check_page_packages
    from vaecli.reporting.read_results import load_results
    from vaecli.reporting.render import render

    try:
        check_page_packages()
    except UsageError:
        return []
    loaded = load_results(folder)
    options = page_options(loaded.notes, models=False)
    write_atomic(folder / "page.html", render(loaded.frame, "html", contexts=loaded.contexts, page=options))
    return [folder / "page.html"]


def check_all(experiments: list[Experiment], signal_number: int | None) -> None:
    """Raises what the trials of all rows have earned.

    Raises:
        InterruptedRunError: A signal stopped the work.
        TrialsFailedError: Trials failed or diverged, those of all rows together.
    """
    from vaecli.core.errors import TrialsFailedError
    from vaecli.engines.engine import Outcome
    from vaecli.engines.run_grid import check_outcome

    failed = []
    for experiment in experiments:
        try:
            check_outcome(experiment, Outcome(signal_number=signal_number))
        except TrialsFailedError as error:
            failed.append(f"{experiment.name}: {error}")
    if failed:
        raise TrialsFailedError("\n  ".join(failed))


def show_plan(experiments: list[Experiment], request: Request, plan: Plan, retry: bool) -> None:
    """What would be run, on stdout: a line a row; diverged trials are to do where they are run again."""
    lines = [("row", "method", "seeds", "epochs", "to do")]
    for row, experiment in zip(request.chosen, experiments, strict=True):
        run, of = plan.epochs[row.name], plan.planned[row.name]
        share = str(run) if run == of else f"{run}/{of}"
        lines.append((row.name, row.method, str(len(experiment.seeds)), share, str(len(experiment.plan(retry)))))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        words = zip(line, widths, strict=True)
        print("  ".join(f"{word:<{w}}" if n < 2 else f"{word:>{w}}" for n, (word, w) in enumerate(words)))


def list_tables(json: bool) -> None:
    """The tables, on stdout."""
    from vaecli.reproduction.paper_tables import load_table, table_names

    tables = [load_table(name) for name in table_names()]
    if json:
        from json import dumps

        keys = ("name", "kind", "title", "about")
        print(dumps([{key: getattr(table, key) for key in keys} for table in tables], indent=2))
        return
    width = max(len(table.name) for table in tables)
    for table in tables:
        rows = f", {counted(len(table.rows), 'row')}" if table.rows else ""
        print(f"{table.name:<{width}}  {table.title}{rows}")
    print("\n`vae reproduce NAME` runs one, `vae reproduce NAME --list` lists its rows")


def list_rows(table: PaperTable, json: bool) -> None:
    """The rows of a table and what is printed for them, on stdout."""
    from vaecli.reporting.formats import to_json
    from vaecli.reporting.terminal import Target, paragraphs
    from vaecli.reproduction.comparison import Compared
    from vaecli.reproduction.comparison_table import UNCONFIRMED, comparison_view

    if json:
        pairs = [(row, figure) for row in table.rows for figure in (row.printed or (None,))]
        lines = [Compared(row.name, figure.column if figure else "", None, figure, None) for row, figure in pairs]
        sys.stdout.write(to_json([comparison_view(table.title, lines)]))
        return
    told = [table.title, table.about, f"data: {table.values.get('data', '-')}; seeds: {table.seeds}", ""]
    for row in table.rows:
        figures = [f"{f.column} {f.value:g}{'' if f.confirmed else f' ({UNCONFIRMED})'}" for f in row.printed]
        method = "" if row.name == row.method else f" [{row.method}]"
        figures_told = f"{row.name}{method}: {', '.join(figures) or 'no figure in print'}"
        told.append(figures_told + (f"; {row.note}" if row.note else ""))
    sources = dict.fromkeys(figure.source for row in table.rows for figure in row.printed)
    told += ["", *(f"source: {source}" for source in sources), *table.notes]
    sys.stdout.write(paragraphs(told, Target.stdout()))

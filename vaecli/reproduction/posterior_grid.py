"""A picture of posteriors run again: methods in one grid at latent size 1, two pictures and the spread of the means.

No paper prints figures of such a picture, so nothing is compared; what the paper says of it stands below the table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecli.core.errors import UsageError
from vaecli.core.files import write_atomic
from vaecli.corpus.load import load_corpus
from vaecli.corpus.types import Corpus
from vaecli.engines.run_grid import building
from vaecli.remedies import canonical
from vaecli.reporting.formats import to_markdown
from vaecli.reporting.picture import draw, runs_of
from vaecli.reporting.pictures.posterior_spread import SPREAD, last_looks, spread_table
from vaecli.reporting.read_results import LoadedResults, load_results
from vaecli.reporting.render import render
from vaecli.reporting.view import UNDEFINED, Cell, Head, View, number
from vaecli.reproduction.comparison_table import UNCONFIRMED
from vaecli.reproduction.grids import Plan, Request, Told, configs_of, load_plan
from vaecli.reproduction.made import made_lines
from vaecli.reproduction.paper_tables import PaperTable
from vaecli.reproduction.written import RESULTS, SUMMARY, TABLE, notes_on_undone
from vaecli.runs.folder import refuse_links
from vaecli.runs.statistics import Interval, interval
from vaecli.runs.tables import csv_text, summary_table
from vaecli.settings.resolve import Settings, load_settings
from vaecli.training.fit import build_problem, built_apart

if TYPE_CHECKING:
    import pandas as pd

EVERY = "all"
"""``--rows all``: every method whose posterior can be looked at."""

PICTURES = ("posteriors.png", "posteriors.gif")
SPREAD_FILE = "spread.csv"

HEADS = (
    Head("method", numeric=False),
    Head("updates"),
    Head("exact"),
    Head("encoder"),
    Head("distance"),
)


@dataclass(frozen=True)
class PosteriorGrid:
    """The grid of a picture.

    Attributes:
        settings: Of its methods.
        left_out: Why, by method, of those that ``all`` doesn't draw.
        built: Methods that have been built, to see whether they fit, each with what its paper adds where it does.
    """

    settings: Settings
    left_out: dict[str, str]
    built: frozenset[str] = frozenset()


def grid_of(request: Request, told: Told = lambda what: None) -> PosteriorGrid:
    """The grid that a user asks for; `Request.rows` are any methods, ``all`` every one that fits.

    Args:
        request: What is asked for.
        told: Hears what takes a while.

    Raises:
        UsageError: A budget, whose rule has nothing to shorten; looks are turned off; a method that is asked for by
            name has no latent variable; or the settings are wrong.
        DataError: The corpus can't be used.
    """
    table = request.table
    if request.budget is not None:
        raise UsageError(
            f"{table.name}: --budget leaves whole epochs, one at least, and this table has one; --set "
            "corpus.train_size=3200 makes half its updates, and --rows takes fewer methods"
        )
    names = tuple(name if name == EVERY else canonical(name, "--rows") for name in request.rows)
    names = names or tuple(row.method for row in table.rows)
    settings = _settings(request, names)
    first = settings.config(settings.methods[0], settings.seeds[0])
    if not first.evaluation.posteriors_every:
        raise UsageError(
            f"{table.name}: evaluation.posteriors_every=0 looks at nothing that could be drawn; say after how many "
            "updates it looks"
        )
    left: dict[str, str] = {}
    built: frozenset[str] = frozenset()
    if EVERY in names:
        corpus, every = load_corpus(first.corpus), [method for method in settings.methods if method not in names]
        told(building(every))
        left = _unfit(settings, corpus, every)
        fit = [method for method in every if method not in left]
        built = frozenset(config.method for method in fit for config in configs_of(settings, method))
        settings = _settings(request, tuple(method for method in settings.methods if method not in left))
    wrong = [method for method in settings.methods if not _has_posterior(method)]
    if wrong:
        raise UsageError(f"{wrong[0]}: a language model has no z, so that there is no posterior to draw; leave it out")
    return PosteriorGrid(settings, left, built)


def _settings(request: Request, methods: tuple[str, ...]) -> Settings:
    """Those of the table for some methods; ``all`` is every one."""
    parts = {part for row in request.table.rows for part in row.method.split("+")}
    named = [*methods, *(parts if EVERY in methods else ())]
    return load_settings(
        preset=request.table.preset,
        table=request.table.settings_for(named),
        options={"corpus": {"data": request.data}, "training": {"device": request.device}},
        sets=request.sets,
        environment=request.environment,
        methods=methods,
        seeds=request.table.seeds if request.seeds is None else request.seeds,
        experiment=request.table.name,
        jobs=request.jobs,
        methods_option="--rows",
        searches=request.searches,
    )


def _has_posterior(method: str) -> bool:
    return "lm" not in method.split("+")


def _unfit(settings: Settings, corpus: Corpus, methods: Iterable[str]) -> dict[str, str]:
    """Why some methods can't be drawn, by method; each is built once for each of its variants that are built apart."""
    left = {}
    for method in methods:
        if not _has_posterior(method):
            left[method] = "a language model has no z"
            continue
        problems = (build_problem(config, corpus) for config in built_apart(configs_of(settings, method)))
        if problem := next(filter(None, problems), ""):
            left[method] = problem
    return left


@dataclass(frozen=True)
class DrawnPosteriors:
    """What a picture's folder holds.

    Attributes:
        results: A row a trial.
        spreads: A row a method, seed and look, as `spread_table` gives it.
        view: The spread at the last looks.
    """

    results: LoadedResults
    spreads: pd.DataFrame
    view: View


def keep_plan(table: PaperTable, folder: Path, jobs: int, methods: Sequence[str], todo: Collection[str]) -> None:
    """Keeps in a folder which commands have run its methods, this one among them, with versions and machine.

    Args:
        table: Of the folder.
        folder: Of the reproduction.
        jobs: Trials at a time.
        methods: That this command is about.
        todo: Of these, those with trials to run.

    Raises:
        UsageError: The folder is behind a link, or its plan can't be read.
    """
    refuse_links(folder)
    plan = load_plan(folder) or Plan(table.name, None, jobs, {}, {})
    plan.run_by_this(methods, todo).save(folder)


def drawn(table: PaperTable, folder: Path) -> DrawnPosteriors:
    """Reads what the runs of a folder have recorded.

    Raises:
        UsageError: The folder holds no results.
        DataError: A run's file can't be read.
    """
    results = load_results(folder)
    spreads = spread_table(runs_of(results.frame, results.contexts, "the spread of posteriors"))
    return DrawnPosteriors(results, spreads, spread_view(table, results.frame, spreads))


def spread_view(table: PaperTable, frame: pd.DataFrame, spreads: pd.DataFrame) -> View:
    """A row a method: its spread at the last look, the mean over seeds, whose last looks may lie at several updates.

    Args:
        table: Whose title and notes it bears.
        frame: A row a trial.
        spreads: As `spread_table` gives it.
    """
    rows, records = [], []
    for method, own in last_looks(spreads).groupby("method", sort=False):
        first, updates = int(own["updates"].min()), int(own["updates"].max())
        told = f"{updates:,}" if first == updates else f"{first:,} to {updates:,}"
        figures = {name: interval(own[name]) for name in SPREAD}
        rows.append((Cell(str(method)), Cell(told), *map(_figure, figures.values())))
        means: dict[str, Any] = {name: estimate and estimate.mean for name, estimate in figures.items()}
        records.append({"method": str(method), "seeds": len(own), "updates": updates, **means})
    return View(_title(table, frame), HEADS, tuple(rows), tuple(records), _notes(table, frame, spreads))


def _figure(estimate: Interval | None) -> Cell:
    if estimate is None:
        return Cell(UNDEFINED)
    return Cell(number(estimate.mean, 2), "" if estimate.sd is None else number(estimate.sd, 2))


def _title(table: PaperTable, frame: pd.DataFrame) -> str:
    """``He et al. 2019, posteriors while they train: corpus mixture, seeds 0, 1``."""
    corpora = ", ".join(sorted({str(name) for name in frame["corpus"].dropna()}))
    seeds = ", ".join(map(str, sorted(set(map(int, frame["seed"])))))
    return f"{table.title}: " + (f"corpus {corpora}, " if corpora else "") + f"seeds {seeds}"


def _notes(table: PaperTable, frame: pd.DataFrame, spreads: pd.DataFrame) -> tuple[str, ...]:
    source = table.values["source"]
    cited = f"{source['paper']}, {source['table']}" + ("" if source["confirmed"] else f": from memory, {UNCONFIRMED}")
    notes = [
        "standard deviation over sentences, at the last look, of the means of the exact p(z|x) and of the encoder's "
        "q(z|x); distance: root mean square of their difference"
    ]
    if len(set(spreads["seed"])) > 1:
        notes.append("±: standard deviation over seeds; the pictures are of each method's first")
    return (*notes, *notes_on_undone(frame), f"the paper: {table.values['shows']} ({cited})", *table.notes)


def write_drawn(drawn: DrawnPosteriors, made: Plan, folder: Path) -> list[Path]:
    """Writes tables and pictures into the folder; gives their paths.

    Raises:
        DataError: A picture can't be written.
    """
    frame, contexts = drawn.results.frame, drawn.results.contexts
    parts = [render(frame, "markdown", contexts=contexts), to_markdown(drawn.view), "\n".join(made_lines(made.made))]
    texts = {
        RESULTS: csv_text(frame),
        SUMMARY: csv_text(summary_table(frame)),
        SPREAD_FILE: drawn.spreads.to_csv(index=False),
        TABLE: "\n".join(parts) + "\n",
    }
    for name, text in texts.items():
        write_atomic(folder / name, text)
    for name in PICTURES:
        draw(frame, contexts, folder / name, "posteriors")
    return [folder / name for name in (*texts, *PICTURES)]

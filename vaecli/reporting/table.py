"""The results of an experiment as a table: a row a method, mean and interval over its seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vaecli.core.errors import UsageError
from vaecli.core.messages import printable
from vaecli.metrics.ceilings import BOUNDED, at_ceiling, ceiling_columns
from vaecli.metrics.schema import COLUMNS
from vaecli.metrics.verdict import NO_VERDICT
from vaecli.reporting.conclusions import verdict_word
from vaecli.reporting.notes import ReportContext, result_notes
from vaecli.reporting.selection import choose_columns, direction, is_text, parse_sort, text_of
from vaecli.reporting.view import AT_LEAST, UNDEFINED, Cell, Head, Record, View, decimals, number
from vaecli.runs.groups import SECTION_KEYS, Group, complete, finished_rows, grouped
from vaecli.runs.statistics import Interval, defined, ranks

if TYPE_CHECKING:
    import pandas as pd

Sections = Sequence[tuple[dict[str, str], "pd.DataFrame"]]
"""Tables with what their trials share."""

TITLED = ("experiment", "corpus", "split")
"""Keys of a section that its title always names."""

RANKS = "(n): rank from 1 for the best mean of a column; figures equal as shown share the mean of their ranks"
"""What the numbers in parentheses are."""

NO_TRIALS = "the results hold no trials; run `vae compare` first"

CEILING = (
    f"{AT_LEAST}: at its ceiling (log N for mi), which is no measurement: the truth may be anything larger, so such a "
    "figure is never marked best, and several share a rank"
)
"""What the mark of a figure at its ceiling means."""

BEST = "bold or *: the best mean of a column, untested; --baseline METHOD tests"
"""What the mark of the best figure means, and what it doesn't."""

NONNEGATIVE = ("kl", "mi", "mi_batch", "marginal_kl", "au")
BELOW_ZERO = "kl, mi, marginal_kl and au can't be below 0, their intervals can: cut them"
"""What is said of a mean of `NONNEGATIVE` that is less than half of its interval."""


def sections(frame: pd.DataFrame) -> Sections:
    """The trials that one table may hold, with what they share, in the order of their first rows."""
    table = complete(frame)
    keys = [name for name in SECTION_KEYS if name in table.columns]
    if not keys:
        return [({}, table)]
    return [
        (dict(zip(keys, map(str, values), strict=True)), part)
        for values, part in table.groupby(keys, sort=False, dropna=False)
    ]


def title_of(shared: Mapping[str, str], frame: pd.DataFrame, tables: Sections) -> str:
    """``experiment quick, corpus synthetic, split test, 2000 sentences``, and what else keeps it from another table."""
    named = {name: value for name, value in shared.items() if name in TITLED}
    alike = [other for other, _ in tables if all(other[name] == value for name, value in named.items())]
    parts = [f"{name} {value}" for name, value in named.items() if value and value != "nan"]
    for name, value in shared.items():
        if name not in TITLED and len({other[name] for other in alike}) > 1:
            parts.append(f"{name} {value or 'unknown'}")
    counts = set(frame["sentences"].dropna()) if "sentences" in frame.columns else set()
    if len(counts) == 1:
        count = int(counts.pop())
        parts.append(f"{count} sentence{'s' if count != 1 else ''}")
    return printable(", ".join(parts))


def apart(shared: Mapping[str, str], tables: Sections) -> list[str]:
    """A line where an experiment's trials are of several texts or settings, and stand in several tables for that."""
    words = {"fingerprint": "texts", "protocol": "settings"}
    differing = []
    for name, what in words.items():
        mine = [other for other, _ in tables if other.get("experiment") == shared.get("experiment") and name in other]
        if len({other[name] for other in mine}) > 1:
            differing.append(what)
    if not differing:
        return []
    return [f"trials of other {' and other '.join(differing)} are in tables of their own, for they don't compare"]


def split_trials(groups: Sequence[Group]) -> list[Group]:
    """A group for each single trial."""
    return [replace(g, trials=g.trials.iloc[n : n + 1]) for g in groups for n in range(len(g.trials))]


def _column(groups: Sequence[Group], frame: pd.DataFrame, name: str, ranked: bool) -> tuple[Head, list[Cell]]:
    """Heading and cells of one column, with the ranks of its figures if asked."""
    if name == "seeds":
        return Head(name), [Cell(str(group.count)) for group in groups]
    if name == "seed" or _labels(name, frame, groups):
        numeric = not _labels(name, frame, groups)
        told = [printable(text_of(group, name)) or UNDEFINED for group in groups]
        words = map(verdict_word, told) if name == "verdict" else told
        return Head(name, numeric=numeric), [Cell(word) for word in words]
    figures = [group.summary(name) for group in groups]
    return Head(name, direction(name)), figure_cells(figures, name, ranked, ceilings(groups, name))


def ceilings(groups: Sequence[Group], name: str) -> list[bool]:
    """Whether the figure of each group is a ceiling: that of one of its trials is, so the mean measures nothing."""
    if name not in BOUNDED:
        return [False] * len(groups)
    columns = ceiling_columns(name)
    return [any(at_ceiling(row, name) for row in finished_rows(group.trials, columns)) for group in groups]


def figure_cells(
    figures: Sequence[Interval | None], name: str, ranked: bool = False, bounded: Sequence[bool] = ()
) -> list[Cell]:
    """Cells of a column of figures, rounded alike, the best marked where there are two or more to compare.

    Args:
        figures: None where undefined.
        name: The column; the schema knows which way is better.
        ranked: Whether the cells bear their ranks.
        bounded: Whether each is a ceiling, which is marked so and never as the best; none is by default.
    """
    places = _places(figures, name)
    ranks = figure_ranks(figures, name, bounded)
    top = min((rank for rank in ranks if rank is not None), default=None)
    cells = []
    for figure, rank, most in zip(figures, ranks, bounded or [False] * len(figures), strict=True):
        if figure is None:
            cells.append(Cell(UNDEFINED))
            continue
        spread = number(figure.half, places) if figure.half else ""
        best = rank is not None and rank == top and not most
        shown = f"{rank:g}" if ranked and rank is not None else ""
        cells.append(Cell(number(figure.mean, places), spread, best, shown, most))
    return cells


def legend(names: Sequence[str], columns: Sequence[Sequence[Cell]]) -> list[str]:
    """What the marks and intervals of a table mean, of those that it has.

    Args:
        names: Of the columns, in the schema.
        columns: Their cells.
    """
    cells = [(name, cell) for name, column in zip(names, columns, strict=True) for cell in column]
    below = (c.spread and name in NONNEGATIVE and 0 <= float(c.text) < float(c.spread) for name, c in cells)
    kinds = {
        CEILING: any(cell.at_least for _, cell in cells),
        BEST: any(cell.best for _, cell in cells),
        BELOW_ZERO: any(below),
    }
    return [text for text, is_there in kinds.items() if is_there]


def figure_ranks(figures: Sequence[Interval | None], name: str, bounded: Sequence[bool] = ()) -> list[float | None]:
    """Ranks from 1 for the best mean; figures that are equal as shown share the mean of their ranks.

    None for undefined figures, in columns where neither way is better, and where there is nothing to compare. Figures
    at their ceilings are above all others, being no more than the truth, and nothing tells them from one another.
    """
    better = direction(name)
    if better is None or sum(figure is not None for figure in figures) < 2:
        return [None] * len(figures)
    places = _places(figures, name)
    shown = [None if figure is None else float(number(figure.mean, places)) for figure in figures]
    pairs = zip(shown, bounded or [False] * len(figures), strict=True)
    return ranks([math.inf if most else value for value, most in pairs], better)


def _places(figures: Sequence[Interval | None], name: str) -> int:
    """Decimals of a column's cells."""
    known = [figure for figure in figures if figure is not None]
    halves = [half for figure in known if (half := figure.half) is not None]
    return decimals([figure.mean for figure in known], halves, name)


def ranked_records(
    records: Sequence[Record], groups: Sequence[Group], frame: pd.DataFrame, columns: Sequence[str]
) -> list[Record]:
    """The rows for machines with ``NAME_rank`` for every figure that has a better direction."""
    joined = [dict(record) for record in records]
    for name in columns:
        if name == "seeds" or direction(name) is None or _labels(name, frame, groups):
            continue
        ranks = figure_ranks([g.summary(name) for g in groups], name, ceilings(groups, name))
        for record, rank in zip(joined, ranks, strict=True):
            record[f"{name}_rank"] = rank
    return joined


def _record(lead: Mapping[str, str], group: Group, frame: pd.DataFrame, columns: Sequence[str], spread: bool) -> Record:
    """A row for machines: labels and whole numbers as they are, figures unrounded, with their spread if asked."""
    record: Record = dict(lead)
    for name in columns:
        if name == "seeds":
            record[name] = group.count
        elif _labels(name, frame, [group]):
            text = text_of(group, name)
            record[name] = None if text in ("", NO_VERDICT) else text
        elif name == "seed":  # of failed trials too, which have no figures
            record[name] = _whole(group.trials[name].iloc[0])
        else:
            figure = group.summary(name)
            single = figure is not None and figure.n == 1 and name in COLUMNS and COLUMNS[name].kind == "int"
            record[name] = None if figure is None else _whole(figure.mean) if single else figure.mean
            if spread:
                record |= {f"{name}_{part}": getattr(figure, part, None) for part in ("sd", "low", "high")}
    return record


def _labels(name: str, frame: pd.DataFrame, groups: Sequence[Group]) -> bool:
    """Whether a column is shown as words: labels, or the several seeds of a method."""
    if name in ("seed", "verdict"):
        return name == "verdict" or any(len(group.trials) > 1 for group in groups)
    return is_text(frame, name)


def _whole(value: Any) -> int | None:
    numbers = defined([value])
    return round(numbers[0]) if numbers else None


def has_spread(frame: pd.DataFrame) -> bool:
    """Whether any method has several finished trials."""
    return any(group.count > 1 for group in grouped(frame))


def build_views(
    frame: pd.DataFrame,
    columns: str | None = None,
    sort: str | None = None,
    per_trial: bool = False,
    contexts: Mapping[str, ReportContext] | None = None,
    rectangular: bool = False,
    ranked: bool = False,
    explain: bool = False,
) -> list[View]:
    """One table for each experiment, corpus, split and protocol.

    Args:
        frame: A row a trial.
        columns: Names with commas between; None for the default set.
        sort: ``column`` or ``column:desc``.
        per_trial: A row a trial instead of a method.
        contexts: What is known of each experiment besides its results.
        rectangular: Whether all tables must have the same columns, for files that join them.
        ranked: Whether figures bear their ranks.
        explain: Whether the lines below explain each verdict.

    Raises:
        UsageError: No trials, or an unknown column.
    """
    if frame.empty:
        raise UsageError(NO_TRIALS)
    whole = choose_columns(frame, columns, per_trial)
    order = parse_sort(frame, sort)
    parts = sections(frame)
    spread = not per_trial and has_spread(frame)
    views = []
    for shared, part in parts:
        names = whole if rectangular or columns is not None else choose_columns(part, None, per_trial)
        groups = grouped(part)
        rows = order.apply(split_trials(groups) if per_trial else groups, part)
        built = [_column(rows, part, name, ranked) for name in names]
        cells = tuple(zip(*(column for _, column in built), strict=True))
        spreads = any(cell.spread for row in cells for cell in row)
        context = (contexts or {}).get(shared.get("experiment", ""), ReportContext())
        records = [_record(varying(parts, shared, names), group, part, names, spread) for group in rows]
        if ranked:
            records = ranked_records(records, rows, part, names)
        marks = [RANKS] if ranked else []
        marks += legend(names, [column for _, column in built])
        notes = [*apart(shared, parts), *marks, *result_notes(part, names, spreads, context, explain)]
        views.append(
            View(
                title_of(shared, part, parts),
                tuple(head for head, _ in built),
                cells,
                tuple(records),
                tuple(notes),
                droppable=columns is None,
            )
        )
    return views


def varying(parts: Sections, shared: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """What tells the rows of one section from those of the others in a file that joins them."""
    return {
        key: value for key, value in shared.items() if key not in names and len({other[key] for other, _ in parts}) > 1
    }

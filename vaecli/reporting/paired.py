"""Differences to a baseline, paired by seed: what a change of method did while seed and data order stayed the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vaecli.core.errors import UsageError, unknown
from vaecli.core.messages import printable
from vaecli.reporting.notes import ReportContext, failures, version_lines
from vaecli.reporting.selection import PAIRED_DEFAULT, choose_columns, direction, is_text, parse_sort
from vaecli.reporting.table import apart, ceilings, sections, title_of, varying
from vaecli.reporting.view import UNDEFINED, Cell, Head, Record, View, decimals, number
from vaecli.runs.grid_file import spelled
from vaecli.runs.groups import Group, finished, grouped
from vaecli.runs.statistics import MIN_SEEDS_FOR_TEST, Paired, defined, paired

if TYPE_CHECKING:
    import pandas as pd


def find_baseline(groups: Sequence[Group], name: str) -> Group | None:
    """The group of a method's name, or of its label where several versions of it are there.

    Raises:
        UsageError: The name stands for several groups.
    """
    exact = [group for group in groups if group.label == name]
    matching = exact or [group for group in groups if group.method in (name, spelled(name))]
    if len(matching) > 1:
        labels = ", ".join(repr(group.label) for group in matching)
        raise UsageError(f"baseline {name!r} has several versions (--baseline): choose from {labels}")
    return matching[0] if matching else None


def compared_columns(frame: pd.DataFrame, requested: str | None) -> tuple[str, ...]:
    """The figures to compare.

    Raises:
        UsageError: An unknown column, or none that holds figures.
    """
    if requested is None:
        done = finished(frame)
        return tuple(name for name in PAIRED_DEFAULT if name in frame.columns and defined(done[name]))
    names = [name for name in choose_columns(frame, requested) if name not in ("seed", "seeds", "verdict")]
    figures = tuple(name for name in names if not is_text(frame, name))
    if not figures:
        raise UsageError(f"--columns {requested} names no figure that could be compared with a baseline")
    return figures


def paired_views(
    frame: pd.DataFrame,
    baseline: str,
    columns: str | None = None,
    sort: str | None = None,
    contexts: Mapping[str, ReportContext] | None = None,
) -> list[View]:
    """One table of differences for each experiment, corpus, split and protocol.

    Args:
        frame: A row a trial.
        baseline: The method that the others are compared with.
        columns: Figures to compare; None for the default set.
        sort: The order of the methods, by their own figures.
        contexts: What is known of each experiment besides its results.

    Raises:
        UsageError: An unknown method or column.
    """
    parts = sections(frame)
    names = compared_columns(frame, columns)
    order = parse_sort(frame, sort)
    views = []
    found_any = False
    for shared, part in parts:
        groups = order.apply(grouped(part), part)
        reference = find_baseline(groups, baseline)
        found_any = found_any or reference is not None
        rows = paired(groups, reference, names) if reference is not None else []
        context = (contexts or {}).get(shared.get("experiment", ""), ReportContext())
        name = baseline if reference is None else reference.label
        notes = [*apart(shared, parts), *_notes(rows, name, reference is not None, "seed" in part.columns)]
        notes += [] if reference is None else ceiling_lines(groups, rows, reference)
        notes += [*version_lines(part), *failures(part, context)]
        lead = varying(parts, shared, ("method", "column"))
        title = ", ".join(filter(None, (title_of(shared, part, parts), f"differences to {name}")))
        views.append(_view(title, rows, lead, tuple(notes)))
    if not found_any:
        labels = {label for _, part in parts for g in grouped(part) for label in (g.method, g.label)}
        raise unknown("method", baseline, labels, "--baseline")
    return views


def _view(title: str, rows: Sequence[Paired], lead: Mapping[str, str], notes: tuple[str, ...]) -> View:
    tested = any(row.p_value is not None for row in rows)
    listed = any(len(row.seeds) < MIN_SEEDS_FOR_TEST for row in rows)
    heads = [Head("column", numeric=False), Head("method", numeric=False), Head("pairs"), Head("difference")]
    heads += [Head("p")] if tested else []
    heads += [Head("by seed", numeric=False)] if listed else []
    cells = []
    for row in rows:
        same = [other for other in rows if other.column == row.column]
        halves = [half for other in same if (half := other.interval.half) is not None]
        places = decimals([value for other in same for value in other.differences], halves, row.column)
        cells.append(_cells(row, places, tested, listed))
    return View(title, tuple(heads), tuple(cells), tuple(_record(row, lead) for row in rows), notes, leads=2)


def _cells(row: Paired, places: int, tested: bool, listed: bool) -> tuple[Cell, ...]:
    better = {"lower": "lower is better", "higher": "higher is better", None: ""}[direction(row.column)]
    half = row.interval.half
    cells = [
        Cell(f"{row.column} ({better})" if better else row.column),
        Cell(row.method),
        Cell(str(len(row.seeds))),
        Cell(signed(row.interval.mean, places), number(half, places) if half else ""),
    ]
    if tested:
        cells.append(Cell(UNDEFINED if row.p_value is None else p_text(row.p_value)))
    if listed:
        few = len(row.seeds) < MIN_SEEDS_FOR_TEST
        cells.append(Cell(", ".join(signed(value, places) for value in row.differences) if few else UNDEFINED))
    return tuple(cells)


def signed(value: float, places: int) -> str:
    """A difference with its sign; no sign for one that rounds to zero."""
    text = number(value, places)
    return f"+{text}" if value > 0 and float(text) != 0 else text


def p_text(p_value: float) -> str:
    """A p-value with two significant digits, at least 0.001."""
    return "<0.001" if p_value < 0.001 else f"{p_value:.2g}"


def _record(row: Paired, lead: Mapping[str, str]) -> Record:
    return {
        **lead,
        "column": row.column,
        "method": row.method,
        "pairs": len(row.seeds),
        "difference": row.interval.mean,
        "difference_sd": row.interval.sd,
        "difference_low": row.interval.low,
        "difference_high": row.interval.high,
        "p_holm": row.p_value,
        "seeds": list(row.seeds),
        "differences": list(row.differences),
    }


def ceiling_lines(groups: Sequence[Group], rows: Sequence[Paired], reference: Group) -> list[str]:
    """A line on the differences of which a side is at its ceiling: they bound the truth and don't measure it."""
    lines = []
    for name in dict.fromkeys(row.column for row in rows):
        shown = {row.method for row in rows if row.column == name} | {reference.label}
        reached = [g.label for g, most in zip(groups, ceilings(groups, name), strict=True) if most and g.label in shown]
        if reached:
            names = ", ".join(reached)
            lines.append(printable(f"{name} is at its ceiling for {names}: a difference is no measurement"))
    return lines


def _notes(rows: Sequence[Paired], baseline: str, present: bool, seeded: bool) -> list[str]:
    if not present:
        return [f"{baseline} is not in this experiment, so nothing can be compared with it"]
    if not seeded:
        return ["these results have no column 'seed', by which trials are paired"]
    if not rows:
        return [f"no method has a finished trial with a seed of {baseline}'s finished trials"]
    lines = [f"difference: method minus {baseline}, paired by seed, mean and half of the 95 % t interval"]
    if any(row.p_value is not None for row in rows):
        lines.append("p: two-sided paired t-test, Holm-corrected over the methods of a column")
    if any(len(row.seeds) < MIN_SEEDS_FOR_TEST for row in rows):
        lines.append(f"with fewer than {MIN_SEEDS_FOR_TEST} pairs there is no p-value; the differences stand by seed")
    return lines

"""Each method's figures under the protocols that it was trained by, side by side, and never averaged together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vaecli.core.errors import UsageError
from vaecli.core.messages import printable
from vaecli.reporting.conclusions import verdict_word
from vaecli.reporting.notes import ReportContext, failures, protocol_lines
from vaecli.reporting.selection import choose_columns, direction, is_text, parse_sort, text_of
from vaecli.reporting.table import ceilings, figure_cells, has_spread, legend, sections, title_of, varying
from vaecli.reporting.view import UNDEFINED, Cell, Head, Record, View
from vaecli.runs.groups import PROTOCOL, Group, complete, finished, grouped
from vaecli.settings.protocols import PUBLISHED, SHARED, TUNED, as_published

if TYPE_CHECKING:
    import pandas as pd

    from vaecli.runs.statistics import Interval

ORDER = (SHARED, PUBLISHED, TUNED)
DEFAULT = ("kl", "mi", "iw_nll", "verdict")
"""Figures shown unless asked otherwise: each takes a column a protocol."""

Row = tuple[str, Mapping[str, Group]]
"""A method's name, and its trials by protocol."""


def protocols_in(frame: pd.DataFrame) -> list[str]:
    """The protocols of a table's trials, the shared one first."""
    if PROTOCOL not in frame.columns:
        return [SHARED]
    protocols = set(complete(frame)[PROTOCOL])
    return [name for name in ORDER if name in protocols] + sorted(protocols - set(ORDER))


def protocol_views(
    frame: pd.DataFrame,
    columns: str | None = None,
    sort: str | None = None,
    contexts: Mapping[str, ReportContext] | None = None,
) -> list[View]:
    """A table for each section: a row a method, each figure under each protocol.

    Args:
        frame: A row a trial.
        columns: Figures with commas between; None for the default set.
        sort: ``column`` or ``column:desc``, of the rows' first protocol.
        contexts: What is known of each experiment besides its results.

    Raises:
        UsageError: All trials have one protocol, or an unknown column.
    """
    protocols = protocols_in(frame)
    if len(protocols) < 2:
        way = "`vae compare --protocol shared,published` trains by two"
        raise UsageError(f"--by protocol: all of these trials have the {protocols[0]} protocol; {way}")
    if columns is None:
        chosen = [name for name in DEFAULT if name in frame.columns]
    else:
        chosen = [name for name in choose_columns(frame, columns) if name not in ("method", PROTOCOL)]
    order = parse_sort(frame, sort)
    parts = sections(frame)
    views = []
    for shared, part in parts:
        rows = side_by_side_rows(grouped(part))
        leading = [next(row[protocol] for protocol in protocols if protocol in row) for _, row in rows]
        rank = {id(group): n for n, group in enumerate(order.apply(leading, part))}
        rows = [row for _, row in sorted(zip(leading, rows, strict=True), key=lambda pair: rank[id(pair[0])])]
        context = (contexts or {}).get(shared.get("experiment", ""), ReportContext())
        notes = ["mean and half of the 95 % t interval over seeds"] if has_spread(part) else []
        notes += [*protocol_lines(part, context), *renamed(rows), *failures(part, context)]
        lead = varying(parts, shared, ("method",))
        views.append(_view(title_of(shared, part, parts), part, rows, protocols, chosen, notes, lead))
    return views


def side_by_side_rows(groups: Sequence[Group]) -> list[Row]:
    """The rows: trials of one method under several protocols in one, what has several variants by protocol apart.

    A method to which its paper adds remedies, as ``linear_anneal`` to ``lagging``, stands in the row of the shorter one
    where the table has that under another protocol.
    """
    names = {group.method for group in groups}
    bases = {group.method: group.method for group in groups}
    plain = {group.method for group in groups if protocol_of(group) != PUBLISHED}
    for group in groups:
        if protocol_of(group) == PUBLISHED and group.method not in plain:
            bases[group.method] = next((n for n in names & plain if as_published(n) == group.method), group.method)
    by_base: dict[str, dict[str, list[Group]]] = {}
    for group in groups:
        by_base.setdefault(bases[group.method], {}).setdefault(protocol_of(group), []).append(group)
    rows: list[Row] = []
    for base, by_protocol in by_base.items():
        if all(len(several) == 1 for several in by_protocol.values()):
            rows.append((base, {protocol: several[0] for protocol, several in by_protocol.items()}))
        else:
            rows += [(g.label, {protocol: g}) for protocol, several in by_protocol.items() for g in several]
    return rows


def protocol_of(group: Group) -> str:
    """Under which the trials of a group were trained."""
    return str(group.key.get(PROTOCOL) or SHARED)


def renamed(rows: Sequence[Row]) -> list[str]:
    """A line on the rows whose trials under a protocol are of a longer method."""
    names = [f"{base} is {g.method}" for base, row in rows for g in row.values() if g.method != base != g.label]
    return [printable(f"with what its paper always adds: {', '.join(names)}")] if names else []


def _view(
    title: str,
    frame: pd.DataFrame,
    rows: Sequence[Row],
    protocols: Sequence[str],
    columns: Sequence[str],
    notes: list[str],
    lead: Mapping[str, str],
) -> View:
    heads, cells = [Head("method", numeric=False)], [[Cell(printable(name)) for name, _ in rows]]
    records: list[Record] = [{**lead, "method": name} for name, _ in rows]
    for name in columns:
        words = name == "verdict" or (name != "seeds" and is_text(frame, name))
        for protocol in protocols:
            heads.append(Head(f"{name}_{protocol}", None if words else direction(name), numeric=not words))
        column = _words(rows, protocols, name) if words else _figures(rows, protocols, name)
        cells += column
        for protocol in protocols:
            for record, (_, row) in zip(records, rows, strict=True):
                record |= _values(row.get(protocol), f"{name}_{protocol}", name, words)
    marks = legend(["method", *(name for name in columns for _ in protocols)], cells)
    table = tuple(zip(*cells, strict=True))
    return View(title, tuple(heads), table, tuple(records), (*marks, *notes))


def _words(rows: Sequence[Row], protocols: Sequence[str], name: str) -> list[list[Cell]]:
    """A column of labels for each protocol."""

    def told(group: Group | None) -> str:
        text = printable(text_of(group, name)) if group else ""
        return (verdict_word(text) if name == "verdict" else text) or UNDEFINED

    return [[Cell(told(row.get(protocol))) for _, row in rows] for protocol in protocols]


def _figures(rows: Sequence[Row], protocols: Sequence[str], name: str) -> list[list[Cell]]:
    """A column of figures for each protocol, rounded alike, the best of all of them marked."""
    groups = [row.get(protocol) for protocol in protocols for _, row in rows]
    if name == "seeds":
        cells = [Cell(str(len(finished(group.trials))) if group else UNDEFINED) for group in groups]
    else:
        figures: list[Interval | None] = [group.summary(name) if group else None for group in groups]
        bounded = [group is not None and ceilings([group], name)[0] for group in groups]
        cells = figure_cells(figures, name, bounded=bounded)
    size = len(rows)
    return [cells[n * size : (n + 1) * size] for n in range(len(protocols))]


def _values(group: Group | None, key: str, name: str, words: bool) -> Record:
    """The cells of a row for machines: a label, or mean and spread."""
    if words:
        text = text_of(group, name) if group else ""
        return {key: text if text and text != UNDEFINED else None}
    if name == "seeds":
        return {key: len(finished(group.trials)) if group else 0}
    figure = group.summary(name) if group else None
    return {key: figure.mean if figure else None} | {
        f"{key}_{part}": getattr(figure, part, None) for part in ("sd", "low", "high")
    }

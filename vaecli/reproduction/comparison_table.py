"""The table of obtained and printed figures, for a terminal, a page of Markdown, or another program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vaecli.reporting.terminal import GAP, Target, chunks, column_widths, hung, tidy, to_text
from vaecli.reporting.view import AT_LEAST, UNDEFINED, Cell, Head, View, decimals, gap_text, number
from vaecli.reproduction.comparison import Compared

UNCONFIRMED = "unconfirmed"

HEADS = (
    Head("row", numeric=False),
    Head("figure", numeric=False),
    Head("obtained"),
    Head("printed"),
    Head("gap"),
    Head("verdict", numeric=False),
    Head("allowed"),
    Head("epochs"),
    Head("source"),
)

LEFT_OUT = ("allowed", "source", "epochs")
"""Columns that a narrow terminal does without, the first one first: the notes say what is in the last two."""


def comparison_view(title: str, lines: Sequence[Compared], notes: Sequence[str] = ()) -> View:
    """The table, a line a figure; a line a row, a column a figure, where nothing is in print.

    Args:
        title: What it is of.
        lines: In their order; a row's name stands at its first figure.
        notes: Lines below.
    """
    if not any(line.printed for line in lines):
        return _figures_view(title, lines, notes)
    sources = list(dict.fromkeys(_source(line) for line in lines if line.printed is not None))
    before, rows = ("", ""), []
    for line in lines:
        source = str(sources.index(_source(line)) + 1) if line.printed is not None else UNDEFINED
        key = (line.row, source)
        rows.append(_cells(line, source, line.row if key != before else ""))
        before = key
    return View(title, HEADS, tuple(rows), tuple(map(record, lines)), (*_notes(lines, sources), *notes))


def _figures_view(title: str, lines: Sequence[Compared], notes: Sequence[str]) -> View:
    """What was obtained, without the figures that no row has."""
    columns = [c for c in dict.fromkeys(line.column for line in lines) if any(_has(line, c) for line in lines)]
    rows: dict[str, dict[str, Compared]] = {}
    for line in lines:
        rows.setdefault(line.row, {})[line.column] = line
    cells = [
        (
            Cell(name),
            *(_obtained(own.get(column)) for column in columns),
            Cell(_epochs(next(iter(own.values())))),
        )
        for name, own in rows.items()
    ]
    heads = (Head("row", numeric=False), *map(Head, columns), Head("epochs"))
    return View(title, heads, tuple(cells), tuple(map(record, lines)), (*_notes(lines, []), *notes))


def _has(line: Compared, column: str) -> bool:
    return line.column == column and line.obtained is not None


def _obtained(line: Compared | None) -> Cell:
    """With decimals of its own: one perplexity of thousands would take them from all others."""
    if line is None or line.obtained is None:
        return Cell(UNDEFINED)
    interval, places = line.obtained, decimals([line.obtained.mean], [], line.column)
    spread = "" if interval.sd is None else number(interval.sd, places)
    return Cell(number(interval.mean, places), spread, at_least=line.at_least)


def _source(line: Compared) -> str:
    assert line.printed is not None
    return line.printed.source + ("" if line.printed.confirmed else f": from memory, {UNCONFIRMED}")


def _cells(line: Compared, source: str, name: str) -> tuple[Cell, ...]:
    interval, printed = line.obtained, line.printed
    doubt = "" if printed is None or printed.confirmed else "?"
    spread = "" if interval is None or interval.sd is None else number(interval.sd, 2)
    return (
        Cell(name),
        Cell(line.column),
        Cell(UNDEFINED) if interval is None else Cell(number(interval.mean, 2), spread, at_least=line.at_least),
        Cell(UNDEFINED if printed is None else f"{printed.value:.2f}{doubt}"),
        Cell(UNDEFINED if line.gap is None else gap_text(line.gap)),
        Cell(line.verdict or UNDEFINED),
        Cell(UNDEFINED if line.allowed is None else number(line.allowed, 2)),
        Cell(_epochs(line)),
        Cell(source),
    )


def _epochs(line: Compared) -> str:
    """``30``, or ``12/30`` of a row that was shortened."""
    if line.epochs is None:
        return UNDEFINED
    run, planned = line.epochs
    return str(run) if run == planned else f"{run}/{planned}"


def _notes(lines: Sequence[Compared], sources: Sequence[str]) -> list[str]:
    notes = []
    if any(line.obtained is not None and line.obtained.sd is not None for line in lines):
        notes.append("±: standard deviation over seeds")
    if any(line.at_least for line in lines):
        notes.append(f"{AT_LEAST}: at its ceiling (log N for mi), which is no measurement: the truth may be larger")
    if sources:
        notes.append(
            "within: the gap is at most 2 % of a perplexity and as much of an nll, 1 nat of kl and mi, 2 units, with "
            "all of its 95 % interval over our seeds, where there are several; unclear: with a part of it"
        )
    unjudged = [
        (line, line.printed) for line in lines if line.gap is not None and line.allowed is None and line.printed
    ]
    others = dict.fromkeys(_source(line) for line, printed in unjudged if not printed.same_tokens)
    if others:
        numbers = ", ".join(str(sources.index(source) + 1) for source in others)
        notes.append(f"no verdict on a likelihood of source {numbers}, which counts other tokens than ours")
    if any(printed.same_tokens for _, printed in unjudged):
        notes.append("no verdict on an nll: the results have no sentences and tokens, of which it is what is allowed")
    if any(line.printed is not None and not line.printed.confirmed for line in lines):
        notes.append(f"?: from memory, {UNCONFIRMED}")
    shortened = dict.fromkeys(
        f"{line.row} {_epochs(line)}" for line in lines if line.epochs is not None and line.epochs[0] < line.epochs[1]
    )
    if shortened:
        notes.append("shortened, epochs run/published: " + ", ".join(shortened))
    return notes + [f"source {number}: {source}" for number, source in enumerate(sources, start=1)]


def record(line: Compared) -> dict[str, Any]:
    """A line for machines."""
    interval, printed = line.obtained, line.printed
    return {
        "row": line.row,
        "figure": line.column,
        "obtained": None if interval is None else interval.mean,
        "sd": None if interval is None else interval.sd,
        "seeds": 0 if interval is None else interval.n,
        "printed": None if printed is None else printed.value,
        "confirmed": None if printed is None else printed.confirmed,
        "gap": line.gap,
        "allowed": line.allowed,
        "verdict": line.verdict or None,
        "epochs": None if line.epochs is None else line.epochs[0],
        "epochs_published": None if line.epochs is None else line.epochs[1],
        "source": None if printed is None else printed.source,
        "at_ceiling": line.at_least,
    }


def comparison_text(view: View, target: Target) -> str:
    """The table for a terminal; a narrow one gets the columns that fit, and a line on the others.

    Where not even these fit, a row's name has a line of its own.
    """
    names = [head.name for head in view.heads]
    shown, dropped = list(range(len(names))), []
    for name in LEFT_OUT:
        if name in names and not _fits(view, target, shown):
            shown.remove(names.index(name))
            dropped.append(name)
    told = [f"not shown for want of width: {', '.join(dropped)}"] if dropped else []
    narrow = View(
        view.title,
        tuple(view.heads[c] for c in shown),
        tuple(tuple(row[c] for c in shown) for row in view.rows),
        view.records,
        (*told, *view.notes),
    )
    return to_text(narrow, target) if _fits(view, target, shown) else _named_blocks(narrow, target)


def _fits(view: View, target: Target, shown: Sequence[int]) -> bool:
    widths = column_widths(view, target)
    return not target.width or sum(widths[c] for c in shown) + GAP * (len(shown) - 1) <= target.width


def _named_blocks(view: View, target: Target) -> str:
    """The table without its first column, whose cells stand above the lines of their rows.

    Columns for which there is no room are continued below; where cells would be folded, it is the usual table.
    """
    from rich.text import Text

    body = View("", view.heads[1:], tuple(row[1:] for row in view.rows))
    parts = [to_text(_part(body, own), target).splitlines() for own in chunks(body, target, range(len(body.heads)))]
    if any(len(lines) != len(view.rows) + 2 for lines in parts):
        return to_text(view, target)
    console = target.console()
    with console.capture() as captured:
        console.print(Text(view.title, style="bold"))
        for n, (head, rule, *lines) in enumerate(parts):
            console.print(Text(f"{head}\n{rule}" if not n else f"\n{head}\n{rule}"))
            for row, line in zip(view.rows, lines, strict=True):
                console.print(Text(f"{row[0].text}\n{line}" if row[0].text else line))
        for note in view.notes:
            console.print(hung(Text(note), console))
    return tidy(captured.get(), target)


def _part(view: View, columns: Sequence[int]) -> View:
    """Some columns of a table, without title and notes."""
    return View("", tuple(view.heads[c] for c in columns), tuple(tuple(row[c] for c in columns) for row in view.rows))

"""Tables for people: on a terminal as wide as it is, elsewhere as wide as they need; no figure is ever cut off."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vaecli.reporting.formats import ARROWS, ASCII_ARROWS, PLAIN
from vaecli.reporting.view import AT_LEAST, Cell, View

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

UNLIMITED = 100_000
"""Columns of a stream that has no width."""

GAP = 3
"""Columns between two columns of a table, at most."""

HANG = 2
"""Columns that the further lines of a paragraph stand in from its first."""

LEAST_ROOM = 16
"""Columns without which a paragraph isn't indented."""

RANKING = (
    "method",
    "seed",
    "status",
    "verdict",
    "kl",
    "mi",
    "neg_elbo",
    "rec",
    "au",
    "iw_nll",
    "seeds",
    "excess_nll",
    "ppl_iw",
    "marginal_kl",
    "unknown",
    "seconds",
)
"""Columns by what they tell of a collapse; of those that a narrow terminal can't show, the last goes first."""


@dataclass(frozen=True)
class Target:
    """What the text is written to.

    Attributes:
        width: Columns; None where lines may be of any length.
        styled: Whether it shows bold; otherwise the best figures bear a star.
        ascii_only: Whether it can't show arrows and box characters.
        drops: Whether columns that don't fit are left out and named, where the view allows it; otherwise the table is
            continued below.
    """

    width: int | None = None
    styled: bool = False
    ascii_only: bool = False
    drops: bool = False

    @classmethod
    def stdout(cls) -> Target:
        """Standard output: NO_COLOR, TERM, COLUMNS and its encoding are respected."""
        from rich.console import Console

        console = Console()
        styled = console.is_terminal and console.color_system is not None
        known = console.is_terminal or os.environ.get("COLUMNS", "").isdigit()
        encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
        width = console.width if known else None
        return cls(width, styled, not encoding.startswith("utf"), drops=console.is_terminal)

    def console(self) -> Console:
        """A console to capture what this target would show."""
        from rich.console import Console

        return Console(
            file=io.StringIO(),
            width=max(self.width or UNLIMITED, 1),
            force_terminal=self.styled,
            color_system="standard" if self.styled else None,
            markup=False,
            emoji=False,
            highlight=False,
            legacy_windows=False,
        )


def to_text(view: View, target: Target) -> str:
    """Title, table and notes.

    A table that is wider than the target is continued below, its first column repeated, or loses the columns that rank
    last; a line says which.
    """
    from rich.text import Text

    console = target.console()
    with console.capture() as captured:
        if view.title:
            console.print(Text(view.title, style="bold"))
        shown, dropped = fitting(view, target)
        for part, columns in enumerate(chunks(view, target, shown)):
            if part:
                console.print()
            console.print(_table(view, columns, target))
        for note in (*dropped_line(dropped), *view.notes):
            console.print(hung(Text(note), console))
    return tidy(captured.get(), target)


def hung(text: Text, console: Console) -> Text:
    """A paragraph whose further lines stand `HANG` columns in from its first, which keeps the blanks it begins with.

    On a console that leaves too few columns for that, or that has room for all of it, the text as it is.

    Args:
        text: One line.
        console: Where it is printed.
    """
    from rich.text import Text

    lead = len(text.plain) - len(text.plain.lstrip(" "))
    room = console.width - lead - HANG
    if text.cell_len <= console.width or room < LEAST_ROOM:
        return text
    body = text[lead:]
    first = body.wrap(console, console.width - lead)[0]
    begun = len(first.plain.rstrip())
    rest = body[begun + len(body.plain[begun:]) - len(body.plain[begun:].lstrip(" ")) :]
    lines = [text[:lead].append_text(first), *(Text(" " * (lead + HANG)) + line for line in rest.wrap(console, room))]
    return Text("\n").join(lines)


def tidy(text: str, target: Target) -> str:
    """The text without the blanks that pad its lines; where only ASCII can be shown, other characters as escapes."""
    lines = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    return lines.translate(PLAIN).encode("ascii", "backslashreplace").decode("ascii") if target.ascii_only else lines


def paragraphs(lines: Sequence[str], target: Target) -> str:
    """Lines of text, each hung where it is wider than the target."""
    from rich.text import Text

    console = target.console()
    with console.capture() as captured:
        for line in lines:
            console.print(hung(Text(line), console))
    return tidy(captured.get(), target)


def fitting(view: View, target: Target) -> tuple[list[int], list[str]]:
    """The indices of the columns to show, and the names of those that a narrow terminal leaves out.

    The column that ranks last goes first, until the rest fits or only two are left.
    """
    shown = list(range(len(view.heads)))
    if not (view.droppable and target.drops and target.width):
        return shown, []
    widths = column_widths(view, target)
    rank = {name: n for n, name in enumerate(RANKING)}
    dropped = []
    while len(shown) > 2 and sum(widths[c] for c in shown) + GAP * (len(shown) - 1) > target.width:
        last = max(shown[1:], key=lambda column: (rank.get(view.heads[column].name, len(rank)), column))
        shown.remove(last)
        dropped.append(last)
    return shown, [view.heads[column].name for column in sorted(dropped)]


def dropped_line(names: Sequence[str]) -> list[str]:
    """What a narrow terminal doesn't show, and how to see it."""
    if not names:
        return []
    some = ",".join(names[:2])
    return [f"not shown for want of width: {', '.join(names)}; a wider terminal shows them, or --columns {some}"]


def column_widths(view: View, target: Target) -> list[int]:
    """The widest text of each column, its heading among them, in columns of the terminal."""
    from rich.cells import cell_len

    return [
        max(
            cell_len(heading(view, column, target)), *(cell_len(cell_text(row[column], target)) for row in view.rows), 0
        )
        for column in range(len(view.heads))
    ]


def chunks(view: View, target: Target, shown: Sequence[int]) -> list[list[int]]:
    """The columns of each part of a table, so that every part fits; the first ones (`View.leads`) stand in all.

    Args:
        view: The table.
        target: How wide a part may be.
        shown: Indices of the columns to show.
    """
    widths = column_widths(view, target)
    limit = target.width or UNLIMITED
    first = list(shown[: view.leads])
    parts = [list(first)] if shown else []
    start = sum(widths[column] for column in first) + GAP * (len(first) - 1)
    used = start
    for column in shown[view.leads :]:
        if used + GAP + widths[column] > limit and len(parts[-1]) > len(first):
            parts.append(list(first))
            used = start
        parts[-1].append(column)
        used += GAP + widths[column]
    return parts


def heading(view: View, column: int, target: Target) -> str:
    """A column's name with the arrow of its better direction."""
    head = view.heads[column]
    arrows = ASCII_ARROWS if target.ascii_only else ARROWS
    return f"{head.name} {arrows[head.direction]}" if head.direction else head.name


def cell_text(cell: Cell, target: Target) -> str:
    """Figure, spread and rank: ``12.34 ±0.56 (2)``."""
    most = (AT_LEAST.translate(PLAIN) if target.ascii_only else AT_LEAST) if cell.at_least else ""
    star = "*" if cell.best and not target.styled else ""
    spread = f" {'+-' if target.ascii_only else '±'}{cell.spread}" if cell.spread else ""
    return most + cell.text + star + spread + cell.rank_text


def _table(view: View, columns: Sequence[int], target: Target) -> Table:
    from rich.text import Text

    table = plain_table(target)
    for column in columns:
        text = Text(heading(view, column, target))
        table.add_column(text, justify="right" if view.heads[column].numeric else "left", overflow="fold")
    for row in view.rows:
        cells = [row[column] for column in columns]
        table.add_row(*(Text(cell_text(c, target), style="bold" if c.best and target.styled else "") for c in cells))
    return table


def plain_table(target: Target) -> Table:
    """An empty table in the style of all others."""
    from rich import box
    from rich.table import Table

    return Table(box=box.ASCII if target.ascii_only else box.SIMPLE_HEAD, show_edge=False, pad_edge=False)

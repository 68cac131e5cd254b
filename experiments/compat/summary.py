"""What the table says, in Markdown: what was run, the figures beside each other, and what moved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.compat.environment import FIGURES, METHODS
from experiments.compat.table import FAILED, HEAD, HERE, NUMBERS, ROWS, Row, read
from vaecli.reporting.formats import escape_markdown, markdown_table

SHOWN = ("torch", "numpy", "scipy", "pandas", "pydantic", "typer")
"""Dependencies that the first table has columns of; the others are in the CSV."""


def grid(head: Sequence[str], lines: Sequence[Sequence[str]], right: int) -> str:
    """A table whose columns from `right` on hold numbers."""
    cells = [[escape_markdown(cell) for cell in line] for line in lines]
    return markdown_table(head, cells, [number >= right for number in range(len(head))])


def runs_table(rows: Sequence[Row]) -> str:
    """A line a row: the versions, the tests and what went wrong."""
    columns = ("date", "python", "set", *SHOWN, "tests", "passed", "failed", "skipped", "message")
    lines = [[row.get(name, "") for name in columns] for row in rows]
    return grid(columns, lines, len(columns))


def measured(rows: Sequence[Row]) -> list[Row]:
    """The rows that have figures."""
    return [row for row in rows if row[NUMBERS[0]]]


def figures_table(rows: Sequence[Row]) -> str:
    """The figures of both methods, four digits after the point."""
    head = ("Python", "set", "machine", "torch", *(f"{method} {name}" for method in METHODS for name in FIGURES))
    lines = [
        (row["python"], row["set"], row["machine"], row["torch"], *(f"{float(row[name]):z.4f}" for name in NUMBERS))
        for row in measured(rows)
    ]
    return grid(head, lines, 4)


def moved(row: Row, reference: Row, method: str) -> str:
    """The differences of a method's figures between two rows, in nats; ``none`` where all digits are equal."""
    gaps = {name: float(row[f"{method}_{name}"]) - float(reference[f"{method}_{name}"]) for name in FIGURES}
    return ", ".join(f"{name} {gap:+z.6f}" for name, gap in gaps.items() if gap) or "none"


def other_versions(row: Row, reference: Row) -> str:
    """The dependencies that have another version than in the reference, from which to which."""
    names = [name for name in row if name not in (*HEAD, *NUMBERS) and row[name] != reference[name]]
    return ", ".join(f"{name} {reference[name] or 'none'} to {row[name] or 'none'}" for name in names) or "none"


def reference_of(rows: Sequence[Row], machine: str) -> Row | None:
    """The row that others of a machine are held to: the locked versions on the oldest Python that has them."""
    held = [row for row in measured(rows) if row["set"] == "locked" and row["machine"] == machine]
    return held[0] if held else None


def moves_table(rows: Sequence[Row]) -> str:
    """What moved against the locked versions on the same machine, and which versions are others."""
    head = ("Python", "set", *(f"{method} moved" for method in METHODS), "against Python", "other versions")
    lines, alone = [], list[str]()
    for row in measured(rows):
        reference = reference_of(rows, row["machine"])
        if reference is None:
            alone.append(f"{row['python']} {row['set']}")
        elif row is not reference:
            moves = [moved(row, reference, method) for method in METHODS]
            lines.append([row["python"], row["set"], *moves, reference["python"], other_versions(row, reference)])
    told = [f"Without a row of the locked versions on their machine: {', '.join(alone)}."] if alone else []
    return "\n\n".join([*([grid(head, lines, len(head))] if lines else []), *told]) or "There is one row."


def failures(rows: Sequence[Row], failed: Sequence[Row]) -> str:
    """The tests that failed, by Python and set."""
    parts = []
    for row in rows:
        own = [f"- `{one['test']}`: {escape_markdown(one['message'])}" for one in failed if one["run"] == row["run"]]
        if own:
            parts.append("\n".join([f"Python {row['python']}, {row['set']}:", "", *own]))
    return "\n\n".join(parts) or "None."


def page_lines(folder: Path = HERE) -> str:
    """What the page of the documentation has."""
    rows, failed = read(folder / ROWS), read(folder / FAILED)
    parts = [
        ("What was run", runs_table(rows)),
        ("Figures", figures_table(rows)),
        ("What moved against the locked versions", moves_table(rows)),
        ("Tests that failed", failures(rows, failed)),
    ]
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in parts)

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
    head = ("Python", "set", "torch", *(f"{method} {name}" for method in METHODS for name in FIGURES))
    lines = [
        (row["python"], row["set"], row["torch"], *(f"{float(row[name]):.4f}" for name in NUMBERS))
        for row in measured(rows)
    ]
    return grid(head, lines, 3)


def moved(row: Row, reference: Row, method: str) -> str:
    """The differences of a method's figures between two rows, in nats; ``none`` where all digits are equal."""
    gaps = {name: float(row[f"{method}_{name}"]) - float(reference[f"{method}_{name}"]) for name in FIGURES}
    return ", ".join(f"{name} {gap:+.6f}" for name, gap in gaps.items() if gap) or "none"


def other_versions(row: Row, reference: Row) -> str:
    """The dependencies that have another version than in the reference, from which to which."""
    names = [name for name in row if name not in (*HEAD, *NUMBERS) and row[name] != reference[name]]
    return ", ".join(f"{name} {reference[name] or 'none'} to {row[name] or 'none'}" for name in names) or "none"


def reference_of(rows: Sequence[Row]) -> Row | None:
    """The row that others are held to: the locked versions on the oldest Python that has them."""
    held = [row for row in measured(rows) if row["set"] == "locked"]
    return held[0] if held else None


def moves_table(rows: Sequence[Row]) -> str:
    """What moved against the locked versions, and which versions are others."""
    reference = reference_of(rows)
    if reference is None:
        return "No row of the locked versions has figures, so nothing is compared."
    head = ("Python", "set", *(f"{method} moved" for method in METHODS), "other versions")
    lines = [
        [row["python"], row["set"], *(moved(row, reference, m) for m in METHODS), other_versions(row, reference)]
        for row in measured(rows)
        if row is not reference
    ]
    return grid(head, lines, len(head))


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
    reference = reference_of(rows)
    against = f"Python {reference['python']}, torch {reference['torch']}" if reference else "none"
    parts = [
        ("What was run", runs_table(rows)),
        ("Figures", figures_table(rows)),
        (f"What moved against the locked versions ({against})", moves_table(rows)),
        ("Tests that failed", failures(rows, failed)),
    ]
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in parts)

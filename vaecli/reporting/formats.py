"""The formats of a table: terminal, CSV, Markdown, LaTeX, JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any

from vaecli.reporting.view import AT_LEAST, Cell, Head, View
from vaecli.runs.tables import csv_cell

FORMATS = ("table", "csv", "markdown", "latex", "json", "html")

SUFFIXES = {".csv": "csv", ".md": "markdown", ".tex": "latex", ".json": "json", ".txt": "table", ".html": "html"}
"""The format that the name of an output file asks for."""

PLAIN = str.maketrans({AT_LEAST: ">="})
"""What a stream of ASCII shows instead."""

ARROWS = {"lower": "↓", "higher": "↑"}
ASCII_ARROWS = {"lower": "v", "higher": "^"}
LATEX_ARROWS = {"lower": r"$\downarrow$", "higher": r"$\uparrow$"}

LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{char: f"\\{char}" for char in "&%$#_{}"},
}


def to_csv(views: Sequence[View]) -> str:
    """Rows for machines: no marks, no rounding, undefined figures empty."""
    records = [record for view in views for record in view.records]
    stream = io.StringIO()
    writer = csv.DictWriter(
        stream, list(dict.fromkeys(key for record in records for key in record)), lineterminator="\n"
    )
    writer.writeheader()
    for record in records:
        cells = {key: " ".join(map(str, v)) if isinstance(v, list) else csv_cell(v) for key, v in record.items()}
        writer.writerow(cells)
    return stream.getvalue()


def to_json(views: Sequence[View], ascii_only: bool = False) -> str:
    """A list of objects, one a row; undefined and infinite figures are null."""
    records = [{key: _json_value(value) for key, value in r.items()} for view in views for r in view.records]
    return json.dumps(records, indent=2, ensure_ascii=ascii_only, allow_nan=False) + "\n"


def _json_value(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def escape_markdown(text: str) -> str:
    """Text that a Markdown table prints literally."""
    for char in "\\|*`<[":
        text = text.replace(char, "\\" + char)
    return text


def _heading(head: Head, arrows: dict[str, str], name: str) -> str:
    return f"{name} {arrows[head.direction]}" if head.direction else name


def to_markdown(view: View, ascii_only: bool = False) -> str:
    """A Markdown table with aligned columns, the best figures bold, the notes as a list below."""
    arrows, plus_minus = (ASCII_ARROWS, "+-") if ascii_only else (ARROWS, "±")

    def cell_text(cell: Cell) -> str:
        text = (AT_LEAST if cell.at_least else "") + escape_markdown(cell.text)
        text += f" {plus_minus}{cell.spread}" if cell.spread else ""
        return (f"**{text}**" if cell.best else text) + cell.rank_text

    table = markdown_table(
        [_heading(head, arrows, escape_markdown(head.name)) for head in view.heads],
        [[cell_text(cell) for cell in row] for row in view.rows],
        [head.numeric for head in view.heads],
    )
    title = [f"**{escape_markdown(view.title)}**", ""] if view.title else []
    notes = ["", *(f"- {escape_markdown(note)}" for note in view.notes)] if view.notes else []
    text = "\n".join([*title, table, *notes]) + "\n"
    return text.translate(PLAIN) if ascii_only else text


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> str:
    """Escaped texts as the lines of a Markdown table whose source is aligned as well.

    Args:
        heads: Headings.
        rows: Texts in the order of the headings.
        right: Which columns are aligned to the right.
    """
    from rich.cells import cell_len

    table = [heads, *rows]
    widths = [max(3, *(cell_len(row[column]) for row in table)) for column in range(len(heads))]

    def line(row: Sequence[str]) -> str:
        gaps = [" " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)]
        texts = [gap + text if side else text + gap for text, gap, side in zip(row, gaps, right, strict=True)]
        return "| " + " | ".join(texts) + " |"

    rule = ["-" * (width - 1) + (":" if side else "-") for width, side in zip(widths, right, strict=True)]
    return "\n".join([line(heads), "| " + " | ".join(rule) + " |", *map(line, rows)])


def escape_latex(text: str) -> str:
    """Text that LaTeX prints literally."""
    return "".join(LATEX_ESCAPES.get(char, char) for char in text)


def to_latex(view: View) -> str:
    """A tabular for the package booktabs, the best figures bold; title and notes are comments."""

    def cell_text(cell: Cell) -> str:
        text = "--" if cell.text == "-" else _math_sign(escape_latex(cell.text))
        text = rf"$\geq$ {text}" if cell.at_least else text
        text = rf"\textbf{{{text}}}" if cell.best else text
        return text + (rf" $\pm$ {cell.spread}" if cell.spread else "") + cell.rank_text

    heads = " & ".join(_heading(head, LATEX_ARROWS, escape_latex(head.name)) for head in view.heads)
    lines = [f"% {view.title}"] if view.title else []
    lines += [rf"\begin{{tabular}}{{{''.join('r' if head.numeric else 'l' for head in view.heads)}}}", r"\toprule"]
    lines += [heads + r" \\", r"\midrule"]
    lines += [" & ".join(map(cell_text, row)) + r" \\" for row in view.rows]
    lines += [r"\bottomrule", r"\end{tabular}", *(f"% {note}" for note in view.notes)]
    return "\n".join(lines) + "\n"


def _math_sign(text: str) -> str:
    """A signed figure in math mode, where the minus is not a hyphen."""
    return f"${text}$" if text[:1] in ("-", "+") and text[1:2].isdigit() else text

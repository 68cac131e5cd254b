"""A results.csv as it may come back: joined from copies, saved by a spreadsheet, edited, or no results table at all.

Nothing in it is trusted: every cell is of its column's type, and every row is a trial of its own. Rows that are equal
in all columns are one; two rows that would be averaged as two seeds and bear the same seed are refused, since a trial
that counts twice narrows the interval. Messages name file and line.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from vaecli.core.errors import UsageError, nearest
from vaecli.metrics.schema import COLUMNS, PERPLEXITY
from vaecli.runs.folder import STATUSES

if TYPE_CHECKING:
    import pandas as pd

Value = int | float | str | None

REQUIRED = ("method", "status")
"""Columns without which a row is no trial."""

DESIGNED = "trial"
"""A column that tells the trials of a designed table apart, where all settings vary at once."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
INFINITE = re.compile(r"\+?inf(inity)?", re.IGNORECASE)
LARGEST = 2**63 - 1
"""Of a whole number."""

MISSING = {"nan", "na", "n/a", "null", "none", "-", "--", "#n/a"}
"""What other programs write for a figure that isn't there."""


def read_csv(path: Path) -> pd.DataFrame:
    """A results table: labels as text, figures as numbers, empty cells undefined; a row a trial.

    Raises:
        UsageError: It can't be read, is no such table, or two rows are one trial with different figures.
    """
    from vaecli.runs.tables import to_frame

    lines = _lines(path)
    header = next(lines, None)
    if header is None:
        raise UsageError(f"{path} is empty; a report needs a results.csv that `vae` wrote")
    names = _names(path, *header)
    records = [(number, dict(zip(names, cells, strict=True))) for number, cells in _rows(path, names, lines)]
    kinds = {name: _kind(name, [record[name] for _, record in records]) for name in names if name}
    rows = _different([(n, {c: _value(path, n, c, r[c], kind) for c, kind in kinds.items()}) for n, r in records])
    frame = designed(to_frame([row for _, row in rows], list(kinds)))
    _refuse_twins(path, frame, [number for number, _ in rows])
    return frame


def designed(frame: pd.DataFrame) -> pd.DataFrame:
    """A designed table, as the atlas is, with its trials' numbers as variants: they differ in settings, not in seeds.

    Args:
        frame: A row a trial; one without the column `trial`, or with variants, stays as it is.
    """
    if not len(frame) or DESIGNED not in frame.columns or "variant" in frame.columns:
        return frame
    return frame.assign(variant=[f"{DESIGNED}={_trial(value)}" for value in frame[DESIGNED]])


def _trial(value: Any) -> str:
    """A trial's number, or its name; ``?`` without either."""
    if value is None or value != value:
        return "?"
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if value == round(value) else f"{value:g}"


def table_notes(path: Path, frame: pd.DataFrame) -> tuple[str, ...]:
    """What a user should know of how a table was read, a line each.

    A last line that was not copied whole is left out; columns that this version doesn't know, such as those of a newer
    one, are kept as they are.

    Args:
        path: The file.
        frame: What `read_csv` has made of it.

    Raises:
        UsageError: The file can't be read.
    """
    text = _text(path)
    torn = [f"{path}:{text.count(chr(10)) + 1}: torn, so this line is left out"] if text != whole_lines(text) else []
    unknown = [str(name) for name in frame.columns if name not in COLUMNS and name != "message"]
    told = f"{path}: columns that this version of vae doesn't know are kept as they are: {', '.join(unknown)}"
    return (*torn, *([told] if unknown else []))


def whole_lines(text: str) -> str:
    """A table without its last line, where that has no end and fewer fields than the header."""
    start = text.rfind("\n") + 1
    if not (start and text[start:].strip()):
        return text
    try:
        header, last = (next(csv.reader([line], strict=True), []) for line in (text.split("\n", 1)[0], text[start:]))
    except csv.Error:  # in a field that is not closed
        return text[:start]
    return text[:start] if len(last) < len(header) else text


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The lines that aren't blank, each with the number at which it begins."""
    text = whole_lines(_text(path))
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    start = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        hint = "; is a quotation mark left open?" if "limit" in str(error) or "end of data" in str(error) else ""
        _refuse(path, start, f"{error}{hint}")


def _text(path: Path) -> str:
    """The file as text.

    Raises:
        UsageError: It can't be read, isn't UTF-8 or holds a NUL, with the line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror}") from None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UsageError(f"{path} is UTF-16; save it as UTF-8")
    if b"\0" in data:
        _refuse(path, data[: data.index(b"\0")].count(b"\n") + 1, "a NUL byte; this is no text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _refuse(path, data[: error.start].count(b"\n") + 1, "not UTF-8; save the file as UTF-8")


def _names(path: Path, line: int, cells: Sequence[str]) -> list[str]:
    """The columns' names; one without a name, such as an index, is left out later on."""
    names = [cell.strip() for cell in cells]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        for mark, word in ((";", "semicolons"), ("\t", "tabs")):
            if mark in cells[0]:
                _refuse(path, line, f"fields are separated by {word}; save the table with commas")
        _refuse(path, line, f"no column {missing[0]!r}; a report needs a results.csv that `vae` wrote")
    for name in names:
        if name and names.count(name) > 1:
            _refuse(path, line, f"column {name!r} is there {names.count(name)} times; which one counts?")
    return names


def _rows(path: Path, names: Sequence[str], lines: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """The lines below the header that are rows; the header of a second file, joined to the first, is none."""
    for number, cells in lines:
        stripped = [cell.strip() for cell in cells]
        if stripped == list(names):
            continue
        if set(REQUIRED) <= set(stripped):
            other = ", ".join(sorted(set(stripped) ^ set(names))[:5]) or "their order"
            _refuse(path, number, f"another header; join tables of the same columns only (these differ in {other})")
        if len(cells) != len(names):
            _refuse(path, number, f"{len(cells)} fields, but the header has {len(names)}")
        yield number, cells


def _kind(name: str, cells: Sequence[str]) -> str:
    """``text``, ``int`` or ``float``: the schema's; of a column that it doesn't know, what its cells are."""
    if name in COLUMNS:
        return COLUMNS[name].kind
    filled = [cell.strip() for cell in cells if cell.strip()]
    return "float" if filled and all(NUMBER.fullmatch(cell) for cell in filled) else "text"


def _value(path: Path, line: int, name: str, cell: str, kind: str) -> Value:
    """A cell as its column takes it; None where it is empty.

    Raises:
        UsageError: It is something else, with file, line, column and value.
    """
    if kind == "text":
        return _label(path, line, name, cell)
    text = cell.strip()
    if not text:
        return None
    where = f"column {name!r} is {_shown(text)}, "
    if INFINITE.fullmatch(text):
        if name in COLUMNS and COLUMNS[name].unit != PERPLEXITY:
            _refuse(path, line, where + "where only perplexities overflow")
        return float("inf")
    if not NUMBER.fullmatch(text):
        hint = "; an undefined figure is an empty cell" if text.lower() in MISSING else ""
        _refuse(path, line, f"{where}not a number{hint}")
    value = float(text)
    if value in (float("inf"), float("-inf")):
        _refuse(path, line, where + "too large for a number")
    if kind == "float":
        return value
    whole = int(text) if text.lstrip("+-").isdecimal() else int(value) if value.is_integer() else None
    if whole is None or not 0 <= whole <= LARGEST:
        _refuse(path, line, where + "not a whole number from 0 on")
    return whole


def _label(path: Path, line: int, name: str, cell: str) -> str | None:
    """A label; None where there is none."""
    if name == "status" and cell not in STATUSES:
        _refuse(path, line, f"status {_shown(cell)}: {nearest(cell, STATUSES)}")
    if name == "method" and not cell.strip():
        _refuse(path, line, "no method is named")
    return cell or None


def _different(rows: Sequence[tuple[int, Mapping[str, Value]]]) -> list[tuple[int, Mapping[str, Value]]]:
    """The rows, each once: those equal in all columns are one trial, copied."""
    seen: dict[tuple[Value, ...], tuple[int, Mapping[str, Value]]] = {}
    for number, row in rows:
        seen.setdefault(tuple(row.values()), (number, row))
    return list(seen.values())


def _refuse_twins(path: Path, frame: pd.DataFrame, lines: Sequence[int]) -> None:
    """Refuses two rows of one trial, which averages would count twice.

    Raises:
        UsageError: With the lines of both and the first column in which they differ.
    """
    from vaecli.runs.groups import grouped

    for group in grouped(frame) if len(frame) else []:
        first: dict[Any, int] = {}
        seeds = list(group.trials["seed"].astype(object)) if "seed" in frame.columns else [None] * len(group.trials)
        for index, seed in zip(group.trials.index, seeds, strict=True):
            key = int(seed) if isinstance(seed, int | float) and seed == seed else None
            earlier = first.setdefault(key, index)
            if earlier != index:
                name = group.method + (f" seed {key}" if key is not None else "")
                why = _first_difference(frame.iloc[earlier], frame.iloc[index])
                told = "" if key is not None else "; without a seed they can't be told apart"
                _refuse(path, lines[index], f"{name} is in line {lines[earlier]} too, {why}; keep one of them{told}")


def _first_difference(one: pd.Series, other: pd.Series) -> str:
    """``with another rec (20.5, here 20.75)``."""
    import pandas as pd

    for name in one.index:
        a, b = one[name], other[name]
        if pd.isna(a) != pd.isna(b) or (not pd.isna(a) and a != b):
            shown = ["empty" if pd.isna(value) else _shown(value) for value in (a, b)]
            return f"with another {name} ({shown[0]}, here {shown[1]})"
    return "the same"


def _shown(value: Any) -> str:
    """A value in a message: short, and without control characters."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:60] + "..."


def _refuse(path: Path, line: int, message: str) -> NoReturn:
    raise UsageError(f"{path}:{line}: {message}")

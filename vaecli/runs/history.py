"""``history.csv``: a row an evaluation, appended and safe against a kill at any moment.

A row counts once its line end is on disk; a torn last line is ignored by readers and cut off by the next writer.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vaecli.core.errors import DataError
from vaecli.core.files import unwritable, write_atomic

Cell = float | int | str | None
Row = dict[str, Cell]
INTEGER = re.compile(r"-?\d+")


def append_row(path: Path, row: Mapping[str, Cell]) -> None:
    """Appends a row and waits until it is on disk; a column that is new is added to the rows before, empty.

    Raises:
        UnwritableError: The disk is full or the folder can't be written.
    """
    whole = _whole_bytes(path)
    columns = _columns(path, whole.decode("utf-8", "replace"))
    if set(row) - set(columns):
        rows = [*read_rows(path), dict(row)]
        write_atomic(path, _text([*columns, *(name for name in row if name not in columns)], rows))
        return
    data = _line([row.get(name) for name in columns]).encode()
    try:
        with open(path, "r+b") as file:
            file.truncate(len(whole))
            file.seek(0, os.SEEK_END)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise unwritable(path, len(data), error) from None


def read_rows(path: Path) -> list[Row]:
    """The rows; empty cells are None, numbers are numbers. No file is no row.

    Raises:
        DataError: The file can't be read, or a field has no end.
    """
    columns, *lines = _parsed(path, _whole_lines(path)) or [[]]
    return [{name: _value(cell) for name, cell in zip(columns, line, strict=False)} for line in lines]


def _columns(path: Path, text: str) -> list[str]:
    return next(iter(_parsed(path, text)), [])


def _parsed(path: Path, text: str) -> list[list[str]]:
    """The cells of each line.

    Raises:
        DataError: A field is longer than any of ours, with the line.
    """
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        return list(lines)
    except csv.Error as error:
        raise DataError(f"{path}:{lines.line_num}: {error}; is a quotation mark left open?") from None


def forget_after(path: Path, epoch: int) -> None:
    """Drops the rows after an epoch, and a torn line, so that a run goes on from its checkpoint without repeats."""
    if not path.exists():
        return
    columns = _columns(path, _whole_lines(path))
    kept = [row for row in read_rows(path) if isinstance(number := row.get("epoch"), int | float) and number <= epoch]
    write_atomic(path, _text(columns, kept) if columns else "")


def _whole_lines(path: Path) -> str:
    """The text up to the last line end."""
    return _whole_bytes(path).decode("utf-8", "replace")


def _whole_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise DataError(f"{path}: can't read it: {error.strerror}") from None
    return data[: data.rfind(b"\n") + 1]


def _text(columns: Sequence[str], rows: Iterable[Mapping[str, Cell]]) -> str:
    return _line(columns) + "".join(_line([row.get(name) for name in columns]) for row in rows)


def _line(cells: Iterable[Cell]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([_cell(cell) for cell in cells])
    return buffer.getvalue()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, str):
        return " ".join(value.splitlines())  # a line is a row
    return repr(value)


def _value(cell: str) -> Cell:
    if not cell:
        return None
    try:
        return int(cell) if INTEGER.fullmatch(cell) else float(cell)
    except ValueError:
        return cell

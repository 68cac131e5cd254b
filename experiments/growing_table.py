"""Tables that grow: a CSV with a row a trial, each added when it is done."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vaecli.core.errors import DataError

DIGITS = 6
"""Significant digits of a figure."""


def cell(value: Any) -> str:
    """A value as a table has it; undefined ones are empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    return " ".join(str(value).split())


@dataclass(frozen=True)
class GrowingTable:
    """The columns of such a table, and how its file is read and written.

    Attributes:
        columns: All of them, in their order.
        texts: Those that hold text; the others hold numbers.
    """

    columns: tuple[str, ...]
    texts: tuple[str, ...]

    def head(self) -> str:
        """The first line of the file."""
        return ",".join(self.columns) + "\n"

    def line(self, row: Mapping[str, Any]) -> str:
        """A row as a line of the file.

        Raises:
            KeyError: It has a column that the table lacks.
        """
        if unknown := set(row) - set(self.columns):
            raise KeyError(f"no columns of the table: {', '.join(sorted(unknown))}")
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerow(cell(row.get(name)) for name in self.columns)
        return stream.getvalue()

    def append(self, path: Path, row: Mapping[str, Any]) -> None:
        """Adds a row at the end, so that a crash loses nothing that was done."""
        fresh = not path.exists() or not path.stat().st_size
        with path.open("a", encoding="utf-8") as file:
            file.write((self.head() if fresh else "") + self.line(row))

    def rows(self, path: Path) -> Iterator[tuple[list[str], str]]:
        """The cells and the line of each row of a file; a line that a crash has torn is left out.

        A file that isn't there, or that a crash has left empty, has none.

        Raises:
            DataError: Its columns are others than these, so that rows can't be added.
        """
        if not path.exists() or not path.stat().st_size:
            return
        first, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        if first != self.head():
            raise DataError(f"{path}: other columns than this version writes; move it away to begin a new table")
        for text in lines:
            cells = next(csv.reader([text]))
            if text.endswith("\n") and len(cells) == len(self.columns):
                yield cells, text

    def frame(self, path: Path) -> pd.DataFrame:
        """The rows of a file as a table: texts as text, empty for none, and numbers, NaN for none.

        Raises:
            DataError: There is no such file, or its columns are others than these.
        """
        if not path.exists():
            raise DataError(f"{path}: there is no such table")
        undefined = {name: [""] for name in self.columns if name not in self.texts}
        whole = io.StringIO(self.head() + "".join(text for _, text in self.rows(path)))
        return pd.read_csv(whole, dtype=dict.fromkeys(self.texts, str), keep_default_na=False, na_values=undefined)

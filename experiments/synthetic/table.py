"""The table of the grids of this folder: a row a trial, which is added when it is done."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.atlas import table as atlas
from experiments.atlas.table import cell
from experiments.synthetic.design import KEYS

HERE = Path(__file__).parent
TABLE = HERE / "trials.csv"

OWN = ("trained",)
"""The method with what its paper adds to it."""
RESULTS = tuple(name for name in atlas.RESULTS if name not in KEYS)
COLUMNS = (*KEYS, *OWN, *RESULTS, "epochs_done", *atlas.EARLY, "message")
"""All columns, in their order."""

TEXTS = ("method", "corpus", "training_protocol", "trained", "status", "verdict", "fingerprint", "message")


def line(row: Mapping[str, Any]) -> str:
    """A row as a line of the file.

    Raises:
        KeyError: It has a column that the table lacks.
    """
    if unknown := set(row) - set(COLUMNS):
        raise KeyError(f"no columns of the table: {', '.join(sorted(unknown))}")
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(cell(row.get(name)) for name in COLUMNS)
    return stream.getvalue()


def head() -> str:
    """The first line of the file."""
    return ",".join(COLUMNS) + "\n"


def read_lines(path: Path = TABLE) -> dict[tuple[str, ...], str]:
    """The rows of a file by the key of their trial; a line that a crash has torn is left out.

    Raises:
        ValueError: Its columns are others than ours, so that rows can't be added.
    """
    if not path.exists():
        return {}
    first, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if first != head():
        raise ValueError(f"{path} has other columns than this version writes; move it away, or write with its version")
    found = {}
    for text in lines:
        cells = next(csv.reader([text]))
        if text.endswith("\n") and len(cells) == len(COLUMNS):
            found[tuple(cells[: len(KEYS)])] = text
    return found


def append(path: Path, row: Mapping[str, Any]) -> None:
    """Adds a row at the end, so that a crash loses nothing that was done."""
    fresh = not path.exists() or not path.stat().st_size
    with path.open("a", encoding="utf-8") as file:
        file.write((head() if fresh else "") + line(row))


def read_table(path: Path = TABLE) -> pd.DataFrame:
    """The table: texts as text, empty for none, and numbers, NaN for none; no rows where there is no file."""
    if not path.exists():
        return pd.DataFrame(columns=list(COLUMNS))
    undefined = {name: [""] for name in COLUMNS if name not in TEXTS}
    return pd.read_csv(path, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False, na_values=undefined)

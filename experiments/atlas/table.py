"""The atlas's table: a row a trial, read, grown and written whole."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.atlas.design import AXES, VERSION
from vaecli.metrics.schema import OPTIONAL_COLUMNS, RESULT_COLUMNS
from vaecli.training.early_watch import FIGURES

HERE = Path(__file__).parent
TABLE = HERE / "atlas.csv"

DESIGNED = ("trial", "design", "method", "knob", "knob_value", "knob_level", *(a for a in AXES if a != "knob"), "seed")
LEFT_OUT = (
    *("experiment", "split", "training_protocol", "protocol", "variant", "versions", "tokens_per_second"),
    "peak_memory_mb",
)
"""Columns of results that say here what the design's say, or are of a process that runs many trials."""

EARLY = tuple(f"early_{name}" for name in FIGURES)
RESULTS = tuple(
    column.name
    for column in (*RESULT_COLUMNS, *OPTIONAL_COLUMNS)
    if column.name not in (*DESIGNED, *LEFT_OUT) and (column in RESULT_COLUMNS or column.name == "excess_nll")
)
COLUMNS = (*DESIGNED, *RESULTS, "epochs_done", *EARLY, "message")
"""All columns of the table, in their order."""

DIGITS = 6
"""Significant digits of a figure."""


def cell(value: Any) -> str:
    """A value as the table has it; undefined ones are empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    return " ".join(str(value).split())


def line(row: Mapping[str, Any]) -> str:
    """A row as a line of the file.

    Raises:
        KeyError: It has a column that the table lacks.
    """
    if unknown := set(row) - set(COLUMNS):
        raise KeyError(f"no columns of the atlas: {', '.join(sorted(unknown))}")
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(cell(row.get(name)) for name in COLUMNS)
    return stream.getvalue()


def head() -> str:
    """The first line of the file."""
    return ",".join(COLUMNS) + "\n"


def read_lines(path: Path) -> dict[int, str]:
    """The rows of a file by trial, whatever their order; a line that a crash has torn is left out.

    Raises:
        ValueError: Its columns or its design are others than ours, so that rows can't be added.
    """
    if not path.exists():
        return {}
    first, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if first != head():
        raise ValueError(f"{path} has other columns than this version writes; move it away, or write with its version")
    found = {}
    for text in lines:
        cells = next(csv.reader([text]))
        if not text.endswith("\n") or len(cells) != len(COLUMNS):
            continue
        if cells[1] != str(VERSION):
            raise ValueError(f"{path}: trial {cells[0]} is of design {cells[1]}, this one is {VERSION}")
        found[int(cells[0])] = text
    return found


def write_sorted(path: Path, lines: Mapping[int, str]) -> None:
    """Writes the whole file, by trial."""
    from vaecli.core.files import write_atomic

    write_atomic(path, head() + "".join(lines[number] for number in sorted(lines)))


def append(path: Path, row: Mapping[str, Any]) -> None:
    """Adds a row at the end, so that a crash loses nothing that was done."""
    fresh = not path.exists() or not path.stat().st_size
    with path.open("a", encoding="utf-8") as file:
        file.write((head() if fresh else "") + line(row))


TEXTS = ("method", "knob", "knob_value", "optimizer", "corpus", "status", "verdict", "fingerprint", "message")


def read_table(path: Path = TABLE) -> pd.DataFrame:
    """The table: texts as text, empty for none, and numbers, NaN for none."""
    kinds = dict.fromkeys(TEXTS, str)
    frame = pd.read_csv(
        path, dtype=kinds, keep_default_na=False, na_values={n: [""] for n in COLUMNS if n not in TEXTS}
    )
    return frame.sort_values("trial", ignore_index=True)


def write_parquet(path: Path = TABLE) -> Path:
    """Writes the same table as Parquet beside the CSV."""
    target = path.with_suffix(".parquet")
    read_table(path).to_parquet(target, index=False, compression="zstd")
    return target


def judged(frame: pd.DataFrame) -> pd.DataFrame:
    """The trials that have a verdict: those that were done, and those that diverged."""
    return frame[frame["verdict"] != ""].reset_index(drop=True)

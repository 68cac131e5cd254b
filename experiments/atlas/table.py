"""The atlas's table: a row a trial, read, grown and written whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from experiments.atlas.design import AXES, VERSION
from experiments.growing_table import GrowingTable
from vaecli.atlas import trials_table
from vaecli.core.errors import DataError
from vaecli.metrics.schema import OPTIONAL_COLUMNS, RESULT_COLUMNS
from vaecli.training.early_watch import FIGURES

HERE = Path(__file__).parent
TABLE = HERE / "atlas.csv"
REPEATS = HERE / "repeats.csv"
"""Of trials with another seed, by the number of the trial that each repeats."""

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

TEXTS = ("method", "knob", "knob_value", "optimizer", "corpus", "status", "verdict", "fingerprint", "message")
GROWING = GrowingTable(COLUMNS, TEXTS)


def read_lines(path: Path) -> dict[int, str]:
    """The rows of a file by trial, whatever their order; a line that a crash has torn is left out.

    Raises:
        DataError: Its columns or its design are others than ours, so that rows can't be added.
    """
    lines = {}
    for cells, text in GROWING.rows(path):
        if cells[1] != str(VERSION):
            raise DataError(
                f"{path}: trial {cells[0]} is of design {cells[1]}, and this version has design {VERSION}; "
                "move it away to begin a new table"
            )
        lines[int(cells[0])] = text
    return lines


def write_sorted(path: Path, lines: Mapping[int, str]) -> None:
    """Writes the whole file, by trial."""
    from vaecli.core.files import write_atomic

    write_atomic(path, GROWING.head() + "".join(lines[number] for number in sorted(lines)))


def read_table(path: Path = TABLE) -> pd.DataFrame:
    """The table by trial: texts as text, empty for none, and numbers, NaN for none."""
    return GROWING.frame(path).sort_values("trial", ignore_index=True)


def write_parquet(path: Path = TABLE) -> Path:
    """Writes the same table as Parquet beside the CSV."""
    target = path.with_suffix(".parquet")
    read_table(path).to_parquet(target, index=False, compression="zstd")
    return target


def judged(frame: pd.DataFrame) -> pd.DataFrame:
    """The trials that have a verdict: those that were done, and those that diverged."""
    return frame[frame["verdict"] != ""].reset_index(drop=True)


def without_noise(frame: pd.DataFrame) -> pd.DataFrame:
    """The trials whose text is as it was written: those that advice is from, and that the first guesses were about."""
    return frame[frame["noise"] == 0].reset_index(drop=True)


def sound(frame: pd.DataFrame) -> pd.DataFrame:
    """The trials that were done and whose kl and mi say something; see `trials_table.sound`."""
    return trials_table.sound(frame[frame["status"] == "done"])

"""The table of the grids of this folder: a row a trial, which is added when it is done."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from experiments.atlas import table as atlas
from experiments.growing_table import GrowingTable
from experiments.synthetic.design import KEYS

HERE = Path(__file__).parent
TABLE = HERE / "trials.csv"

OWN = ("trained",)
"""The method with what its paper adds to it."""
RESULTS = tuple(name for name in atlas.RESULTS if name not in KEYS)
COLUMNS = (*KEYS, *OWN, *RESULTS, "epochs_done", *atlas.EARLY, "message")
"""All columns, in their order."""

TEXTS = ("method", "corpus", "training_protocol", "trained", "status", "verdict", "fingerprint", "message")
GROWING = GrowingTable(COLUMNS, TEXTS)


def read_lines(path: Path = TABLE) -> dict[tuple[str, ...], str]:
    """The rows of a file by the key of their trial; a line that a crash has torn is left out.

    Raises:
        DataError: Its columns are others than ours, so that rows can't be added.
    """
    return {tuple(cells[: len(KEYS)]): text for cells, text in GROWING.rows(path)}


def read_table(path: Path = TABLE) -> pd.DataFrame:
    """The table: texts as text, empty for none, and numbers, NaN for none; no rows where there is no file."""
    return GROWING.frame(path) if path.exists() else pd.DataFrame(columns=list(COLUMNS))

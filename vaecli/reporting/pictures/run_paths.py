"""The run folders behind the rows of a table, for what stands in no table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vaecli.core.errors import UsageError
from vaecli.reporting.notes import ReportContext, trial_key
from vaecli.runs.groups import grouped, rows_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class MethodRuns:
    """The runs of a row of the table.

    Attributes:
        label: Its name.
        paths: Their folders by seed, in ascending order.
        done: The seeds that are done.
    """

    label: str
    paths: Mapping[int, Path]
    done: frozenset[int]


def method_runs(frame: pd.DataFrame, context: ReportContext, wanted: str) -> list[MethodRuns]:
    """The runs of each row, in the order of the table.

    Args:
        frame: A row a trial, of one table.
        context: What is known of the experiment.
        wanted: What needs them, for the message: ``--kind curves``.

    Raises:
        UsageError: There is no run folder, since the results are a table alone.
    """
    runs = []
    for group in grouped(frame):
        paths, done = {}, set()
        for row in rows_of(group.trials):
            key = trial_key(row)
            if key is not None and key in context.trials:
                paths[key[2]] = context.trials[key][0]
                done |= {key[2]} if row.get("status") == "done" else set()
        if paths:
            runs.append(MethodRuns(group.label, dict(sorted(paths.items())), frozenset(done)))
    if not runs:
        raise UsageError(
            f"{wanted} draws what is in the folders of runs, and these results are a table alone; name the folder of "
            "their experiment: vae report runs/NAME"
        )
    return runs

"""Runs trials of the grids of this folder, in their order, and adds their rows to its table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.atlas.work import trained, work_through
from experiments.synthetic import design, table
from vaecli.core.files import write_atomic


def run(trial: design.Trial) -> dict[str, Any]:
    """Trains and measures a trial; see `experiments.atlas.work.trained`."""
    config = trial.config()
    return trained(config, trial.row() | {"trained": config.method})


def grow(path: Path, budget: float, jobs: int, told: Callable[[str], None], dear: bool = True) -> int:
    """Runs the trials that the table lacks, in their order, until the budget is spent.

    No trial is begun after the budget; those that run are ended, and none is lost to an interruption but these.

    Args:
        path: The table.
        budget: In seconds.
        jobs: Processes; 1 is this one.
        told: Hears a line a trial.
        dear: Whether the methods that come last are run at all.

    Returns:
        How many rows were added.
    """
    lines = table.read_lines(path)
    if path.exists():
        write_atomic(path, table.GROWING.head() + "".join(lines.values()))
    late = () if dear else design.methods()[1]
    todo = (trial for trial in design.trials() if trial.key not in lines and trial.method not in late)
    count = 0

    def keep(row: dict[str, Any]) -> None:
        nonlocal count
        table.GROWING.append(path, row)
        count += 1
        where = " ".join(str(row[name]) for name in design.KEYS[1:])
        told(f"{row['method']} {where}: {row['status']} {row.get('verdict', '')}")

    work_through(todo, run, keep, budget, jobs)
    return count

"""What differs between runs that were killed and undisturbed ones."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import torch

from experiments.chaos.trials import METHODS, run_folder
from vaecli.training.checkpoint import BEST, LAST, load_checkpoint

TIMINGS = {"seconds", "tokens_per_second", "peak_memory_mb"}
"""Columns that no rerun repeats."""


def compared(folder: Path, name: str) -> list[str]:
    """What differs from the undisturbed grid, a line each."""
    lines = []
    for method in METHODS:
        calm, run = run_folder(folder, "peace", method), run_folder(folder, name, method)
        lines += [f"{name}, {method}: {line}" for line in (*figures_differ(calm, run), *tensors_differ(calm, run))]
    if name != "alone":
        lines += tables_differ(folder / "runs" / "peace", folder / "runs" / name)
    return lines


def figures_differ(calm: Path, run: Path) -> list[str]:
    """Columns of metrics.json and rows of history.csv that are not the same."""
    first, second = (json.loads((path / "metrics.json").read_text())["values"] for path in (calm, run))
    names = [n for n in {*first, *second} - TIMINGS if first.get(n) != second.get(n)]
    histories = [list(csv.DictReader((path / "history.csv").open())) for path in (calm, run)]
    for rows_ in histories:
        for row in rows_:
            row.pop("train_seconds")
    return [f"metrics.json: {n}" for n in sorted(names)] + (["history.csv"] if histories[0] != histories[1] else [])


def tensors_differ(calm: Path, run: Path) -> list[str]:
    """Tensors of the best and the last checkpoint that are not the same, byte for byte."""
    lines = []
    for name in (BEST, LAST):
        first, second = (load_checkpoint(path / "checkpoint" / name)[0] for path in (calm, run))
        odd = [n for n in {*first, *second} if n not in first or n not in second or not same(first[n], second[n])]
        lines += [f"{name}: {n}" for n in sorted(odd)]
    return lines


def same(first: torch.Tensor, second: torch.Tensor) -> bool:
    return first.dtype == second.dtype and torch.equal(first, second)


def tables_differ(calm: Path, run: Path) -> list[str]:
    """Columns of results.csv that are not the same."""
    first, second = (list(csv.DictReader((path / "results.csv").open())) for path in (calm, run))
    odd = {
        name
        for a, b in zip(first, second, strict=True)
        for name in a
        if name not in TIMINGS | {"experiment"} and a[name] != b.get(name)
    }
    return [f"results.csv: {name}" for name in sorted(odd)]

"""Rows against an earlier revision of this program, from a checkout of it, in the same run: ``--against REV``."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from statistics import median

from experiments.benchmarks.machine import cores
from experiments.benchmarks.results import Row, paired_row
from experiments.benchmarks.subjects import Options, UnequalWorkError
from experiments.benchmarks.timing import interleave

ROOT = Path(__file__).resolve().parent.parent.parent
SAME = ("method", "seed", "status", "steps", "parameters", "sentences", "tokens")
"""Columns in which both builds must agree on every trial before their times are compared."""


def checked_out(revision: str, folder: Path) -> Path:
    """The files of a revision, in a folder of its own below another.

    Raises:
        ValueError: There is no such revision.
    """
    named = ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
    commit = subprocess.run(named, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    if not commit:
        raise ValueError(f"--against {revision}: git knows no such revision")
    target = folder / commit[:12]
    if not (target / "vaecli").is_dir():
        packed = subprocess.run(["git", "archive", commit, "vaecli"], cwd=ROOT, capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(target, filter="data")
    return target


def run_build(build: Path, *words: str) -> float:
    """Seconds of a command of a build.

    Raises:
        RuntimeError: It failed.
    """
    environment = {**os.environ, "PYTHONPATH": str(build)}
    command = [sys.executable, "-P", "-m", "vaecli", *words]
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"vae {' '.join(words)} of {build}: code {done.returncode}: {done.stderr.strip()[-300:]}")
    return seconds


@dataclass(frozen=True)
class Grid:
    """A grid that both builds run.

    Attributes:
        name: Of its row.
        title: Of its row.
        words: Of the command.
        target: The least ratio of the times.
    """

    name: str
    title: str
    words: tuple[str, ...]
    target: float


TRIAL = Grid("revision-trial", "one trial of quick, whole process", ("--methods", "vanilla", "--jobs", "1"), 1.6)
TWELVE = Grid("revision-compare", "vae compare, 12 methods", (), 1.8)
ALL = Grid("revision-all", "vae compare --methods all --seeds 0-2", ("--methods", "all", "--seeds", "0-2"), 1.8)


def trials_of(csv_file: Path) -> list[dict[str, str]]:
    """The rows of a table of results."""
    with csv_file.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def check_equal_trials(tables: Sequence[Sequence[dict[str, str]]]) -> None:
    """Both builds have trained the same trials for as many updates, with as many weights, on the same text.

    Raises:
        UnequalWorkError: They haven't.
    """
    first, second = ([{name: row[name] for name in SAME} for row in table] for table in tables)
    differing = [f"{a} and {b}" for a, b in zip_longest(first, second) if a != b]
    if differing:
        raise UnequalWorkError(f"the two builds don't do the same work: {differing[0]}")


def grid_rows(grid: Grid, options: Options) -> list[Row]:
    """Times of a grid of both builds in turn, and the memory of its trials."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        builds = {"before": checked_out(options.against, options.build_folder), "after": ROOT}
        shorter = ["--epochs", "1"] if options.quick else []
        number = 0

        def run(name: str) -> Callable[[], float]:
            def grid_of_build() -> float:
                nonlocal number
                number += 1
                out = folder / f"{name}-{number}"
                words = ["compare", *grid.words, *shorter, "--quiet", "--out", str(out)]
                seconds = run_build(builds[name], *words)
                (folder / f"{name}.csv").write_bytes((out / "synthetic" / "results.csv").read_bytes())
                return seconds

            return grid_of_build

        repeats = options.repeats if grid is TRIAL else 1  # a grid runs for minutes and has many trials
        pairs = interleave(run("before"), run("after"), repeats, warmup=int(grid is TRIAL))
        tables = [trials_of(folder / f"{name}.csv") for name in builds]
    check_equal_trials(tables)
    detail: dict[str, float | str] = {"against": options.against, "cores": float(cores())}
    work = (1.0, 1.0)
    row = paired_row(grid.name, f"{grid.title}, against {options.against}", pairs, work, "runs/s", grid.target, detail)
    before, after = (median(float(trial["peak_memory_mb"]) for trial in table) for table in tables)
    memory = Row(
        grid.name.replace("revision", "revision-memory"),
        f"peak memory of a trial, {grid.title}",
        "MB",
        before,
        after,
        after / before,
        0.75,
        at_least=False,
        detail=detail,
    )
    return [row, memory]


def trial(options: Options) -> list[Row]:
    """One trial."""
    return grid_rows(TRIAL, options)


def twelve(options: Options) -> list[Row]:
    """The default grid."""
    return grid_rows(TWELVE, options)


def every_method(options: Options) -> list[Row]:
    """All methods and three seeds."""
    return grid_rows(ALL, options)

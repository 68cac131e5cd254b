"""Runs trials of the atlas, and adds their rows to its table."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import torch

from experiments.atlas import design, table
from experiments.atlas.texts import write_slices
from experiments.growing_table import cell
from vaecli.config import RunConfig
from vaecli.core.errors import DivergedError, InterruptedRunError, UsageError, VaeError
from vaecli.core.signals import handled
from vaecli.corpus.load import keep_corpus, load_corpus
from vaecli.metrics.verdict import NO_VERDICT, verdict
from vaecli.runs.folder import RunFolder
from vaecli.runs.trial import run_trial
from vaecli.training.early_watch import EarlyWatch
from vaecli.training.fit import build_problem

Job = TypeVar("Job")


def run(number: int, texts: Path | None = None) -> dict[str, Any]:
    """Trains and measures a trial in a folder that is thrown away.

    Args:
        number: Of the trial.
        texts: The folder that holds a folder of each corpus that isn't embedded.

    Returns:
        Its row. What can't be built or has diverged is a row too, with its status and message.

    Raises:
        InterruptedRunError: A signal came.
    """
    trial = design.trial(number)
    assert trial is not None
    return trained(trial.config(texts), trial.row())


def run_repeat(number: int) -> dict[str, Any]:
    """`run` of a trial's repeat; see `design.repeat`."""
    trial = design.repeat(number)
    assert trial is not None
    return trained(trial.config(), trial.row())


def trained(config: RunConfig, designed: Mapping[str, Any]) -> dict[str, Any]:
    """Trains and measures a run in a folder that is thrown away, and looks at its first updates.

    Args:
        config: Its settings.
        designed: What its row says before it is run.

    Returns:
        The row. What can't be built or has diverged is a row too, with its status and message.

    Raises:
        InterruptedRunError: A signal came.
    """
    torch.set_num_threads(1)
    watch, row = EarlyWatch(), dict(designed)
    keep_corpus(config.corpus)
    corpus = load_corpus(config.corpus)
    if problem := build_problem(config, corpus):
        return row | {"status": "failed", "message": problem}
    with tempfile.TemporaryDirectory() as out, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of runs that are watched by nobody
        folder = RunFolder(Path(out) / config.experiment / config.method / f"seed-{config.training.seed}")
        folder = folder.create(config)
        try:
            with folder.lock():
                run_trial(folder, watch, corpus)
        except InterruptedRunError as stop:
            message = "interrupted; the trial at work is discarded, and the same command begins with it"
            raise InterruptedRunError(message, stop.signal_number) from None
        except DivergedError as error:
            row |= {"status": "diverged", "message": str(error)}
        except VaeError as error:
            row |= {"status": "failed", "message": str(error)}
        else:
            row |= {"status": "done"} | figures(folder)
        row |= text_of(folder)
    row |= {f"early_{name}": value for name, value in watch.figures().items()}
    word = verdict(as_kept(row)) if row["status"] != "failed" else NO_VERDICT
    return row | {"verdict": "" if word == NO_VERDICT else word}


def as_kept(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with the digits that the table has, so that whoever reads it comes to the same verdict."""
    rounded = {name: float(cell(value)) for name, value in row.items() if isinstance(value, float) and value == value}
    return {**row, **rounded}  # NaN, the one float that isn't itself, stays as it is


def figures(folder: RunFolder) -> dict[str, Any]:
    """The figures of a finished run that the table has."""
    values = folder.metrics()["values"]
    kept = {name: value for name, value in values.items() if name in table.RESULTS}
    return kept | {"epochs_done": values["epochs"]}


def text_of(folder: RunFolder) -> dict[str, Any]:
    """Word types and fingerprint of the text of a run; nothing of one that ended before it was told."""
    from vaecli.runs.identity import fingerprint

    values = folder.run()
    corpus = values.get("corpus") or {}
    return {"vocabulary": corpus["vocabulary"], "fingerprint": fingerprint(values)} if "vocabulary" in corpus else {}


def grow(
    path: Path,
    budget: float,
    jobs: int,
    told: Callable[[str], None],
    corpora: tuple[str, ...] = design.CORPORA,
    root: Path | None = None,
) -> int:
    """Runs the trials that the table lacks, in their order, until the budget is spent.

    No trial is begun after the budget; those that run are ended, and none is lost to an interruption but these.

    Args:
        path: The table.
        budget: In seconds.
        jobs: Processes; 1 is this one.
        told: Hears a line a trial.
        corpora: Whose trials are run.
        root: The folder that holds the real ones among them.

    Returns:
        How many rows were added.

    Raises:
        DataError: A corpus of real text is too small.
    """
    with tempfile.TemporaryDirectory() as folder:
        texts = None if root is None else Path(folder)
        if root is not None:
            write_slices(root, corpora, Path(folder))
        return _grow(path, budget, jobs, told, corpora, texts)


def _grow(
    path: Path, budget: float, jobs: int, told: Callable[[str], None], corpora: tuple[str, ...], texts: Path | None
) -> int:
    """`grow`, with the slices of real text written."""
    done = frozenset(table.read_lines(path))
    numbers = (one.number for one in design.trials(done, corpora))
    return _add(path, numbers, partial(run, texts=texts), budget, jobs, told)


def grow_repeats(path: Path, budget: float, jobs: int, told: Callable[[str], None]) -> int:
    """Runs the repeats that their table lacks until the budget is spent, as `grow` runs trials."""
    numbers = (one.number for one in design.repeats(frozenset(table.read_lines(path))))
    return _add(path, numbers, run_repeat, budget, jobs, told)


def _add(
    path: Path,
    numbers: Iterable[int],
    run_one: Callable[[int], dict[str, Any]],
    budget: float,
    jobs: int,
    told: Callable[[str], None],
) -> int:
    """Adds the rows of trials to a table; gives how many."""
    if path.exists():
        table.write_sorted(path, table.read_lines(path))
    count = 0

    def keep(row: dict[str, Any]) -> None:
        nonlocal count
        table.GROWING.append(path, row)
        count += 1
        knob = f" {row['knob']}={row['knob_value']}" if row["knob"] else ""
        told(f"{row['trial']} {row['method']}{knob}: {row['status']} {row.get('verdict', '')}")

    try:
        work_through(numbers, run_one, keep, budget, jobs)
    finally:
        if path.exists():
            table.write_sorted(path, table.read_lines(path))
    return count


def _stop(number: int, frame: FrameType | None) -> None:
    raise InterruptedRunError(
        "interrupted; the trials at work are discarded, and the same command begins with them", number
    )


def work_through(
    todo: Iterable[Job],
    run_one: Callable[[Job], dict[str, Any]],
    keep: Callable[[dict[str, Any]], None],
    budget: float,
    jobs: int,
) -> None:
    """Does jobs in their order until they or the budget are spent; none is begun after it, and those begun are ended.

    Args:
        todo: What is to be done.
        run_one: Does one; a function of a module, for other processes call it too.
        keep: Takes in what came of one.
        budget: In seconds.
        jobs: Processes; 1 is this one.

    Raises:
        InterruptedRunError: A signal came; several processes end what they are at first, and none is left behind.
        UsageError: There is to be no process.
    """
    if jobs < 1:
        raise UsageError(f"--jobs: 1 or more, got {jobs}")
    end, left = time.monotonic() + budget, iter(todo)
    if jobs == 1:
        while time.monotonic() < end:
            job = next(left, None)
            if job is None:
                return
            keep(run_one(job))
        return
    with handled(_stop), ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running: set[Future[dict[str, Any]]] = set()
        while True:
            while len(running) < jobs and time.monotonic() < end:
                job = next(left, None)
                if job is None:
                    break
                running.add(pool.submit(run_one, job))
            if not running:
                return
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                keep(future.result())

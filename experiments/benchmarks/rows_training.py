"""Rows on training: tokens a second, the cost of a remedy, peak memory of a step."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from experiments.benchmarks.floors import floor_detail, flop_per_token
from experiments.benchmarks.results import Row, paired_row
from experiments.benchmarks.shapes import PTB, YAHOO, Shapes, ptb_corpus, yahoo_corpus
from experiments.benchmarks.subjects import (
    Options,
    check_equal_work,
    make_session,
    our_batches,
    predicted,
    reference_batches,
    reference_trainer,
    train_ours,
)
from experiments.benchmarks.targets import least_gain
from experiments.benchmarks.timing import interleave, synchronised
from vaecli.config import TrainingConfig
from vaecli.corpus.types import Corpus
from vaecli.training.checkpoint import LAST
from vaecli.training.progress import Progress
from vaecli.training.state import save_state

REMEDIES = ("bn", "free_bits", "linear_anneal", "info_mmd")
"""Whose updates should cost about what a vanilla one does."""

ROOT = Path(__file__).parents[2]
"""The checkout."""


def training_row(shapes: Shapes, corpus: Corpus, options: Options, updates: int, target: float) -> Row:
    """Training tokens a second at some shapes.

    Args:
        shapes: Sizes.
        corpus: Its train split is learnt.
        options: How to measure.
        updates: In each timed run, on batches that stand for an epoch.
        target: The least speed-up.
    """
    session = make_session(shapes, corpus, options)
    trainer = reference_trainer(session)
    differ = check_equal_work(session, trainer.model, corpus.train)
    ours = our_batches(session, updates)
    theirs = reference_batches(corpus.train, shapes.batch_size, updates, session.device)
    pairs = interleave(
        synchronised(lambda: [trainer.step(x) for x in theirs], session.device),
        synchronised(lambda: train_ours(session, ours), session.device),
        options.repeats,
    )
    lengths = corpus.train.lengths
    work = (float(predicted(theirs)), float(sum(int(lengths[places].sum()) for places in ours)))
    rate = work[1] / median(pairs.ours)
    flop = flop_per_token(len(corpus.vocabulary), shapes.model)
    detail = floor_detail(flop, len(corpus.vocabulary), shapes.model, options.resolved_precision, options.device, rate)
    about: dict[str, float | str] = {
        "corpus": corpus.name,
        "largest_difference_nats": differ,
        "updates": float(updates),
    }
    name = f"train-{shapes.name}{options.suffix}"
    return paired_row(name, f"training, {shapes.name} shapes", pairs, work, "tokens/s", target, {**detail, **about})


def train_ptb(options: Options) -> list[Row]:
    """Training at Penn Treebank shapes."""
    return [training_row(PTB, ptb_corpus(), options, 4 if options.quick else 16, least_gain("train-ptb", options))]


def train_yahoo(options: Options) -> list[Row]:
    """Training at Yahoo shapes."""
    corpus = yahoo_corpus()
    return [training_row(YAHOO, corpus, options, 1 if options.quick else 4, 2.5)]


def remedy_row(method: str, shapes: Shapes, corpus: Corpus, options: Options, updates: int) -> Row:
    """The time of an update with a remedy, over that of a vanilla one on the same batches."""
    vanilla, other = (make_session(shapes, corpus, options, name) for name in ("vanilla", method))
    batches = our_batches(vanilla, updates)
    pairs = interleave(
        synchronised(lambda: train_ours(vanilla, batches), vanilla.device),
        synchronised(lambda: train_ours(other, batches), other.device),
        options.repeats,
    )
    ratios = [1 / speedup for speedup in pairs.speedups]
    return Row(
        name=f"remedy-{method}{options.suffix}",
        title=f"an update of {method} over vanilla",
        unit="ms",
        reference=1000 * median(pairs.reference) / updates,
        ours=1000 * median(pairs.ours) / updates,
        figure=median(ratios),
        target=1.1,
        at_least=False,
        spread=(min(ratios), max(ratios)),
        repeats=len(ratios),
    )


def remedy_ptb(method: str, options: Options) -> list[Row]:
    """The cost of a remedy at Penn Treebank shapes."""
    return [remedy_row(method, PTB, ptb_corpus(), options, 2 if options.quick else 8)]


def saving_row(shapes: Shapes, corpus: Corpus, options: Options) -> Row:
    """The seconds of a checkpoint, over the minutes between two of them."""
    session = make_session(shapes, corpus, options)
    train_ours(session, our_batches(session, 2))  # so that optimisers have their moments
    with tempfile.TemporaryDirectory(prefix="vae-saving-") as folder:
        seconds = []
        for _ in range(options.repeats + 1):
            start = time.perf_counter()
            save_state(Path(folder), session, Progress())  # which waits for the device and for the disk
            seconds.append(time.perf_counter() - start)
        seconds = seconds[1:]
        size = (Path(folder) / LAST).stat().st_size
    apart = 60 * TrainingConfig().save_every
    return Row(
        name=f"saving-{shapes.name}{options.suffix}",
        title=f"a checkpoint every {apart / 60:g} minutes, {shapes.name} shapes: share of the time",
        unit="s",
        reference=None,
        ours=median(seconds),
        figure=median(seconds) / apart,
        target=0.01,
        at_least=False,
        spread=(min(seconds) / apart, max(seconds) / apart),
        repeats=len(seconds),
        detail={"megabytes": size / 1e6},
    )


def saving_ptb(options: Options) -> list[Row]:
    """The cost of saving at Penn Treebank shapes."""
    return [saving_row(PTB, ptb_corpus(), options)]


def saving_yahoo(options: Options) -> list[Row]:
    """The cost of saving at Yahoo shapes."""
    return [saving_row(YAHOO, yahoo_corpus(), options)]


def measure_memory(side: str, options: Options, what: str = "yahoo") -> dict[str, float]:
    """Megabytes that a process of its own reports; see `experiments.benchmarks.memory`."""
    command = [sys.executable, "-m", "experiments.benchmarks.memory", what, side, options.device, options.precision]
    done = subprocess.run(
        [*command, str(options.threads)], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise RuntimeError(f"memory of {side}: {done.stderr.strip().splitlines()[-1:]}")
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def memory_yahoo(options: Options) -> list[Row]:
    """Peak memory of training at Yahoo shapes: weights, gradients and what an update holds on top."""
    sides = {side: measure_memory(side, options) for side in ("reference", "ours")}
    taken = {side: m["peak"] - m["before"] for side, m in sides.items()}
    detail = {f"{side}_{part}_mb": value for side, m in sides.items() for part, value in m.items()}
    update = {side: m["peak"] - m["weights"] for side, m in sides.items()}
    return [
        Row(
            name=f"memory-yahoo{options.suffix}",
            title="peak memory of an update, weights included",
            unit="MB",
            reference=taken["reference"],
            ours=taken["ours"],
            figure=taken["ours"] / taken["reference"],
            target=0.5,
            at_least=False,
            detail={**detail, "ratio_above_weights": update["ours"] / update["reference"]},
        )
    ]

"""Writes what an update of each method takes, over one of vanilla: `python -m experiments.benchmarks.updates`.

At the sizes of the preset `quick`, on batches spread over the lengths of the embedded corpus, with each remedy's
defaults. Updates of vanilla and of the method alternate, and the figure is the median of the pairs' ratios of
processor time, so that what else runs on the machine counts little. A remedy with stages of training is measured in
its last one, and one whose update is a loop of updates with the whole loop. `vae methods` and the pages of the methods
show the table.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Sequence
from io import StringIO
from statistics import median

import torch

from experiments.benchmarks.machine import describe
from experiments.benchmarks.subjects import our_batches, train_ours
from experiments.benchmarks.timing import interleave
from vaecli.catalogue.update_times import PATH, UpdateTime
from vaecli.config import RunConfig
from vaecli.core.files import write_output
from vaecli.corpus.load import load_corpus
from vaecli.corpus.types import Corpus
from vaecli.remedies import REMEDIES, make_method
from vaecli.settings.resolve import load_settings
from vaecli.training.build import build_model
from vaecli.training.session import TrainingSession

UPDATES, REPEATS = 4, 3


def quick_config(method: str) -> RunConfig:
    """The settings of `vae train --method METHOD --preset quick` on one CPU thread."""
    return load_settings(values={"training.threads": 1, "training.device": "cpu"}, methods=[method]).config(method, 0)


def session_of(method: str, corpus: Corpus) -> TrainingSession:
    """A session of a method in its last stage, its model in training mode."""
    config, composed = quick_config(method), make_method(method)
    model = build_model(composed, len(corpus.vocabulary), len(corpus.train), config)
    model.train()
    session = TrainingSession(model, composed, corpus, config, torch.device("cpu"))
    phase = composed.phases()[-1]
    if phase.start is not None:
        phase.start(model, config.training.seed)
    session.begin(phase, config.training.epochs)
    return session


def measure(method: str, corpus: Corpus, updates: int = UPDATES, repeats: int = REPEATS) -> UpdateTime:
    """The time of an update of a method, over that of vanilla on the same batches.

    Args:
        method: A remedy.
        corpus: Whose train split is learnt.
        updates: Of each timed run.
        repeats: Pairs of runs.
    """
    vanilla, other = session_of("vanilla", corpus), session_of(method, corpus)
    batches = our_batches(vanilla, updates)
    pairs = interleave(
        lambda: train_ours(vanilla, batches),
        lambda: train_ours(other, batches),
        repeats,
        clock=time.process_time,
    )
    ratios = [1 / speedup for speedup in pairs.speedups]
    return UpdateTime(
        method=method,
        ratio=median(ratios),
        low=min(ratios),
        high=max(ratios),
        milliseconds=1000 * median(pairs.ours) / updates,
        updates=updates,
        repeats=repeats,
    )


def table_text(rows: Sequence[UpdateTime], machine: str) -> str:
    """The CSV, its figures to three digits."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*UpdateTime.__annotations__, "machine"])
    for row in rows:
        figures = [f"{value:.3g}" for value in (row.ratio, row.low, row.high, row.milliseconds)]
        writer.writerow([row.method, *figures, row.updates, row.repeats, machine])
    return text.getvalue()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures all methods and writes the table, or prints the rows of those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", help="methods to measure, with commas: their rows are printed, and nothing is written"
    )
    only = parser.parse_args(arguments).only
    torch.set_num_threads(1)
    corpus = load_corpus(quick_config("vanilla").corpus)
    rows = []
    for name in only.split(",") if only else REMEDIES:
        rows.append(measure(name, corpus))
        print(f"{name:<16} {rows[-1].ratio:6.2f} x  {rows[-1].milliseconds:8.1f} ms", file=sys.stderr, flush=True)
    text = table_text(rows, str(describe()["cpu"]))
    if only:
        sys.stdout.write(text)
    else:
        write_output(PATH, text)


if __name__ == "__main__":
    main()

"""What speed may cost: the figures of the fast arithmetic against the exact one.

``python -m experiments.benchmarks.quality`` checks, with exit code 1 where one fails, that

- at equal epochs the validation neg_elbo of each training arithmetic other than fp32 is within 0.3 nats per sentence of
  that of fp32, as a mean over three seeds on the embedded corpus;
- the same at Penn Treebank shapes, on a part of its train split;
- every reported test figure in nats is within 0.02 nats per sentence of a float64 evaluation of the same model.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import get_args

import torch
from rich.console import Console
from rich.table import Table

from experiments.benchmarks.shapes import PTB, ptb_corpus, subset
from experiments.benchmarks.subjects import (
    PUBLISHED_OUTPUT,
    Options,
    can_train,
    make_session,
    our_batches,
    train_ours,
)
from vaecli.config import CorpusConfig, EvaluationConfig, ModelConfig, RunConfig, TrainingConfig
from vaecli.corpus.load import load_corpus
from vaecli.corpus.types import Corpus, Split, collate
from vaecli.kernels.arithmetic import resolve_precision
from vaecli.kernels.lstm import WIDE
from vaecli.metrics.measure import evaluate
from vaecli.metrics.schema import COLUMNS, NATS
from vaecli.model.calibration import calibrate
from vaecli.model.vae import VAE
from vaecli.objective import Terms
from vaecli.remedies import make_method
from vaecli.training.build import build_model
from vaecli.training.loop import Loop
from vaecli.training.progress import Progress, Row
from vaecli.training.session import TrainingSession

TRAINING_LIMIT, METRIC_LIMIT = 0.3, 0.02
"""Nats per sentence by which a fast training, and a reported figure, may be off."""

CPU = torch.device("cpu")
SEEDS = (0, 1, 2)
METHODS = ("vanilla", "bn", "info_mmd")
"""One that collapses, one with population statistics, one with samples of its own in the objective."""

LARGE = ((2, 8_000, "adam", 256), (2, 1_280, "adam", WIDE), (8, 8_000, "sgd", 256))
"""Epochs, sentences, optimiser and hidden units of the checks at Penn Treebank shapes."""


SHARING = 200
"""Importance samples of the check of words that samples share; so that it checks them, more than `pays` asks for."""


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes:
        name: What was compared.
        figure: The difference in nats per sentence.
        limit: The largest that passes.
        note: Where it comes from.
    """

    name: str
    figure: float
    limit: float
    note: str = ""

    @property
    def passed(self) -> bool:
        """False for a difference that is not a number, too."""
        return abs(self.figure) <= self.limit


class Unwatched:
    """An observer that looks away."""

    def step(self, progress: Progress, terms: Terms) -> None:
        """After an update."""

    def evaluated(self, row: Row) -> None:
        """After a validation."""


def small_config(method: str, seed: int, precision: str, epochs: int, sentences: int) -> RunConfig:
    """A short run on the embedded corpus."""
    return RunConfig(
        method=method,
        corpus=CorpusConfig(train_size=sentences, valid_size=sentences // 4, test_size=sentences // 4),
        model=ModelConfig(embedding_size=64, encoder_size=64, decoder_size=64),
        training=TrainingConfig.model_validate(
            {"seed": seed, "precision": precision, "epochs": epochs, "device": "cpu", "max_decays": 100}
        ),
        evaluation=EvaluationConfig(iw_samples=20),
    )


def train(config: RunConfig, corpus: Corpus) -> tuple[VAE, float]:
    """The model after all epochs, and its best validation neg_elbo."""
    torch.manual_seed(config.training.seed)
    method = make_method(config.method)
    model = build_model(method, len(corpus.vocabulary), len(corpus.train), config)
    session = TrainingSession(model, method, corpus, config, CPU)
    with tempfile.TemporaryDirectory() as folder:
        progress = Loop(session, Path(folder), Unwatched()).run()
    assert progress.best is not None
    return model, progress.best


def fast_precisions() -> list[str]:
    """The arithmetics of ``training.precision`` other than fp32 that this CPU can train in."""
    named = get_args(TrainingConfig.model_fields["precision"].annotation)
    others = {*named, resolve_precision("auto", CPU, PUBLISHED_OUTPUT)} - {"auto", "fp32"}
    return sorted(name for name in others if can_train(name, CPU))


def training_checks(epochs: int, sentences: int, seeds: Sequence[int] = SEEDS) -> list[Check]:
    """Validation neg_elbo of each fast arithmetic less that of fp32, as a mean over seeds."""
    corpus = load_corpus(small_config("vanilla", 0, "fp32", epochs, sentences).corpus)
    checks = []
    for method in ("vanilla", "bn"):
        exact = [train(small_config(method, seed, "fp32", epochs, sentences), corpus)[1] for seed in seeds]
        for precision in fast_precisions():
            fast = [train(small_config(method, seed, precision, epochs, sentences), corpus)[1] for seed in seeds]
            differences = [a - b for a, b in zip(fast, exact, strict=True)]
            note = "seeds " + ", ".join(f"{d:+z.3f}" for d in differences) + f"; fp32 {mean(exact):.2f}"
            name = f"{method}: validation neg_elbo, {precision} less fp32"
            checks.append(Check(name, mean(differences), TRAINING_LIMIT, note))
    return checks


def large_training_checks(
    epochs: int, sentences: int, optimizer: str, hidden: int = PTB.model.decoder_size, seeds: Sequence[int] = SEEDS
) -> list[Check]:
    """`training_checks` of the vanilla model at Penn Treebank shapes, on the first sentences of its train split.

    SGD at 0.5 needs more epochs than Adam to say anything: in its first ones validation neg_elbo goes up and down by
    nats, in fp32 too when the initial weights are changed by a millionth. The wider model is there for the LSTM by
    products, which only such models take.
    """
    whole = ptb_corpus()
    train_part = subset(whole.train, list(range(min(sentences, len(whole.train)))))
    valid_part = subset(whole.valid, list(range(min(sentences // 8, len(whole.valid)))))
    corpus = replace(whole, train=train_part, valid=valid_part)
    rate = {"adam": 1e-3, "sgd": 0.5}[optimizer]

    def best(seed: int, precision: str) -> float:
        base = PTB.run_config("cpu", precision)
        update = {"epochs": epochs, "seed": seed, "optimizer": optimizer, "learning_rate": rate, "max_decays": 100}
        model = base.model.model_copy(update={"encoder_size": hidden, "decoder_size": hidden})
        training = base.training.model_copy(update=update)
        return train(base.model_copy(update={"model": model, "training": training}), corpus)[1]

    checks = []
    exact = [best(seed, "fp32") for seed in seeds]
    for precision in fast_precisions():
        differences = [best(seed, precision) - figure for seed, figure in zip(seeds, exact, strict=True)]
        note = "seeds " + ", ".join(f"{d:+z.3f}" for d in differences) + f"; fp32 {mean(exact):.2f}"
        what = f"vanilla, ptb shapes, H {hidden}, {optimizer}, {epochs} epochs"
        name = f"{what}: validation neg_elbo, {precision} less fp32"
        checks.append(Check(name, mean(differences), TRAINING_LIMIT, note))
    return checks


def metric_check(name: str, model: VAE, split: Split, config: EvaluationConfig) -> Check:
    """The figure in nats that a float64 evaluation of the same model moves most."""
    reported = evaluate(model, split, config, seed=0, device=CPU).values
    exact = evaluate(copy.deepcopy(model).double(), split, config, seed=0, device=CPU).values
    names = [n for n, value in reported.items() if n in COLUMNS and COLUMNS[n].unit == NATS and value is not None]
    moved = {n: float(reported[n] or 0) - float(exact[n] or 0) for n in names}
    worst = max(moved, key=lambda n: abs(moved[n]) if moved[n] == moved[n] else float("inf"))
    return Check(
        f"{name}: reported figures less float64", moved[worst], METRIC_LIMIT, f"worst of {len(names)}: {worst}"
    )


def metric_checks(epochs: int, sentences: int) -> list[Check]:
    """`metric_check` of models trained on the embedded corpus, in the fast arithmetic where there is one."""
    precision = next(iter(fast_precisions()), "fp32")
    checks = []
    for method in METHODS:
        config = small_config(method, 0, precision, epochs, sentences)
        corpus = load_corpus(config.corpus)
        model, _ = train(config, corpus)
        checks.append(metric_check(f"{method}, embedded corpus", model, corpus.test, config.evaluation))
    return checks


def large_metric_check(method: str, updates: int, sentences: int, samples: int) -> Check:
    """`metric_check` at Penn Treebank shapes, where sums are over 10,000 words, which many samples share."""
    corpus = ptb_corpus()
    session = make_session(PTB, corpus, Options(), method)
    torch.manual_seed(0)
    train_ours(session, our_batches(session, updates))
    calibrate(session.model, (collate(corpus.train, places) for places in our_batches(session, 10)))
    split = subset(corpus.test, list(range(min(sentences, len(corpus.test)))))
    name = f"{method}, ptb shapes, {samples} importance samples"
    return metric_check(name, session.model, split, EvaluationConfig(iw_samples=samples))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the checks; gives the exit code."""
    p = argparse.ArgumentParser(prog="python -m experiments.benchmarks.quality", description=__doc__)
    p.add_argument("--quick", action="store_true", help="one epoch of few sentences: shows that it runs, no more")
    p.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads; 0 leaves torch's choice")
    args = p.parse_args(arguments)
    if args.threads:
        torch.set_num_threads(args.threads)
    epochs, sentences = (1, 200) if args.quick else (6, 4_000)
    console = Console(width=None if sys.stdout.isatty() else 200)
    if not fast_precisions():
        console.print("this CPU trains in fp32 only: there is no fast arithmetic to hold against it")
    checks = training_checks(epochs, sentences)
    checks += metric_checks(epochs, sentences)
    for long, many, optimizer, hidden in LARGE:
        checks += large_training_checks(*((1, 64) if args.quick else (long, many)), optimizer, hidden)
    checks.append(large_metric_check("vanilla", *((2, 8) if args.quick else (300, 256)), samples=20))
    checks.append(large_metric_check("bn", *((2, 8) if args.quick else (1_000, 64)), samples=SHARING))
    table = Table("check", "nats/sentence", "at most", "passed", "note")
    for check in checks:
        passed = "yes" if check.passed else "no"
        table.add_row(check.name, f"{check.figure:+z.2e}", f"{check.limit:g}", passed, check.note)
    console.print(table)
    return int(not all(check.passed for check in checks))


if __name__ == "__main__":
    sys.exit(main())

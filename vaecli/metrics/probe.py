r"""Linear probe: how much of the labels of a corpus a linear classifier reads from the posterior means.

Multinomial logistic regression with an L2 penalty, on the means of train or of some labelled sentences of it, tested
on another split (Bowman et al. 2016, section 4.3; the protocol of Zhu et al. 2020, table 3, with few labels):

.. math:: \min_{W, b} \frac1n \sum_i -\log \text{softmax}(W \phi_i + b)_{y_i} + \frac{1}{2n} \|W\|^2

The means are read at whatever scale they have, since features are standardised: a collapsed model whose means vary by a
thousandth of the posterior's spread may still be probed well. So the accuracy stands beside `mi`, never for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, embedding_bag

from vaecli.corpus.seeds import stable_seed
from vaecli.corpus.types import Split
from vaecli.metrics.blocks import BlockInput, BlockResult, undefined
from vaecli.metrics.reconstruction import posterior_means
from vaecli.optim import LBFGS

SIZES = (100, 500, 2000)
"""Numbers of labelled sentences beside all of train."""

DRAWS = 5
"""Draws of the labelled sentences that are averaged."""

ITERATIONS = 200
"""L-BFGS iterations at most."""

CONSTANT = 1e-6
"""A feature whose standard deviation is less is rounding noise of the encoder and left out."""

COLUMNS = ("probe_accuracy", "probe_accuracy_500", "probe_majority", "probe_bow")

Logits = Callable[[Tensor], Tensor]
"""Maps (F, C) weights to (n, C) logits without bias."""


@dataclass(frozen=True)
class Features:
    """Features of the sentences of train and of the split that is tested on.

    Attributes:
        train: Maps places of labelled sentences to the logits of these and those of all tested sentences.
        size: Features F.
    """

    train: Callable[[Tensor], tuple[Logits, Logits]]
    size: int


@dataclass(frozen=True)
class Field:
    """One label of the sentences.

    Attributes:
        name: Of the label.
        classes: Number of classes C.
        train: (N,) int64 classes of train.
        test: (M,) int64 classes of the split that is tested on.
    """

    name: str
    classes: int
    train: Tensor
    test: Tensor


def probe_block(given: BlockInput) -> BlockResult:
    """Accuracies of probes on the means and on word counts, and of the most frequent class, by field and size."""
    train, test = given.corpus.train, given.split
    if not given.model.has_latent:
        return undefined(COLUMNS, "probe: a language model has no code")
    if not train.labels:
        return undefined(COLUMNS, "probe: the corpus has no labels")
    means = [
        posterior_means(
            given.model, split, batch_size=given.config.batch_size, seed=given.seed, device=given.device
        ).cpu()
        for split in (train, test)
    ]
    codes, words = dense_features(means[0], means[1]), word_features(train, test, len(given.corpus.vocabulary))
    fields = {
        name: measure_field(
            Field(name, len(train.label_names[name]), train.labels[name], test.labels[name]), codes, words, given.seed
        )
        for name in train.labels
    }
    values: dict[str, float | int | None] = {
        "probe_accuracy": _mean([found["accuracy"]["all"] for found in fields.values()]),
        "probe_accuracy_500": _mean([found["accuracy"].get("500") for found in fields.values()]),
        "probe_majority": _mean([found["majority"] for found in fields.values()]),
        "probe_bow": _mean([found["bow"]["all"] for found in fields.values()]),
    }
    details = {"draws": DRAWS, "train_sentences": len(train), "fields": fields}
    return BlockResult(values, details, _lines(fields))


def measure_field(field: Field, codes: Features, words: Features, seed: int) -> dict[str, Any]:
    """``accuracy`` and ``bow`` by number of labels, ``majority`` and ``classes`` of one field."""
    everything = torch.arange(len(field.train))
    result: dict[str, Any] = {"classes": field.classes, "majority": majority_accuracy(field.train, field.test)}
    for key, features in (("accuracy", codes), ("bow", words)):
        found = {}
        for size in SIZES:
            if size < len(field.train):
                draws = [probe_accuracy(features, labelled(field, size, draw, seed), field) for draw in range(DRAWS)]
                found[str(size)] = _mean(draws)
        found["all"] = probe_accuracy(features, everything, field)
        result[key] = found
    return result


def labelled(field: Field, size: int, draw: int, seed: int) -> Tensor:
    """(n,) places of the sentences of one draw; fewer labels of the same draw are the first of them."""
    generator = torch.Generator().manual_seed(stable_seed(seed, "probe", field.name, draw))
    return torch.randperm(len(field.train), generator=generator)[:size]


def majority_accuracy(train: Tensor, test: Tensor) -> float:
    """Share of (M,) test classes that are the most frequent of (N,) train classes."""
    return float((test == train.bincount().argmax()).double().mean())


def probe_accuracy(features: Features, places: Tensor, field: Field) -> float:
    """Accuracy of a classifier trained on the sentences at the given places of train, on all tested ones."""
    known, asked = features.train(places)
    weight, bias = fit(known, field.train[places], features.size, field.classes)
    return float(((asked(weight) + bias).argmax(1) == field.test).double().mean())


def fit(logits: Logits, classes: Tensor, features: int, count: int) -> tuple[Tensor, Tensor]:
    """Multinomial logistic regression by full-batch L-BFGS in float64.

    Args:
        logits: Of the n labelled sentences, linear in the weights.
        classes: (n,) int64.
        features: F.
        count: C.

    Returns:
        (F, C) weights and (C,) bias at the minimum of the module's formula; the bias is not penalised.
    """
    with torch.enable_grad():
        weight = torch.zeros(features, count, dtype=torch.float64, requires_grad=True)
        bias = torch.zeros(count, dtype=torch.float64, requires_grad=True)
        optimizer = LBFGS(
            [weight, bias],
            max_iter=ITERATIONS,
            tolerance_grad=1e-5,
            tolerance_change=1e-10,
            line_search_fn="strong_wolfe",
        )

        def closure() -> float:
            optimizer.zero_grad()
            loss = cross_entropy(logits(weight) + bias, classes) + weight.square().sum() / (2 * len(classes))
            loss.backward()  # type: ignore[no-untyped-call]
            return float(loss.detach())

        optimizer.step(closure)  # type: ignore[no-untyped-call]
    return weight.detach(), bias.detach()


def dense_features(train: Tensor, test: Tensor) -> Features:
    """(N, F) and (M, F) features, standardised by mean and standard deviation of the labelled sentences."""

    def choose(places: Tensor) -> tuple[Logits, Logits]:
        seen = train[places]
        mean, spread = seen.mean(0), seen.std(0, correction=0)
        scale = torch.where(spread > CONSTANT, 1 / spread, 0)
        known, asked = (seen - mean) * scale, (test - mean) * scale
        return lambda weight: known @ weight, lambda weight: asked @ weight

    return Features(choose, train.shape[1])


def word_features(train: Split, test: Split, vocabulary_size: int) -> Features:
    """Word counts of the sentences, never held as a matrix of sentences by words."""

    def choose(places: Tensor) -> tuple[Logits, Logits]:
        return _counts(train, places), _counts(test, torch.arange(len(test)))

    return Features(choose, vocabulary_size)


def _counts(split: Split, places: Tensor) -> Logits:
    lengths = split.lengths[places] - 1
    starts = lengths.cumsum(0) - lengths
    inside = torch.arange(int(lengths.sum())) - starts.repeat_interleave(lengths)
    words = split.tokens[split.offsets[places].repeat_interleave(lengths) + inside].long()
    return lambda weight: embedding_bag(words, weight, starts, mode="sum")


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _lines(fields: dict[str, Any]) -> tuple[str, ...]:
    """The accuracies as a table: a row a field, a column a number of labels."""
    sizes = list(next(iter(fields.values()))["accuracy"])
    width = max(map(len, fields))
    head = " ".join(f"{size:>6}" for size in [*sizes, *sizes])
    lines = [
        f"probe on the means with so many labels, then on word counts, then the majority ({DRAWS} draws)",
        f"  {'':<{width}} {head} {'most':>6}",
    ]
    for name, found in fields.items():
        figures = [*found["accuracy"].values(), *found["bow"].values(), found["majority"]]
        lines.append(f"  {name:<{width}} " + " ".join(f"{figure:6.3f}" for figure in figures))
    return tuple(lines)

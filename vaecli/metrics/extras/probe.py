r"""Linear probe: how much of the labels of a corpus a linear classifier reads from the codes of a model.

Multinomial logistic regression with an L2 penalty, on the codes of train or of some labelled sentences of it, tested
on another split (Bowman et al. 2016, section 4.3; the protocol of Zhu et al. 2020, table 3, with few labels):

.. math:: \min_{W, b} \frac1n \sum_i -\log \text{softmax}(W \phi_i + b)_{y_i} + \frac{1}{2n} \|W\|^2

It is exact up to `WEIGHTS` numbers of the classifier and `LOGITS` of labelled sentences times classes. Beyond, word
counts are those of train's most frequent words and labelled sentences a draw, as a line below the figures says. Tested
sentences of a class that train lacks are left out, since no probe can name it; a label of one class or of more than
`MOST_CLASSES` has no figures.

A code is the mean of q(z|x), and beside it a draw of z ~ q(z|x), one a sentence in train and in the tested split. The
means are read at whatever scale they have, since features are standardised: a collapsed model whose means vary by a
thousandth of the posterior's spread may still be probed well. A draw has that spread in it, as what the decoder sees
has: where q(z|x) is the prior for every x, no classifier of draws is above the commonest tested class.

So many labels a class are balanced draws of train (Bosc & Vincent 2020 take 5, 50, 500 and 5,000). A classifier that
was trained on as many of each class knows nothing of how frequent they are, so chance is one in C there, not the
majority.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, embedding_bag

from vaecli.core.seeds import stable_seed
from vaecli.corpus.types import Split
from vaecli.kernels.optimizers import LBFGS
from vaecli.metrics.extras.probe_codes import posterior_codes
from vaecli.metrics.extras.probe_table import in_words, table_lines
from vaecli.metrics.extras.registry import BlockInput, BlockResult, undefined

SIZES = (100, 500, 2000)
"""Numbers of labelled sentences beside all of train."""

DRAWS = 5
"""Draws of the labelled sentences that are averaged."""

ITERATIONS = 200
"""L-BFGS iterations at most."""

CONSTANT = 1e-6
"""A feature whose standard deviation is less is rounding noise of the encoder and left out."""

MOST_CLASSES = 256
"""A label with more values is rather a number of the sentence than a class."""

WEIGHTS, LOGITS = 1_000_000, 10_000_000
"""The most weights of a classifier, features times classes, and logits, labelled sentences times classes."""

HISTORY = 20_000_000
"""Numbers that L-BFGS may keep of earlier steps: all 100 steps of a small classifier, 10 of the largest."""

BLOCK = 1 << 22
"""Logits of tested sentences computed together."""

EACH = (5, 50, 500, 5000)
"""Numbers of labels a class that have a column."""

PROBE_COLUMNS = (
    *("probe_accuracy", "probe_sampled", "probe_accuracy_500", "probe_majority", "probe_bow"),
    *(f"probe_{size}_each" for size in EACH),
)

MEANS, DRAWN, WORDS = "accuracy", "sampled", "word_counts"
"""Names of what is probed, in the details: means, draws of q(z|x), counts of words."""

Logits = Callable[[Tensor], Tensor]
"""Maps (F, C) weights to (n, C) logits without bias."""

Predict = Callable[[Tensor, Tensor], Tensor]
"""Maps (F, C) weights and (C,) bias to the (M,) most likely classes of the tested sentences."""


@dataclass(frozen=True)
class Features:
    """Features of the sentences of train and of the split that is tested on.

    Attributes:
        train: Maps the indices of labelled sentences to the logits of these and the classes of all tested sentences.
        size: Features F.
    """

    train: Callable[[Tensor], tuple[Logits, Predict]]
    size: int


@dataclass(frozen=True)
class Field:
    """One label of the sentences.

    Attributes:
        name: The label's name.
        classes: Number of classes C.
        train: (N,) int64 classes of train.
        test: (M,) int64 classes of the split that is tested on; -1 for one that train lacks.
    """

    name: str
    classes: int
    train: Tensor
    test: Tensor


def probe_block(block: BlockInput) -> BlockResult:
    """Accuracies of probes on means, on draws and on word counts, and of the most frequent class, by field and size."""
    train, test = block.corpus.train, block.split
    if not block.model.has_latent:
        return undefined(PROBE_COLUMNS, "probe: a language model has no code")
    if not train.labels:
        return undefined(PROBE_COLUMNS, "probe: the corpus has no labels")
    fields = {name: _field(name, train, test) for name in train.labels}
    usable = {name: field for name, field in fields.items() if isinstance(field, Field)}
    reasons = [field for field in fields.values() if isinstance(field, str)]
    if not usable:
        return undefined(PROBE_COLUMNS, "; ".join(reasons))
    vocabulary, each = len(block.corpus.vocabulary), block.config.probe_labels
    features = code_features(block)
    measured = {}
    for name, field in usable.items():
        words = word_features(train, test, vocabulary, field.classes)
        measured[name] = measure_field(field, {**features, WORDS: words}, block.scoring.seed, each)
    notes = reasons + [line for name, field in usable.items() for line in _bounds(name, field, len(train), vocabulary)]
    notes += [line for name, field in usable.items() for line in _rare(name, field, each)]
    details = {"draws": DRAWS, "train_sentences": len(train), "fields": measured, "notes": notes}
    tested = {name: field.test[field.test >= 0] for name, field in usable.items()}
    words_of = [
        in_words(name, figures, len(tested[name]), float(tested[name].bincount().max()) / len(tested[name]))
        for name, figures in measured.items()
    ]
    return BlockResult(column_values(measured), details, (*table_lines(measured, DRAWS), *words_of, *notes))


def code_features(block: BlockInput) -> dict[str, Features]:
    """The means and the draws of q(z|x), of train and of the tested split, whose noise is not the same."""
    train = posterior_codes(block.model, replace(block.scoring, split=block.corpus.train), "probe_train")
    test = posterior_codes(block.model, block.scoring, "probe_test")
    pairs = zip((MEANS, DRAWN), train, test, strict=True)
    return {name: dense_features(known.cpu(), asked.cpu()) for name, known, asked in pairs}


def column_values(measured: Mapping[str, Mapping[str, Any]]) -> dict[str, float | int | None]:
    """The columns: means over the fields that have a figure.

    Args:
        measured: See `measure_field`, by field.
    """
    fields = list(measured.values())
    return {
        "probe_accuracy": _mean([figures[MEANS]["all"] for figures in fields]),
        "probe_sampled": _mean([figures[DRAWN]["all"] for figures in fields]),
        "probe_accuracy_500": _mean([figures[MEANS].get("500") for figures in fields]),
        "probe_majority": _mean([figures["majority"] for figures in fields]),
        "probe_bow": _mean([figures[WORDS]["all"] for figures in fields]),
        **{f"probe_{n}_each": _mean([figures["each"][MEANS].get(str(n)) for figures in fields]) for n in EACH},
    }


def _field(name: str, train: Split, test: Split) -> Field | str:
    """A label whose classes are those that train has, or why a probe of it would say nothing."""
    seen, index = torch.unique(train.labels[name], return_inverse=True)
    if len(seen) < 2:
        return f"probe: all sentences of train have one {name}, {train.label_names[name][int(seen[0])]!r}"
    if len(seen) > MOST_CLASSES:
        return f"probe: {name} has {len(seen):,} values in train, more than the {MOST_CLASSES} of any class label"
    known = torch.full((len(train.label_names[name]),), -1, dtype=torch.int64)
    known[seen] = torch.arange(len(seen))
    tested = known[test.labels[name]]
    if not (tested >= 0).any():
        return f"probe: no {test.name} sentence has a {name} that train has"
    return Field(name, len(seen), index, tested)


def _bounds(name: str, field: Field, sentences: int, vocabulary: int) -> list[str]:
    """Lines on what was left out of a probe."""
    lines = []
    if strange := int((field.test < 0).sum()):
        lines.append(f"{name}: {strange:,} of {len(field.test):,} tested sentences have one that train lacks, left out")
    if (most := LOGITS // field.classes) < sentences:
        lines.append(
            f"{name}: `all` are {most:,} of train's {sentences:,} sentences, as many as {LOGITS:,} logits allow"
        )
    if (most := WEIGHTS // field.classes) < vocabulary:
        lines.append(f"{name}: word counts are those of the {most:,} most frequent of {vocabulary:,} types")
    return lines


def _rare(name: str, field: Field, sizes: Sequence[int]) -> list[str]:
    """Lines on the numbers of labels a class that a field doesn't have, one a reason."""
    missing = [size for size in sizes if size not in sizes_each(field, sizes)]
    fewest, lines = int(field.train.bincount().min()), []
    if told := " or ".join(f"{size:,}" for size in missing if size > fewest):
        lines.append(f"{name}: no {told} labels a class, for the rarest has {fewest:,} sentences in train")
    if told := " or ".join(f"{size:,}" for size in missing if size <= fewest):
        lines.append(f"{name}: {told} labels a class of {field.classes} are more than {LOGITS:,} logits allow")
    return lines


def sizes_each(field: Field, sizes: Sequence[int]) -> list[int]:
    """Those of some numbers of labels a class that every class has, and that the logits allow."""
    fewest = int(field.train.bincount(minlength=field.classes).min())
    return [size for size in sizes if size <= fewest and size * field.classes**2 <= LOGITS]


def measure_field(
    field: Field, features: Mapping[str, Features], seed: int, each: Sequence[int] = ()
) -> dict[str, Any]:
    """The accuracies of one field.

    Args:
        field: Whose classes are read.
        features: What they are read from, by name.
        seed: Of the labelled sentences.
        each: Numbers of labels a class; word counts are left out of these.

    Returns:
        For each of the features its accuracies by number of labels; ``each``, the same by number of labels a class;
        ``majority`` and ``classes``.
    """
    most = LOGITS // field.classes
    everything = torch.arange(len(field.train)) if len(field.train) <= most else labelled(field, most, DRAWS, seed)
    result: dict[str, Any] = {"classes": field.classes, "majority": majority_accuracy(field.train, field.test)}
    draws: dict[str, list[Tensor]] = {
        str(size): [labelled(field, size, draw, seed) for draw in range(DRAWS)]
        for size in SIZES
        if size < len(everything)
    }
    draws["all"] = [everything]
    balanced = {
        str(size): [labelled_each(field, size, draw, seed) for draw in range(DRAWS)] for size in sizes_each(field, each)
    }
    result["each"] = {}
    for name, codes in features.items():
        result[name] = _accuracies(codes, draws, field)
        if name != WORDS:
            result["each"][name] = _accuracies(codes, balanced, field)
    return result


def _accuracies(features: Features, draws: Mapping[str, Sequence[Tensor]], field: Field) -> dict[str, float | None]:
    """The mean accuracy over draws of labelled sentences, by their number."""
    return {size: _mean([probe_accuracy(features, chosen, field) for chosen in some]) for size, some in draws.items()}


def labelled_each(field: Field, size: int, draw: int, seed: int) -> Tensor:
    """(size C,) indices of the first sentences of each class in one draw of all; fewer are among more of them."""
    order = labelled(field, len(field.train), draw, seed)
    classes = field.train[order]
    rank = torch.zeros_like(order)
    for number in range(field.classes):
        own = classes == number
        rank[own] = torch.arange(int(own.sum()))
    return order[rank < size]


def labelled(field: Field, size: int, draw: int, seed: int) -> Tensor:
    """(n,) indices of the sentences of one draw; fewer labels of the same draw are the first of them."""
    generator = torch.Generator().manual_seed(stable_seed(seed, "probe", field.name, draw))
    return torch.randperm(len(field.train), generator=generator)[:size]


def majority_accuracy(train: Tensor, test: Tensor) -> float:
    """Share of (M,) test classes that are the most frequent of (N,) train classes; those of -1 don't count."""
    return float((test[test >= 0] == train.bincount().argmax()).double().mean())


def probe_accuracy(features: Features, chosen: Tensor, field: Field) -> float:
    """Accuracy of a classifier trained on the chosen sentences of train, on the tested ones whose class train has."""
    logits, predict = features.train(chosen)
    classes = predict(*fit(logits, field.train[chosen], features.size, field.classes))
    tested = field.test >= 0
    return float((classes[tested] == field.test[tested]).double().mean())


def fit(logits: Logits, classes: Tensor, features: int, count: int) -> tuple[Tensor, Tensor]:
    """Multinomial logistic regression by full-batch L-BFGS in float64.

    Args:
        logits: Maps weights to the logits of the n labelled sentences, linearly.
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
            history_size=max(1, min(100, HISTORY // (2 * weight.numel()))),
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

    def choose(chosen: Tensor) -> tuple[Logits, Predict]:
        seen = train[chosen]
        mean, spread = seen.mean(0), seen.std(0, correction=0)
        scale = torch.where(spread > CONSTANT, 1 / spread, 0)
        known = (seen - mean) * scale

        def predict(weight: Tensor, bias: Tensor) -> Tensor:
            blocks = torch.split(test, max(1, BLOCK // len(bias)))
            return torch.cat([((block - mean) * scale @ weight + bias).argmax(1) for block in blocks])

        return lambda weight: known @ weight, predict

    return Features(choose, train.shape[1])


def word_features(train: Split, test: Split, vocabulary_size: int, classes: int = 2) -> Features:
    """Word counts of the sentences, never held as a matrix of sentences by words.

    Args:
        train: Whose most frequent words are counted, where `WEIGHTS` doesn't allow all.
        test: The tested sentences.
        vocabulary_size: V.
        classes: C.
    """
    size = min(vocabulary_size, WEIGHTS // classes)
    rank = torch.arange(vocabulary_size)
    if size < vocabulary_size:
        order = train.tokens.long().bincount(minlength=vocabulary_size).argsort(descending=True, stable=True)
        rank[order] = torch.arange(vocabulary_size)

    def choose(chosen: Tensor) -> tuple[Logits, Predict]:
        def predict(weight: Tensor, bias: Tensor) -> Tensor:
            blocks = torch.split(torch.arange(len(test)), max(1, BLOCK // len(bias)))
            return torch.cat([(_counts(test, block, rank, size)(weight) + bias).argmax(1) for block in blocks])

        return _counts(train, chosen, rank, size), predict

    return Features(choose, size)


def _counts(split: Split, chosen: Tensor, rank: Tensor, size: int) -> Logits:
    """The logits of some sentences: the sum of the weights of their words of rank below `size`."""
    lengths = split.lengths[chosen] - 1
    starts = lengths.cumsum(0) - lengths
    inside = torch.arange(int(lengths.sum())) - starts.repeat_interleave(lengths)
    words = rank[split.tokens[split.offsets[chosen].repeat_interleave(lengths) + inside].long()]
    if size < len(rank):
        # the words that are left out share a row of zeros behind the last
        return lambda weight: embedding_bag(
            words.clamp(max=size), torch.cat([weight, weight.new_zeros(1, weight.shape[1])]), starts, mode="sum"
        )
    return lambda weight: embedding_bag(words, weight, starts, mode="sum")


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None

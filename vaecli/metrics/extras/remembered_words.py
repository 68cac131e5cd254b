"""Which words a code remembers: what z is worth to the decoder at the tokens of each word type.

A token's gain is ``-log p(w_t | w_<t, z') + log p(w_t | w_<t, z)`` with z of the sentence's own posterior and z' of
another sentence's. The gains of all tokens add up to those of the sentences, so what is told by classes of words adds
up to `z_gain_shuffled` (the question of Bosc & Vincent 2020, by word instead of by position).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vaecli.corpus.types import EOS, UNK, Split, Vocabulary

RANKS = (10, 100, 1_000, 10_000)
"""Where classes of frequency end: the ten most frequent types of train, the next ninety and so on."""

CLASSES = ("</s>", "<unk>", "1 to 10", "11 to 100", "101 to 1,000", "1,001 to 10,000", "beyond 10,000")
"""The classes of word types: the two special symbols that are predicted, and the others by rank in train."""

OCCURRENCES = 20
"""Of a type in the split, below which its own gain is noise and is told with the others of its class alone."""

SHOWN = 8
"""Words of most gain that the terminal has."""


@dataclass(frozen=True)
class TokenGains:
    """Gains of the predicted tokens of N sentences.

    Attributes:
        types: (W,) int64 their word types, ``</s>`` among them.
        gain: (W,) float64 nats; below 0 where the other sentence's code does better.
        sentences: N.
    """

    types: Tensor
    gain: Tensor
    sentences: int

    def by_group(self, groups: Tensor, count: int) -> list[dict[str, Any]]:
        """The figures of each group of tokens.

        Args:
            groups: (W,) int64 the group of each token, from 0 on.
            count: Groups.

        Returns:
            For each ``tokens``, their ``gain`` in nats per sentence, the mean ``per_token``, and its standard error
            ``per_token_se`` as if tokens were independent; None where there are too few.
        """
        size = groups.bincount(minlength=count)
        total, squares = (groups.bincount(weights, minlength=count) for weights in (self.gain, self.gain.square()))
        rows = []
        for n, sum_, square in zip(size.tolist(), total.tolist(), squares.tolist(), strict=True):
            error = math.sqrt(max(square - sum_ * sum_ / n, 0.0) / (n - 1) / n) if n > 1 else None
            mean = sum_ / n if n else None
            rows.append({"tokens": n, "gain": sum_ / self.sentences, "per_token": mean, "per_token_se": error})
        return rows


def token_starts(split: Split) -> Tensor:
    """(N,) int64 where the predicted tokens of each sentence begin among those of the split."""
    lengths = split.lengths
    return lengths.cumsum(0) - lengths


def predicted_types(split: Split) -> Tensor:
    """(W,) int64 the predicted tokens of a split, a sentence after the other, each with its ``</s>``."""
    types = torch.full((split.predicted_tokens,), EOS, dtype=torch.int64)
    sentence = torch.arange(len(split)).repeat_interleave(split.lengths - 1)
    types[torch.arange(len(split.tokens)) + sentence] = split.tokens.long()
    return types


def word_details(gains: TokenGains, train: Split, vocabulary: Vocabulary) -> dict[str, list[dict[str, Any]]]:
    """What the code remembers, by class of frequency and by word.

    Args:
        gains: Of the split's tokens.
        train: Whose counts rank the types.
        vocabulary: Names them.

    Returns:
        ``classes``: those of `CLASSES` with tokens, whose gains add up to that of the sentences; ``types``: the word
        types with `OCCURRENCES` or more, the most gain in all first.
    """
    size = int(gains.types.max()) + 1
    by_class = gains.by_group(frequency_class(train, size)[gains.types], len(CLASSES))
    classes = [{"class": name, **row} for name, row in zip(CLASSES, by_class, strict=True) if row["tokens"]]
    rows = list(enumerate(gains.by_group(gains.types, size)))
    types = [{"word": vocabulary.words[n], **row} for n, row in rows if row["tokens"] >= OCCURRENCES]
    types.sort(key=lambda row: (-row["gain"], row["word"]))
    return {"classes": classes, "types": types}


def frequency_class(train: Split, size: int) -> Tensor:
    """(V,) int64 the class of each word type, an index of `CLASSES`; -1 of the symbols that are never predicted.

    Args:
        train: Whose tokens are counted; of types that are as frequent the earlier in the vocabulary comes first.
        size: Types V at least.
    """
    counts = train.tokens.long().bincount(minlength=max(size, UNK + 1))
    words = counts[UNK + 1 :]
    rank = torch.empty_like(words)
    rank[words.argsort(descending=True, stable=True)] = torch.arange(len(words))
    classes = torch.full_like(counts, -1)
    classes[EOS], classes[UNK] = CLASSES.index("</s>"), CLASSES.index("<unk>")
    classes[UNK + 1 :] = torch.bucketize(rank, torch.tensor(RANKS), right=True) + CLASSES.index("1 to 10")
    return classes


def word_lines(words: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """The classes as a table, and of the words whose gain is two standard errors above 0 those of most.

    Args:
        words: See `word_details`.
    """
    width = max(len(row["class"]) for row in words["classes"])
    lines = [
        "nats that z is worth (shuffled - posterior), by rank of the word in train",
        f"  {'':<{width}} {'tokens':>8} {'a sentence':>11} {'a token':>8} {'error':>7}",
    ]
    for row in words["classes"]:
        error = "-" if row["per_token_se"] is None else f"{row['per_token_se']:.3f}"
        figures = f"{row['tokens']:8,} {row['gain']:z11.3f} {row['per_token']:z8.3f} {error:>7}"
        lines.append(f"  {row['class']:<{width}} {figures}")
    if known := [row for row in words["types"] if row["per_token"] > 2 * row["per_token_se"]]:
        told = ", ".join(f"{row['word']} {row['gain']:.3f}" for row in known[:SHOWN])
        lines.append(f"  most remembered, nats a sentence: {told}")
        known.sort(key=lambda row: -row["per_token"])
        told = ", ".join(f"{row['word']} {row['per_token']:.2f}" for row in known[:SHOWN])
        lines.append(f"  best remembered, nats a token, of {OCCURRENCES} tokens or more: {told}")
    return lines

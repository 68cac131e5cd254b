"""Sentences that are there more than once, in a split or in two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vaecli.corpus.slots import Ints

HASHED_WORDS = 1 << 16
"""Words of sentences that are hashed together."""


def sentence_keys(types: Ints, lengths: Ints) -> NDArray[np.uint64]:
    """(N,) a number for each sentence, equal for equal sentences and, but for one pair in 2^64, only for these.

    Numbers of several splits may be compared.

    Args:
        types: (W,) number of each word.
        lengths: (N,) words of each sentence, none of them 0.
    """
    ends = lengths.cumsum()
    # a multilinear hash: random numbers of words times random numbers of positions, summed modulo 2^64
    word = np.random.default_rng(0).integers(2**64, size=int(types.max()) + 1, dtype=np.uint64)
    weight = np.random.default_rng(1).integers(2**64, size=int(lengths.max()), dtype=np.uint64) | np.uint64(1)
    keys = np.empty(len(lengths), dtype=np.uint64)
    first = 0
    while first < len(lengths):  # a few sentences at a time, since products take five times the room of words
        start = int(ends[first] - lengths[first])
        last = max(int(np.searchsorted(ends, start + HASHED_WORDS)), first + 1)
        some, starts = lengths[first:last], ends[first:last] - lengths[first:last] - start
        position = np.arange(some.sum()) - np.repeat(starts, some)
        hashes = word.take(types[start : start + len(position)]) * weight.take(position)
        keys[first:last] = np.add.reduceat(hashes, starts)
        first = last
    return keys


@dataclass(frozen=True)
class Repeats:
    """Sentences that are there more than once.

    Attributes:
        within: For each split, sentences that repeat an earlier one of it.
        shared: For each two splits, sentences of the first that the second has: ``valid`` and ``test`` in ``train``,
            ``test`` in ``valid``.
    """

    within: Mapping[str, int]
    shared: Mapping[tuple[str, str], int]


def count_repeats(texts: Mapping[str, tuple[Ints, Ints]]) -> Repeats:
    """Counts sentences that are equal word for word.

    Args:
        texts: By split, (W,) number of each word and (N,) words of each sentence, none of them 0.
    """
    keys = {part: sentence_keys(*text) for part, text in texts.items()}
    known = {part: np.unique(values) for part, values in keys.items()}
    pairs = (("valid", "train"), ("test", "train"), ("test", "valid"))
    shared = {(one, other): int(np.isin(keys[one], known[other]).sum()) for one, other in pairs}
    return Repeats({part: len(values) - len(known[part]) for part, values in keys.items()}, shared)

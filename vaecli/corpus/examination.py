"""What a corpus holds and what training would make of it, for `vae data check`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vaecli.config import CorpusConfig
from vaecli.corpus.batches import TrainBatches
from vaecli.corpus.encode import RawSplit
from vaecli.corpus.load import load_raw
from vaecli.corpus.origins import SPLITS
from vaecli.corpus.repeats import Repeats, count_repeats
from vaecli.corpus.slots import Ints
from vaecli.corpus.symptoms import NOTE
from vaecli.corpus.types import Corpus, Split

BARS = 16
"""Bars of a histogram at most."""


@dataclass(frozen=True)
class ExaminedSplit:
    """What one split holds.

    Attributes:
        sentences: Lines that hold a word.
        words: White-space words, as far as sentences were not cut.
        tokens: Words or pieces that the tokenizer makes of them, without ``</s>``.
        unknown: Share of these that are `<unk>`.
        shortest: Tokens of the shortest sentence.
        median: Half of the sentences have no more tokens.
        most: 95 % of the sentences have no more tokens.
        longest: Tokens of the longest sentence.
        one_word: Sentences of one token.
        cut: Sentences that are cut to `corpus.max_length` tokens.
        empty: Lines without a word, which are left out.
        repeats: Sentences that repeat an earlier one of the split.
    """

    sentences: int
    words: int
    tokens: int
    unknown: float
    shortest: int
    median: int
    most: int
    longest: int
    one_word: int
    cut: int
    empty: int
    repeats: int


@dataclass(frozen=True)
class Bar:
    """Sentences of train of some lengths.

    Attributes:
        first: Fewest words.
        last: Most words.
        count: Sentences.
    """

    first: int
    last: int
    count: int


@dataclass(frozen=True)
class Examination:
    """What is known of a corpus.

    Attributes:
        name: Of the corpus.
        fingerprint: Of its encoding.
        splits: By name.
        lengths: Train's histogram.
        labels: For each label field, for each class its sentences by split.
        shared: Sentences of the first split that the second has: ``valid in train``, ....
        vocabulary: Word types that a model would know, the special symbols among them.
        batch_size: Sentences a batch.
        batches: Batches, and so updates, of an epoch.
        read: What was mended and recognised when it was read.
        advice: What will make figures wrong or not comparable, and what helps.
    """

    name: str
    fingerprint: str
    splits: Mapping[str, ExaminedSplit]
    lengths: tuple[Bar, ...]
    labels: Mapping[str, Mapping[str, Mapping[str, int]]]
    shared: Mapping[str, int]
    vocabulary: int
    batch_size: int
    batches: int
    read: tuple[str, ...]
    advice: tuple[str, ...]


def examine(config: CorpusConfig, batch_size: int) -> Examination:
    """Reads a corpus as training would, without the cache, and counts what it holds.

    Args:
        config: Which text, and how it becomes ids.
        batch_size: Sentences a batch.

    Raises:
        DataError: It can't be trained on; see `load_corpus`.
        UsageError: See `load_corpus`.
    """
    corpus, raw, read = load_raw(config)
    repeats = count_repeats({part: _without_blanks(split, config.max_length) for part, split in raw.items()})
    return Examination(
        name=corpus.name,
        fingerprint=corpus.fingerprint,
        splits={part: _examined(corpus.split(part), raw[part], repeats, config) for part in SPLITS},
        lengths=histogram((corpus.train.lengths - 1).numpy()),
        labels={name: _label_counts(corpus, name) for name in corpus.train.labels},
        shared={f"{one} in {other}": count for (one, other), count in repeats.shared.items()},
        vocabulary=len(corpus.vocabulary),
        batch_size=batch_size,
        batches=TrainBatches(corpus.train, batch_size, seed=0).steps_per_epoch,
        read=tuple(read),
        advice=tuple(note.removeprefix(NOTE) for note in corpus.notes if note.startswith(NOTE)),
    )


def _without_blanks(split: RawSplit, limit: int) -> tuple[Ints, Ints]:
    lengths = split.words.lengths
    return split.words.types, np.minimum(lengths[lengths > 0], limit)


def _examined(split: Split, raw: RawSplit, repeats: Repeats, config: CorpusConfig) -> ExaminedSplit:
    lengths = np.sort((split.lengths - 1).numpy())
    tokens = len(split.tokens)
    return ExaminedSplit(
        sentences=len(split),
        words=tokens if split.raw_words is None else round(split.raw_words),
        tokens=tokens,
        unknown=split.unknown / tokens,
        shortest=int(lengths[0]),
        median=_reached(lengths, 0.5),
        most=_reached(lengths, 0.95),
        longest=int(lengths[-1]),
        one_word=int((lengths == 1).sum()),
        cut=int((raw.words.lengths > config.max_length).sum()),
        empty=int((raw.words.lengths == 0).sum()),
        repeats=repeats.within[split.name],
    )


def _reached(lengths: Ints, share: float) -> int:
    """The length that a share of the sorted lengths does not go beyond."""
    return int(lengths[int(share * (len(lengths) - 1))])


def histogram(lengths: Ints) -> tuple[Bar, ...]:
    """Counts by length: bars of equal width from the shortest to the longest, no more than `BARS`.

    Args:
        lengths: (N,) words of each sentence.
    """
    first, last = int(lengths.min()), int(lengths.max())
    width = -(-(last - first + 1) // BARS)
    counts = np.bincount((lengths - first) // width)
    starts = range(first, last + 1, width)
    return tuple(Bar(start, min(start + width - 1, last), int(n)) for start, n in zip(starts, counts, strict=True))


def _label_counts(corpus: Corpus, name: str) -> dict[str, dict[str, int]]:
    """Sentences of each class by split, the most frequent class of train first."""
    classes = corpus.train.label_names[name]
    counts = {part: np.bincount(corpus.split(part).labels[name].numpy(), minlength=len(classes)) for part in SPLITS}
    order = np.argsort(-counts["train"], kind="stable").tolist()
    return {classes[n]: {part: int(counts[part][n]) for part in SPLITS} for n in order}

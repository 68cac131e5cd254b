"""How many words other tokenizers would leave unknown, by trying them: advice that is measured, not guessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from vaecli.config import CorpusConfig
from vaecli.core.errors import UsageError
from vaecli.corpus.slots import Ints
from vaecli.corpus.tokenizers import get_tokenizer

TRIED = ("split", "basic_english", "moses")

TRAIN_LINES, OTHER_LINES = 3_000, 500
"""Sentences of train, and of another split, that are tried at most: a second or two for the slowest tokenizer."""

HELPS = 0.8
"""A tokenizer helps where it leaves no more than this share of the unknown words."""

Text = tuple[Ints, Ints]
"""(W,) number of each word, and (N,) words of each sentence."""


def tokenizer_advice(train: Text, other: Text, words: Sequence[str], config: CorpusConfig) -> str:
    """Which tokenizer would leave fewer words unknown than `split`, with the shares; an empty text where none would.

    Args:
        train: The words of train, as `split` cuts them.
        other: Those of the split with most unknown words.
        words: The word of each number.
        config: `max_vocab` and `min_freq` are used.
    """
    shares = unknown_shares(list(_lines(train, words, TRAIN_LINES)), list(_lines(other, words, OTHER_LINES)), config)
    best = min(shares, key=shares.__getitem__)
    if best == "split" or shares[best] > HELPS * shares["split"]:
        return ""
    rest = ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items())
    sizes = f"{min(len(train[1]), TRAIN_LINES):,} and {min(len(other[1]), OTHER_LINES):,}"
    return f"--tokenizer {best} helps: unknown on a sample of {sizes} sentences: {rest}"


def unknown_shares(train: Sequence[str], other: Sequence[str], config: CorpusConfig) -> Mapping[str, float]:
    """The share of words of some lines that other lines don't have, by tokenizer, of those whose library is there."""
    shares = {}
    for name in TRIED:
        try:
            cut = get_tokenizer(name)
        except UsageError:
            continue
        counts = Counter(word for line in train for word in cut(line))
        known = {word for word, n in counts.most_common(config.max_vocab or None) if n >= config.min_freq}
        seen = [word for line in other for word in cut(line)]
        shares[name] = sum(word not in known for word in seen) / max(len(seen), 1)
    return shares


def _lines(text: Text, words: Sequence[str], count: int) -> Iterator[str]:
    """The first sentences."""
    types, lengths = text
    start = 0
    for length in lengths[:count].tolist():
        yield " ".join(words[n] for n in types[start : start + length].tolist())
        start += length

"""Scores of sentences as lists of word ids: BLEU, exact matches, and how much sentences repeat one another.

BLEU is that of sacrebleu (Papineni et al. 2002; Post 2018) over the ids themselves, so that no tokenizer of its own
comes between: what was ``<unk>`` in the source counts as the word ``<unk>``.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sacrebleu.metrics.bleu import BLEU

Words = Sequence[int]
"""A sentence as the ids of its words."""

ORDER = 4
"""Longest n-grams of BLEU."""


def corpus_bleu(hypotheses: Sequence[Words], references: Sequence[Words]) -> float | None:
    """BLEU-4 of a corpus with one reference a sentence, 0 to 100; a copy has 100.

    Args:
        hypotheses: N sentences.
        references: N sentences.

    Returns:
        None where no reference has four words, for BLEU-4 would be 0 for a copy too.
    """
    if not any(len(words) >= ORDER for words in references):
        return None
    return float(
        _bleu().corpus_score([_line(words) for words in hypotheses], [[_line(words) for words in references]]).score
    )


def bleu_signature() -> str:
    """What sacrebleu says of how `corpus_bleu` computes, its version included."""
    bleu = _bleu()
    bleu.corpus_score(["0"], [["0"]])  # it knows the number of references only after a score
    return str(bleu.get_signature())


def _bleu() -> BLEU:
    return BLEU(tokenize="none", force=True, max_ngram_order=ORDER)


def _line(words: Words) -> str:
    return " ".join(map(str, words))


def exact_match(hypotheses: Sequence[Words], references: Sequence[Words]) -> float:
    """Share of the N > 0 sentences that are their reference, word for word."""
    same = sum(list(h) == list(r) for h, r in zip(hypotheses, references, strict=True))
    return same / len(references)


def distinct(sentences: Sequence[Words], n: int) -> float | None:
    """Different n-grams over all n-grams of the sentences together (Li et al. 2016); None where there is none.

    It falls with the number of sentences, so compare at one number only.
    """
    counts = Counter(gram for words in sentences for gram in _ngrams(words, n))
    return len(counts) / counts.total() if counts else None


def unique_share(sentences: Sequence[Words]) -> float:
    """Different sentences over all N > 0 sentences."""
    return len({tuple(words) for words in sentences}) / len(sentences)


def self_bleu(sentences: Sequence[Words]) -> float | None:
    """Mean over sentences of sentence BLEU-4 with all others as references, 0 to 100 (Zhu et al. 2018, Texygen).

    Exponential smoothing, and for sentences of fewer than four words n-grams up to their length. Sentences without
    words are left out. It rises with the number of sentences, so compare at one number only.

    Returns:
        None for fewer than two sentences with words.
    """
    kept = [tuple(words) for words in sentences if words]
    if len(kept) < 2:
        return None
    others = _Others(kept)
    return math.fsum(others.bleu(words) for words in kept) / len(kept)


@dataclass
class _Most:
    """The two largest counts of an n-gram over sentences, which give the largest over all but one sentence."""

    first: int = 0
    second: int = 0

    def add(self, count: int) -> None:
        if count > self.first:
            self.first, self.second = count, self.first
        elif count > self.second:
            self.second = count

    def without(self, count: int) -> int:
        """The largest over the others of a sentence that has it `count` times."""
        return self.second if count == self.first else self.first


class _Others:
    """Each sentence against all others, in one pass over the n-grams instead of one a pair of sentences."""

    def __init__(self, sentences: Sequence[tuple[int, ...]]) -> None:
        self.most: dict[tuple[int, ...], _Most] = {}
        self.lengths = Counter(map(len, sentences))
        for words in sentences:
            for gram, count in _counts(words).items():
                self.most.setdefault(gram, _Most()).add(count)

    def bleu(self, words: tuple[int, ...]) -> float:
        """Sentence BLEU of one of the sentences."""
        correct, total = [0] * ORDER, [0] * ORDER
        for gram, count in _counts(words).items():
            total[len(gram) - 1] += count
            correct[len(gram) - 1] += min(count, self.most[gram].without(count))
        length = len(words)
        score = BLEU.compute_bleu(
            correct, total, length, self._closest(length), smooth_method="exp", effective_order=True
        )
        return float(score.score)

    def _closest(self, length: int) -> int:
        """The nearest length of another sentence, the shorter of two as near."""
        if self.lengths[length] > 1:
            return length
        known = sorted(other for other in self.lengths if other != length)
        after = bisect_left(known, length)
        return min(known[max(after - 1, 0) : after + 1], key=lambda other: (abs(other - length), other))


def _counts(words: Words) -> Counter[tuple[int, ...]]:
    return Counter(gram for n in range(1, ORDER + 1) for gram in _ngrams(words, n))


def _ngrams(words: Words, n: int) -> list[tuple[int, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]

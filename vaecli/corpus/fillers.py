r"""Noise of an embedded corpus: words that say nothing, of which the sentences are known without them.

After each word of a sentence comes, with probability p and independently of everything else, one of `FILLERS`, all
equally likely. No sentence of the corpus has such a word, so taking them out gives the sentence x as it was, and with
T words in x

.. math:: H(\tilde x) = H(x) + E[T]\,h(p), \qquad h(p) = -p\log\frac{p}{F} - (1-p)\log(1-p)

exactly, F being their number; of these K are one word, ``<unk>``, where train lacks them, which takes
:math:`p\,(K / F) \log K` from h(p). What sentences say of their factors or codes is as it was: I(x~; .) = I(x; .).
So noise takes likelihood, and nothing of what a latent variable could be for.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np

from vaecli.corpus.slots import Floats
from vaecli.corpus.types import UNK, Split, Truth
from vaecli.corpus.vocabulary import SPECIALS

VERSION = 1
"""Raised when the fillers drawn from a seed would change."""

UNKNOWN = SPECIALS[UNK]
FILLERS = tuple(f"noise{n:02d}" for n in range(50))
"""The words that say nothing."""


def with_fillers(sentences: Sequence[Sequence[str]], noise: float, seed: int) -> list[list[str]]:
    """The sentences with fillers among their words; a larger number of sentences goes on where a smaller one ends.

    Args:
        sentences: Words, none of them a filler.
        noise: p.
        seed: Of a stream of its own.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    gaps = sum(map(len, sentences))
    # a column a gap, so that p decides which gaps are filled, and neither which fillers they get nor what comes later
    is_filled, which = random.random((gaps, 2)).T
    numbers = iter(np.where(is_filled < noise, (which * len(FILLERS)).astype(np.int64), -1).tolist())
    noisy = []
    for sentence in sentences:
        words = []
        for word in sentence:
            words.append(word)
            if (number := next(numbers)) >= 0:
                words.append(FILLERS[number])
        noisy.append(words)
    return noisy


def log_filler(noise: float) -> float:
    """Log probability of a filler in a gap; p is above 0, and may be too small to be divided by their number."""
    return math.log(noise) - math.log(len(FILLERS))


def gap_entropy(noise: float, alike: int = 1) -> float:
    """h(p), the nats that a gap adds.

    Args:
        noise: p, above 0 and below 1.
        alike: K, fillers that are one word of the text; 1 where each is its own.
    """
    merged = -alike * noise / len(FILLERS) * math.log(alike)
    return -noise * log_filler(noise) + merged - (1 - noise) * math.log1p(-noise)


class NoisyTruth:
    """What is exactly known of sentences with fillers; see `vaecli.corpus.types.Truth`.

    Args:
        clean: The truth of the sentences without.
        words: E[T], words of a sentence without.
        noise: p, above 0 and below 1.
        unknown: K, fillers that are ``<unk>``; the sentences without have no such word then.
    """

    def __init__(self, clean: Truth, words: float, noise: float, unknown: int = 0) -> None:
        self.clean, self.words, self.noise, self.unknown = clean, words, noise, unknown

    def log_prob(self, sentence: Sequence[str]) -> float:
        """Exact log p(sentence) in nats; ``-inf`` outside the support."""
        is_filler = [word in FILLERS or (self.unknown > 0 and word == UNKNOWN) for word in sentence]
        if any(now and before for before, now in zip([True, *is_filler], is_filler, strict=False)):
            return -math.inf  # nothing before it, or another filler
        words = [word for word, filler in zip(sentence, is_filler, strict=True) if not filler]
        filled, gaps = sum(is_filler), len(words)
        log_noise = filled * log_filler(self.noise) + (gaps - filled) * math.log1p(-self.noise)
        if self.unknown:
            log_noise += sentence.count(UNKNOWN) * math.log(self.unknown)
        return self.clean.log_prob(words) + log_noise

    def nll(self, split: Split) -> Floats | None:
        """None: reports have the entropy."""
        return None

    def of_vocabulary(self, words: Collection[str]) -> Truth | None:
        """None where both fillers and other words are ``<unk>``, for nobody can tell which one is."""
        clean, unknown = self.clean.of_vocabulary(words), len(set(FILLERS).difference(words))
        if clean is None or (unknown and clean is not self.clean):
            return None
        is_same = clean is self.clean and unknown == self.unknown
        return self if is_same else NoisyTruth(clean, self.words, self.noise, unknown)

    @property
    def entropy(self) -> float:
        """H(x~) in nats per sentence."""
        return self.clean.entropy + self.words * gap_entropy(self.noise, max(self.unknown, 1))

    @property
    def entropy_se(self) -> float:
        """Standard error of the entropy: that of the sentences without fillers."""
        return self.clean.entropy_se

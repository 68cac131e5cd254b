"""The unigram model of a corpus: what a split costs under the frequencies of train's words alone."""

from __future__ import annotations

import numpy as np

from vaecli.corpus.types import EOS, Corpus, Split


def unigram_nll(corpus: Corpus, split: Split) -> float:
    """-log p of a split's sentences, each word drawn by its frequency in train, in nats per sentence.

    ``</s>`` ends a sentence and is one of the words; each type counts once more than it was seen.
    """
    types = len(corpus.vocabulary)
    counts = np.bincount(corpus.train.tokens.numpy(), minlength=types).astype(np.float64)
    counts[EOS] += len(corpus.train)
    costs = np.log(counts.sum() + types) - np.log(counts + 1)
    return float((costs[split.tokens.numpy()].sum() + len(split) * costs[EOS]) / len(split))

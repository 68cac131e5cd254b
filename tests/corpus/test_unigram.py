"""The unigram model, by hand."""

from math import log

import pytest
from support import split_of

from vaecli.corpus.types import Corpus
from vaecli.corpus.unigram import unigram_nll


class Five:
    """A vocabulary of the special symbols and one word."""

    def __len__(self):
        return 5


def test_by_hand():
    """Train has the word three times and two ends; each of five types counts once more: 4, 3 and 1 of 10."""
    train = split_of([4, 4], [4])
    corpus = Corpus("c", Five(), train, split_of([4]), train, "f")
    assert unigram_nll(corpus, corpus.valid) == pytest.approx(log(10 / 4) + log(10 / 3))
    assert unigram_nll(corpus, train) == pytest.approx((3 * log(10 / 4) + 2 * log(10 / 3)) / 2)
    assert unigram_nll(corpus, split_of([3])) == pytest.approx(log(10) + log(10 / 3)), "a word that train lacks"

import math

import pytest

from vaecli.metrics.columns.ppl import perplexity


def test_published_figures_of_the_lstm_language_model_on_ptb():
    # He et al. (2019): 101.04 nats a sentence, 82,430 predicted tokens in 3,761 sentences = 21.917 a sentence.
    # 101.04 / 21.917 = 4.61012, exp(4.61012) = 100.50; the table's 100.47 is of the unrounded nats.
    assert perplexity(101.04 * 3761, 82_430) == pytest.approx(100.47, rel=5e-4)


def test_uniform_words_have_the_vocabulary_as_perplexity():
    assert perplexity(12 * math.log(950), 12) == pytest.approx(950)


def test_overflow_is_infinite_without_a_warning():
    assert perplexity(710.0, 1) == math.inf
    assert perplexity(math.inf, 5) == math.inf

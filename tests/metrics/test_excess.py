"""The absolute scale: on a corpus of known entropy no model is below it but by chance."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from metrics.toys import CPU
from support import split_of, tiny_model

from vaecli.config import CorpusConfig, EvaluationConfig
from vaecli.corpus.load import load_corpus
from vaecli.metrics.measure import _iw_values, evaluate


@dataclass
class Coin:
    """Sentences of two fair words from two: entropy 2 log 2."""

    entropy: float = 2 * math.log(2)
    entropy_se: float = 0.0

    def nll(self, split):
        return None


@pytest.fixture(scope="module")
def synthetic():
    return load_corpus(CorpusConfig(data="synthetic"))


def values_of_the_truth(corpus, less=0.0):
    """The figures of a model that gives each sentence of test the corpus's own -log p(x), less so many nats."""
    split = corpus.test
    sentences = [corpus.vocabulary.decode(split.sentence(n)) for n in range(len(split))]
    nll = torch.tensor([-corpus.truth.log_prob(sentence) - less for sentence in sentences], dtype=torch.float64)
    assert bool(nll.isfinite().all())
    return _iw_values(nll, 0, split, corpus.truth)


def test_the_truth_itself_has_no_excess(synthetic):
    """The excess is 0 within its error, which is a tenth of a nat."""
    values = values_of_the_truth(synthetic)
    assert abs(values["excess_nll"]) < 3.5 * values["excess_nll_se"]
    assert 0.05 < values["excess_nll_se"] < 0.15


@pytest.mark.parametrize("settings", [{"train_size": 100}, {"max_vocab": 50}, {"min_freq": 1_000}], ids=str)
def test_the_truth_has_no_excess_where_words_are_unknown(settings):
    """The entropy is that of the text with `<unk>`, 4.7 nats below that of the words at 100 sentences of train."""
    values = values_of_the_truth(load_corpus(CorpusConfig(data="synthetic", **settings)))
    assert abs(values["excess_nll"]) < 3.5 * values["excess_nll_se"]
    assert values["iw_nll"] < 18.5


def test_a_model_that_knows_more_than_the_corpus_is_below_it(synthetic):
    """What a leak would look like: half a nat less than the truth is significantly negative."""
    values = values_of_the_truth(synthetic, less=0.5)
    assert values["excess_nll"] < -3 * values["excess_nll_se"]


@pytest.mark.parametrize("method", ["lm", "vanilla"])
def test_the_excess_of_a_model_is_its_divergence_from_the_source(method):
    """All 12 types alike at each of three places: KL(source || model) = 3 log 12 - 2 log 2."""
    model = tiny_model(method)
    with torch.no_grad():
        model.decoder.output.weight.zero_()
    split = split_of([4, 4], [4, 5], [5, 4], [5, 5])
    values = evaluate(model, split, EvaluationConfig(iw_samples=3), seed=0, device=CPU, truth=Coin()).values
    assert values["excess_nll"] == pytest.approx(3 * math.log(12) - 2 * math.log(2), abs=0.05)
    assert values["excess_nll"] > 0


class Known(Coin):
    """The same, sentence by sentence: the first is dear, the others are cheap."""

    def nll(self, split):
        return np.array([3.0, 1.0, 1.0, 1.0])


def test_where_the_sentences_own_likelihood_is_known_the_excess_is_over_it():
    # differences .5, 1.5, .5, 1.5: mean 1, standard error sqrt(1 / 3) / 2; the entropy, 1.39, is left out
    split = split_of([4, 4], [4, 5], [5, 4], [5, 5])
    values = _iw_values(torch.tensor([3.5, 2.5, 1.5, 2.5], dtype=torch.float64), 1, split, Known())
    assert values["excess_nll"] == pytest.approx(1.0)
    assert values["excess_nll_se"] == pytest.approx(math.sqrt(1 / 3) / 2)

"""The truth of the embedded corpora: the quadrature of `mixture` against enumeration of a small one."""

import itertools

import numpy as np
import pytest

from experiments.synthetic import truth
from vaecli.corpus import mixture_text
from vaecli.corpus.slots import entropy


@pytest.fixture
def small(monkeypatch):
    """A generator of sentences of three words of three types, and all 27 of them."""
    for name, value in {"TYPES": 3, "LENGTH": 3, "HIDDEN": 3, "EMBEDDING": 3, "CODE_BOUND": 2.0}.items():
        monkeypatch.setattr(mixture_text, name, value)
    return mixture_text.Generator(5), np.array(list(itertools.product(range(3), repeat=3)))


def test_probabilities_of_all_sentences_sum_to_one(small):
    integrals = truth.integrate(*small, step=0.4)
    assert np.exp(integrals.log_prob).sum() == pytest.approx(1.0, abs=1e-9)


def test_information_is_that_of_enumeration(small):
    """I(x; z) = H(x) - H(x|z) and I(x; k) = H(x) - H(x|k), with p(x|z) of all sentences at points of z."""
    generator, sentences = small
    integrals = truth.integrate(generator, sentences, step=0.4)
    p = np.exp(integrals.log_prob)
    points = truth.mesh(truth.axis(0.3))
    by_cluster = np.exp(truth.log_prior(points)) * 0.3**2
    likelihood = np.exp([generator.log_prob(np.tile(x, (len(points), 1)), points) for x in sentences])  # (27, G)
    of_code = entropy(likelihood.T) @ by_cluster.sum(1)
    assert p @ integrals.kl == pytest.approx(float(entropy(p)) - float(of_code), abs=1e-6)
    shares = by_cluster.sum(0)
    of_cluster = shares @ entropy((likelihood @ by_cluster / shares).T)
    information = float(entropy(shares)) - float(p @ integrals.cluster_entropy)
    assert information == pytest.approx(float(entropy(p)) - float(of_cluster), abs=1e-6)
    assert 0.01 < information < p @ integrals.kl


def test_points_that_are_left_out_move_nothing(small):
    generator, sentences = small
    whole = truth.integrate(generator, sentences[:4], step=0.3, coarser=1)
    part = truth.integrate(generator, sentences[:4], step=0.3, coarser=2)
    assert part.log_prob == pytest.approx(whole.log_prob, abs=1e-8)
    assert part.kl == pytest.approx(whole.kl, abs=1e-7)


def test_the_mean_of_conditional_entropies_is_that_of_minus_log_likelihood(small):
    """At one code, over all sentences by their probabilities: the chain rule of the entropy."""
    generator, sentences = small
    codes = np.tile([[0.7, -1.3]], (len(sentences), 1))
    log_prob = generator.log_prob(sentences, codes)
    p = np.exp(log_prob)
    assert p.sum() == pytest.approx(1.0)
    assert p @ generator.conditional_entropy(sentences, codes) == pytest.approx(-(p @ log_prob))


def test_the_committed_truth_has_each_corpus_and_obeys_the_bounds():
    known = truth.read_truth()
    for corpus in truth.ALL:
        entropy_of_text = known[corpus, "H(x)"][0]
        most = known[truth.most_information(corpus)][0]
        parts = [value for (name, quantity), (value, _) in known.items() if name == corpus and quantity[0] == "I"]
        assert 0 < most <= entropy_of_text
        assert most == max(parts), "all factors together say at least what each does"

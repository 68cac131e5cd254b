import copy
import math

import numpy as np
import pytest
import torch
from metrics.toys import CPU, linear_gaussian, true_nll
from support import fast_only, scoring, tiny_model, tiny_shape, tiny_split

from vaecli.corpus.types import collate
from vaecli.kernels.arithmetic import has_bf16
from vaecli.metrics import inference
from vaecli.metrics import scoring as scoring_module
from vaecli.metrics.columns import iw
from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.columns.iw import importance_weighted_nll
from vaecli.metrics.noise import sentence_noise
from vaecli.metrics.scoring import EXACT, scoring_precision
from vaecli.remedies import make_method

needs_bf16 = pytest.mark.skipif(not has_bf16(CPU), reason="no LSTM in bf16 on this CPU")


def bound(model, split, samples, seed=0, batch_size=64, precision=EXACT):
    how = scoring(split, batch_size, seed, precision)
    return importance_weighted_nll(model, how, elbo_terms(model, how).posterior, samples)


@pytest.mark.parametrize("samples", [1, 2, 50])
def test_exact_at_any_number_of_samples_under_the_true_posterior(samples):
    numbers = [-3.0, 0.0, 0.7, 5.0]
    model, split = linear_gaussian(numbers)
    expected = torch.tensor([true_nll(x) for x in numbers], dtype=torch.float64)
    assert torch.allclose(bound(model, split, samples), expected, atol=1e-10)


def test_weights_of_minus_ten_thousand_survive():
    # x = 200: log p(x) = -200^2 / 4 - log(4 pi) / 2 = -10001.27, far below what exp can hold.
    model, split = linear_gaussian([200.0])
    assert bound(model, split, 10).item() == pytest.approx(10_000 + 0.5 * math.log(4 * math.pi), rel=1e-12)
    wrong, split = linear_gaussian([200.0], slope=0.49)  # mean 98 instead of 100
    assert true_nll(200.0) < bound(wrong, split, 10).item() < true_nll(200.0) + 10


def test_converges_from_above_as_samples_grow():
    # q = p(z) at x = 2, averaged over 400 sentences with noise of their own.
    model, split = linear_gaussian([2.0] * 400, slope=0.0, scale=1.0)
    means = [bound(model, split, k).mean().item() for k in (1, 4, 16, 64, 512)]
    assert means == sorted(means, reverse=True)
    assert means[3] > true_nll(2.0)
    assert means[-1] == pytest.approx(true_nll(2.0), abs=0.005)
    # One sample is the -ELBO: E[(2 - z)^2] / 2 + log(2 pi) / 2 = 2.5 + 0.919 = 3.419, KL 0.
    assert means[0] == pytest.approx(3.419, abs=0.35)


def test_agrees_with_quadrature_over_the_latent_of_a_real_decoder():
    model = tiny_model(latent_size=1, init_range=1.2).double()
    split = tiny_split(6)
    batch = collate(split, torch.arange(6))

    def quadrature(n):
        nodes, weights = np.polynomial.hermite_e.hermegauss(n)
        z = torch.from_numpy(nodes).view(-1, 1, 1).expand(-1, 6, 1)
        with torch.no_grad():
            log_likelihood = -model.eval().nll(z, batch)
        log_weights = torch.from_numpy(np.log(weights / math.sqrt(2 * math.pi)))
        return -(log_likelihood + log_weights.unsqueeze(1)).logsumexp(0)

    exact = quadrature(80)
    assert torch.allclose(exact, quadrature(60), atol=1e-3)
    iw_nll = bound(model, split, 4000)
    assert torch.allclose(iw_nll, exact, atol=0.06)
    # The code matters to this decoder: the bound at one sample is far off.
    assert (bound(model, split, 1) - exact).abs().max() > 0.3


def test_samples_are_averaged_in_probability_not_in_logs():
    model, split = linear_gaussian([1.0], slope=0.0, scale=1.0)
    z = sentence_noise(0, "iw", torch.tensor([0]), 3, 1).flatten().tolist()
    # q = p(z), so the weights are N(1; z, 1) alone.
    densities = [math.exp(-0.5 * (1 - v) ** 2) / math.sqrt(2 * math.pi) for v in z]
    assert bound(model, split, 3).item() == pytest.approx(-math.log(sum(densities) / 3), abs=1e-12)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_batch_size_and_chunks_do_not_matter(monkeypatch, batch_size):
    model, split = tiny_model(), tiny_split(9)
    expected = bound(model, split, 20)
    monkeypatch.setattr(inference, "TOKEN_BUDGET", 40)
    assert torch.allclose(bound(model, split, 20, batch_size=batch_size), expected, atol=1e-4)
    monkeypatch.setattr(iw, "NOISE_ELEMENTS", 200)
    assert torch.allclose(bound(model, split, 20, batch_size=batch_size), expected, atol=1e-4)


@pytest.mark.parametrize("method", ["vanilla", "bn", "delta", "du", "vmf", "mog", "iaf", "pooling", "skip", "cnn"])
def test_never_above_the_elbo_but_by_chance(method):
    """E[iw_nll] <= E[neg_elbo] for every model and K; at K = 50 the difference is paired by sentence."""
    model, split = tiny_model(method, init_range=1.0), tiny_split(150)
    terms = elbo_terms(model, scoring(split), rec_samples=20)
    difference = bound(model, split, 50) - terms.neg_elbo
    error = difference.std() / math.sqrt(len(split))
    assert difference.mean() < 3 * error
    # And from above: fifty times the samples can only bring it down, but by chance.
    tighter = bound(model, split, 500) - bound(model, split, 50)
    assert tighter.mean() < 3 * tighter.std() / math.sqrt(len(split))


def test_it_is_below_the_elbo_on_average_and_seeds_differ():
    model, split = tiny_model(init_range=1.0), tiny_split(60)
    terms = elbo_terms(model, scoring(split), rec_samples=20)
    first, second = bound(model, split, 50, seed=0), bound(model, split, 50, seed=1)
    assert first.mean() < terms.neg_elbo.mean()
    assert not torch.isclose(first, second, atol=1e-9).any()


def shared_bound(model, split, samples, batch_size=64, precision="bf16"):
    """The bound in a precision other than fp32, where many samples share the words of their softmax."""
    return bound(model, split, samples, batch_size=batch_size, precision=scoring_precision(precision, model, CPU))


@pytest.fixture
def many_words():
    """A model of 5,000 word types whose code matters, and sentences of them."""
    shape = tiny_shape(4, vocabulary_size=5_000, init_range=0.7)
    return make_method("vanilla").build(shape, 0), tiny_split(12, vocabulary_size=5_000)


@fast_only
@needs_bf16
def test_shared_words_give_the_bound_of_all_words(many_words, monkeypatch):
    model, split = many_words
    used = []
    real = inference.shared_nll
    monkeypatch.setattr(inference, "shared_nll", lambda *a: (used.append(len(a[0])), real(*a))[1])
    iw_nll = shared_bound(model, split, 600)
    assert set(used) == {300}  # 600 samples in the fewest equal parts
    exact = bound(copy.deepcopy(model).double(), split, 600)
    assert (iw_nll - exact).mean().abs() < 0.01
    assert (iw_nll - exact).abs().max() < 0.05
    assert (bound(model, split, 1) - exact).abs().mean() > 0.1  # the samples matter


@fast_only
def test_words_are_shared_where_the_cpu_has_no_bf16_but_not_in_fp32(many_words, monkeypatch):
    model, split = many_words
    monkeypatch.setattr(scoring_module, "resolve_precision", lambda *a: "fp32")
    exact, shared = (shared_bound(model, split, 64, precision=name) for name in ("fp32", "auto"))
    assert torch.equal(exact, bound(model, split, 64))
    assert 0 < (shared - exact).abs().max() < 0.05


@fast_only
@needs_bf16
@pytest.mark.parametrize("batch_size", [1, 5])
def test_sharing_words_does_not_depend_on_the_batch(many_words, batch_size):
    model, split = many_words
    assert torch.allclose(shared_bound(model, split, 40, batch_size), shared_bound(model, split, 40), atol=2e-3)


@needs_bf16
def test_words_are_not_shared_where_a_decoder_has_a_law_of_its_own(monkeypatch):
    model, split = linear_gaussian([0.5] * 3)
    monkeypatch.setattr(inference, "pays", lambda samples, types: True)
    assert torch.allclose(shared_bound(model, split, 40), bound(model, split, 40), atol=1e-12)

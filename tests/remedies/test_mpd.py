"""Laws of the mutual posterior divergence: a variance of means, an upper bound of information, and what it pays."""

import math

import pytest
import torch
from support import clock, make_terms, tiny_batch, tiny_model

from vaecli.metrics.columns.mi import mutual_information
from vaecli.model.posterior import DiagonalGaussian
from vaecli.objective import raw_terms
from vaecli.remedies.mpd import MutualPosteriorDivergence, other_pairs, pairwise_kl


def gaussians(b=8, size=4, same_variance=False):
    generator = torch.Generator().manual_seed(0)
    mean, logvar = (torch.randn(b, size, generator=generator, dtype=torch.float64) for _ in range(2))
    return DiagonalGaussian(mean, torch.full_like(logvar, -0.7) if same_variance else logvar)


def added(q, **hyper):
    terms = make_terms(posterior=q, kl=torch.zeros(len(q.mean), q.mean.shape[1]))
    return MutualPosteriorDivergence(**hyper).objective(terms, clock()).extra


def test_two_sentences_by_hand():
    # N(0, 1) and N(2, 1): both KLs are 2, M = 2, -log sigmoid(2) = 0.126928, and pairs don't differ
    q = DiagonalGaussian(torch.tensor([[0.0], [2.0]]), torch.zeros(2, 1))
    assert added(q, smoothness=1.0).tolist() == pytest.approx([0.1269280] * 2, abs=1e-6)
    # N(0, 1) and N(0, 4): KL = log 2 + 1/8 - 1/2 = 0.318147 and -log 2 + 2 - 1/2 = 0.806853, of std 0.345567
    q = DiagonalGaussian(torch.zeros(2, 1), torch.tensor([[0.0], [math.log(4)]]))
    assert pairwise_kl(q)[0, 1].item() == pytest.approx(0.3181472, abs=1e-6)
    assert added(q, diversity=0.0, smoothness=1.0)[0].item() == pytest.approx(0.3455671, abs=1e-6)
    # the same in two dimensions: a pair's divergence is the sum over them, so its spread is twice that
    q = DiagonalGaussian(torch.zeros(2, 2), torch.tensor([[0.0, 0.0], [math.log(4)] * 2]))
    assert added(q, diversity=0.0, smoothness=1.0)[0].item() == pytest.approx(0.6911342, abs=1e-6)


def test_with_equal_variances_it_is_the_unbiased_variance_of_the_means_over_the_variance():
    q = gaussians(same_variance=True)
    divergences = other_pairs(pairwise_kl(q)).mean(0)
    torch.testing.assert_close(divergences, q.mean.var(0) / math.exp(-0.7))


def test_the_mean_over_all_pairs_bounds_the_information_within_the_batch():
    q = gaussians()
    noise = torch.randn(400, 8, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    information = sum(mutual_information(q, z).value for z in q.sample(noise)) / 400
    assert information < pairwise_kl(q).sum(-1).mean().item()


def test_it_is_that_of_torch():
    q = gaussians()
    one, other = (torch.distributions.Normal(q.mean.unsqueeze(n), (0.5 * q.logvar).exp().unsqueeze(n)) for n in (1, 0))
    torch.testing.assert_close(pairwise_kl(q), torch.distributions.kl_divergence(one, other))


def test_a_collapsed_posterior_pays_log_2_a_dimension():
    q = DiagonalGaussian(torch.zeros(8, 3), torch.zeros(8, 3))
    assert added(q).tolist() == pytest.approx([3 * math.log(2)] * 8)


def test_factors_of_zero_are_the_vae_and_one_sentence_has_no_pairs():
    assert added(gaussians(), diversity=0.0, smoothness=0.0).tolist() == [0.0] * 8
    assert added(gaussians(1)).tolist() == [0.0]


def test_a_collapsed_batch_has_a_finite_gradient():
    model = tiny_model("mpd")
    with torch.no_grad():
        model.head.mean.weight.zero_()
        model.head.logvar.weight.zero_()
    MutualPosteriorDivergence().objective(raw_terms(model, tiny_batch(4)), clock()).loss.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())

"""Laws of KL(q(z) || p(z)) from a batch: the KL is MI plus this, and what is above log B is not told apart."""

import math

import pytest
import torch
from support import clock, make_terms, tiny_batch, tiny_shape

from vaecli.core.errors import UsageError
from vaecli.model.posterior import DiagonalGaussian
from vaecli.model.prior import StandardNormal
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.info_kl import InfoKL, marginal_kl
from vaecli.remedies.mi_constraint import batch_information
from vaecli.remedies.shared.aggregate import batch_densities


def posterior(n=8, latent_size=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(n, latent_size, generator=generator)
    return DiagonalGaussian(mean, torch.randn(n, latent_size, generator=generator))


def sample(q, seed=1):
    noise = torch.randn(1, *q.mean.shape, generator=torch.Generator().manual_seed(seed))
    return q.sample(noise).squeeze(0)


def sampled_kl(q, z):
    return q.log_prob(z.unsqueeze(0)).squeeze(0) - StandardNormal(z.shape[1]).log_prob(z)


def test_by_hand():
    # N(0,1) and N(2,1) at z = 0 and 2: q(z) = (1 + exp(-2)) / 2 of the peak at both, log -0.5662192. The prior is at
    # its peak at 0 and exp(-2) of it at 2: -0.5662192 and 1.4337808
    q = DiagonalGaussian(torch.tensor([[0.0], [2.0]]), torch.zeros(2, 1))
    assert marginal_kl(q, StandardNormal(1), q.mean).tolist() == pytest.approx([-0.5662192, 1.4337808], abs=1e-6)


def test_kl_is_information_plus_divergence_sample_by_sample():
    q = posterior()
    z = sample(q)
    own, aggregate = batch_densities(q, z)
    divergence = marginal_kl(q, StandardNormal(3), z)
    assert torch.allclose((own - aggregate).float() + divergence, sampled_kl(q, z), atol=1e-5)
    assert (own - aggregate).mean().item() == pytest.approx(batch_information(q, z).item(), abs=1e-6)


def test_a_collapsed_batch_has_none_at_any_sample():
    q = DiagonalGaussian(torch.zeros(5, 3), torch.zeros(5, 3))
    assert torch.allclose(marginal_kl(q, StandardNormal(3), sample(q)), torch.zeros(5), atol=1e-6)


def test_information_beyond_log_b_counts_as_divergence():
    # means 100 apart: each sentence sees itself alone, q(z_b) = q(z_b|x_b) / B, so the divergence is KL - log 8
    q = DiagonalGaussian(100 * torch.arange(8.0).unsqueeze(1), torch.zeros(8, 1))
    z = sample(q)
    expected = sampled_kl(q, z) - math.log(8)
    assert torch.allclose(marginal_kl(q, StandardNormal(1), z), expected, rtol=1e-5)


def test_mean_over_batches_is_near_the_exact_value_when_the_posteriors_agree():
    # all posteriors N(1, I) in 2 dimensions: q(z) is N(1, I), KL(q(z) || p(z)) = 2 * 1/2 = 1; 20 000 samples of
    # log q - log p = z - 1/2 a dimension, variance 2 in all: standard error 0.01
    q = DiagonalGaussian(torch.ones(100, 2), torch.zeros(100, 2))
    values = [marginal_kl(q, StandardNormal(2), sample(q, seed)).mean() for seed in range(200)]
    assert torch.stack(values).mean().item() == pytest.approx(1.0, abs=0.04)


def test_alpha_0_and_lambda_1_is_the_vae():
    q = posterior()
    t = make_terms(nll=torch.rand(8), posterior=q, z=sample(q))
    assert torch.equal(InfoKL(alpha=0, scaling=1).objective(t, clock()).loss, t.loss)


def test_alpha_and_lambda_of_sum_1_is_beta_vae():
    q = posterior()
    t = make_terms(nll=torch.rand(8), posterior=q, z=sample(q))
    loss = InfoKL(alpha=0.75, scaling=0.25).objective(t, clock()).loss
    assert loss.item() == pytest.approx((t.nll + 0.25 * t.kl.sum(-1)).mean().item(), rel=1e-6)


@pytest.mark.parametrize(("alpha", "scaling", "kl", "divergence"), [(0, 4, 1, 3), (1, 1, 0, 1), (-1, 5, 2, 3)])
def test_factors_under_a_kl_weight(alpha, scaling, kl, divergence):
    # KL 1 - alpha, divergence alpha + lambda - 1, and the weight on both
    q = posterior()
    t = make_terms(nll=torch.rand(8), posterior=q, z=sample(q), kl_weight=0.5)
    value = marginal_kl(q, StandardNormal(3), t.z)
    expected = (t.nll + 0.5 * (kl * t.kl.sum(-1) + divergence * value)).mean()
    assert InfoKL(alpha=alpha, scaling=scaling).objective(t, clock()).loss.item() == pytest.approx(expected.item())


def test_the_default_frees_the_information_and_nothing_else():
    q = posterior()
    t = make_terms(posterior=q, z=sample(q))
    new = InfoKL().objective(t, clock())
    assert new.kl.mean().item() == pytest.approx(
        sampled_kl(q, t.z).mean().item() - batch_information(q, t.z).item(), abs=1e-4
    )


def test_one_sentence_is_its_own_aggregate():
    q = posterior(n=1)
    z = sample(q)
    assert torch.allclose(marginal_kl(q, StandardNormal(3), z), sampled_kl(q, z), atol=1e-5)


def test_gradients_reach_means_and_variances():
    base = posterior()
    q = DiagonalGaussian(base.mean.requires_grad_(), base.logvar.requires_grad_())
    marginal_kl(q, StandardNormal(3), sample(q)).mean().backward()
    assert bool((base.mean.grad.abs().sum(1) > 0).all())
    assert bool((base.logvar.grad.abs().sum(1) > 0).all())


def test_it_composes_with_bn_and_a_kl_weight():
    method = make_method("bn+info_kl+linear_anneal")
    model = method.build(tiny_shape(), 0)
    assert torch.isfinite(method.objective(raw_terms(model, tiny_batch(6)), clock(5)).loss)


def test_pushing_away_from_the_prior_is_refused():
    with pytest.raises(UsageError, match=r"info_kl.*alpha \+ scaling must be at least 1"):
        make_method("info_kl", {"info_kl": {"alpha": 0.2, "scaling": 0.5}})

"""Laws of the density gap: the KL at subsets of one, convexity, and samples that are unbiased."""

import math
from itertools import pairwise

import pytest
import torch
from support import clock, make_terms, tiny_batch, tiny_shape

from vaecli.core.errors import UsageError
from vaecli.model.posterior import DiagonalGaussian, PointMass, gaussian_kl
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.dg import DG, density_gap, grouped_density_gap


def gaussians(n=6, latent_size=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, latent_size, generator=generator), torch.randn(n, latent_size, generator=generator)


def exact_gap(mean, logvar):
    """(Z,) the divergence by the rectangle rule on [-20, 20]."""
    z = torch.linspace(-20, 20, 40_001, dtype=torch.float64).view(-1, 1, 1)
    q = torch.distributions.Normal(mean.double(), (0.5 * logvar.double()).exp()).log_prob(z)
    log_q = torch.logsumexp(q, 1) - math.log(len(mean))
    log_p = torch.distributions.Normal(0.0, 1.0).log_prob(z.squeeze(1))
    return (log_q.exp() * (log_q - log_p)).sum(0) * 1e-3


def test_two_components_by_hand():
    # N(-3, 0.01) and N(3, 0.01) do not touch: the divergence is that of one less log 2:
    # (9 + 0.01 - log 0.01 - 1) / 2 - log 2 = 6.3075851 - 0.6931472 = 5.6144379. Deviation of a sample 0.77, of 80 000
    # samples 0.003
    torch.manual_seed(0)
    value = density_gap(torch.tensor([[-3.0], [3.0]]), torch.full((2, 1), math.log(0.01)), 40_000)
    assert value.item() == pytest.approx(5.6144379, abs=0.02)


def test_means_and_variances_in_bf16_have_the_gap_that_they_have_in_float32():
    # N(-2, e^-12) and N(2, e^-12): (4 + 12 - 1) / 2 - log 2 = 6.807; in bf16 numbers near 2 are 0.016 apart, six sigma
    mean, logvar = torch.tensor([[-2.0], [2.0]]), torch.full((2, 1), -12.0)
    values = []
    for dtype in (torch.float32, torch.bfloat16):
        torch.manual_seed(0)
        terms = make_terms(posterior=DiagonalGaussian(mean.to(dtype), logvar.to(dtype)))
        values.append(DG(samples=1000).objective(terms, clock()).kl.mean().item())
    assert values == pytest.approx([6.807] * 2, abs=0.1)


def published_gap(mean, logvar, noise):
    """Theirs: (n, M, Z) samples of every posterior, the mean density of the n posteriors at each, the mean over n M."""
    z = (mean.unsqueeze(1) + (0.5 * logvar).exp().unsqueeze(1) * noise).view(-1, mean.shape[1])
    normal = torch.distributions.Normal(mean.unsqueeze(1), (0.5 * logvar).exp().unsqueeze(1))
    log_q = normal.log_prob(z).exp().mean(0).log()
    return (log_q - torch.distributions.Normal(0.0, 1.0).log_prob(z)).mean(0)


def test_the_default_is_the_published_estimate_on_the_same_noise():
    mean, logvar = (t.double() for t in gaussians(32))
    torch.manual_seed(5)
    noise = torch.randn(3, 32, 32, dtype=torch.float64)  # 1,024 samples of the mixture in each dimension
    theirs = published_gap(mean, logvar, noise.permute(1, 2, 0).contiguous())
    torch.manual_seed(5)
    ours = grouped_density_gap(mean, logvar, DG().subset, DG().samples)
    assert torch.allclose(ours, theirs.expand_as(ours))


def test_samples_of_every_posterior_are_as_much_less_noisy():
    # one a posterior is 32 of a mixture of 32; 32 a posterior have 1 / sqrt(32) = 0.18 of its deviation
    torch.manual_seed(0)
    mean, logvar = gaussians(32)
    few, many = (torch.stack([density_gap(mean, logvar, n) for _ in range(300)]) for n in (1, 32))
    assert (many.std(0) / few.std(0)).mean().item() == pytest.approx(32**-0.5, rel=0.15)
    assert torch.allclose(few.mean(0), many.mean(0), atol=4 * float(few.std(0).max()) / 300**0.5)


def test_samples_are_unbiased_where_components_overlap():
    torch.manual_seed(0)
    mean, logvar = gaussians(5)
    value = torch.stack([density_gap(mean, logvar, 7) for _ in range(6000)])
    error = value.std(0) / 6000**0.5
    assert bool(((value.mean(0) - exact_gap(mean, logvar)).abs() < 4 * error).all())
    assert bool((error < 0.02).all())


def test_one_component_is_exact_and_draws_nothing():
    mean, logvar = gaussians(1)
    state = torch.random.get_rng_state()
    assert torch.equal(density_gap(mean, logvar, 32), gaussian_kl(mean, logvar).squeeze(0))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_subsets_of_one_are_the_vae():
    q = DiagonalGaussian(*gaussians())
    t = make_terms(nll=torch.rand(6), posterior=q)
    assert torch.equal(DG(subset=1).objective(t, clock()).loss, t.loss)


def test_equal_posteriors_gain_nothing_from_being_mixed():
    torch.manual_seed(0)
    mean, logvar = torch.full((4, 2), 0.7), torch.full((4, 2), -1.0)
    value = density_gap(mean, logvar, 20_000)
    assert torch.allclose(value, gaussian_kl(mean[0], logvar[0]), atol=0.03)


def test_a_collapsed_batch_has_no_gap_at_any_sample():
    assert torch.allclose(density_gap(torch.zeros(4, 3), torch.zeros(4, 3), 5), torch.zeros(3), atol=1e-5)


def test_larger_subsets_have_smaller_gaps():
    # convexity, on exact values: subsets of 1, 2, 4 and 8 of the same 8 posteriors
    mean, logvar = gaussians(8)
    gaps = [
        torch.stack([exact_gap(m, v) for m, v in zip(mean.split(n), logvar.split(n), strict=True)]).mean(0)
        for n in (1, 2, 4, 8)
    ]
    assert all(bool((small <= large).all()) for large, small in pairwise(gaps))
    assert torch.allclose(gaps[0].float(), gaussian_kl(mean, logvar).mean(0), atol=1e-4)


def test_posteriors_that_fill_the_prior_together_cost_little():
    # 32 narrow posteriors at the quantiles of N(0, 1): KL above 2 nats each, gap about 0
    torch.manual_seed(0)
    mean = torch.distributions.Normal(0.0, 1.0).icdf((torch.arange(32) + 0.5) / 32).unsqueeze(1)
    logvar = torch.full_like(mean, 2 * math.log(0.1))
    assert gaussian_kl(mean, logvar).mean() > 2
    assert density_gap(mean, logvar, 5000).item() == pytest.approx(0, abs=0.1)


def test_a_gap_is_shared_by_its_subset_and_the_last_may_be_smaller():
    mean, logvar = gaussians(5)
    gaps = grouped_density_gap(mean, logvar, 2, 8)
    assert gaps.shape == (5, 3)
    assert torch.equal(gaps[0], gaps[1])
    assert torch.equal(gaps[2], gaps[3])
    assert not torch.allclose(gaps[1], gaps[2])
    assert torch.equal(gaps[4], gaussian_kl(mean[4], logvar[4]))


def test_a_subset_beyond_the_batch_is_the_batch():
    mean, logvar = gaussians(5)
    gaps = grouped_density_gap(mean, logvar, 32, 8)
    assert all(torch.equal(gaps[0], row) for row in gaps)


def test_gradients_reach_means_and_variances_of_every_component():
    mean, logvar = (t.requires_grad_() for t in gaussians(4))
    density_gap(mean, logvar, 8).sum().backward()
    assert bool((mean.grad.abs() > 0).all())
    assert bool((logvar.grad.abs() > 0).all())


def test_it_composes_with_bn_and_a_kl_weight():
    method = make_method("bn+dg+linear_anneal", {"dg": {"subset": 3}})
    model = method.build(tiny_shape(), 0)
    assert torch.isfinite(method.objective(raw_terms(model, tiny_batch(7)), clock(5)).loss)


def test_other_posteriors_are_refused():
    t = make_terms(kl=torch.zeros(2, 2), posterior=PointMass(torch.zeros(2, 2)))
    with pytest.raises(UsageError, match=r"'dg' needs a diagonal Gaussian.*PointMass"):
        DG().objective(t, clock())


@pytest.mark.parametrize("field", ["subset", "samples"])
def test_sizes_of_zero_are_refused(field):
    with pytest.raises(UsageError, match=rf"dg\.{field}"):
        make_method("dg", {"dg": {field: 0}})

"""Laws of the split KL: it telescopes, the stratified estimator is unbiased, and constants carry no gradient."""

import math
from itertools import permutations

import pytest
import torch
from support import clock, make_terms

from vaecli.core.errors import UsageError
from vaecli.model.posterior import DiagonalGaussian, PointMass
from vaecli.model.prior import StandardNormal
from vaecli.remedies.beta_tc import BetaTC, decompose, gaussian_pairs, stratified_sampling, weighted_sampling

SAMPLINGS = {"weighted": weighted_sampling, "stratified": stratified_sampling}


def posterior(n=6, latent_size=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(n, latent_size, generator=generator)
    return DiagonalGaussian(mean, torch.randn(n, latent_size, generator=generator) * 0.5)


def sample(q, seed=1):
    noise = torch.randn(1, *q.mean.shape, generator=torch.Generator().manual_seed(seed))
    return q.sample(noise).squeeze(0)


def parts(q, z, sampling, population=100):
    prior = StandardNormal(q.mean.shape[1])
    return decompose(gaussian_pairs(q, z), prior.log_prob(z.double()), SAMPLINGS[sampling](len(z), population))


def test_pairs_are_the_densities_of_each_dimension():
    # entry (i, j, d): log N(z_id; mean_jd, var_jd)
    q = posterior()
    z = sample(q)
    pairs = gaussian_pairs(q, z)
    expected = torch.distributions.Normal(q.mean[4, 2], (0.5 * q.logvar[4, 2]).exp()).log_prob(z[1, 2])
    assert pairs[1, 4, 2].item() == pytest.approx(expected.item(), abs=1e-5)
    assert torch.allclose(pairs.sum(-1).float(), q.pairwise_log_prob(z), atol=1e-4)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_parts_sum_to_the_one_sample_kl(sampling):
    q = posterior()
    z = sample(q)
    total = sum(parts(q, z, sampling))
    expected = q.log_prob(z.unsqueeze(0)).squeeze(0) - StandardNormal(3).log_prob(z)
    assert torch.allclose(total.float(), expected, atol=1e-5)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_weights_of_one_give_the_one_sample_elbo(sampling):
    q = posterior()
    z = sample(q)
    terms = make_terms(posterior=q, z=z, nll=torch.arange(6.0))
    new = BetaTC(information=1, correlation=1, dimension=1, sampling=sampling).objective(terms, clock())
    expected = terms.nll + q.log_prob(z.unsqueeze(0)).squeeze(0) - StandardNormal(3).log_prob(z)
    assert new.kl.shape == (6, 1)
    assert new.loss.item() == pytest.approx(expected.mean().item(), abs=1e-4)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_one_dimension_has_no_total_correlation(sampling):
    q = posterior(latent_size=1)
    assert torch.allclose(parts(q, sample(q), sampling)[1], torch.zeros(6, dtype=torch.float64), atol=1e-9)


def test_weighted_sampling_by_hand():
    # N(0,1) and N(2,1) at z = 0: densities 1 and exp(-2) of the peak; B = 2, N = 10: log q = log((1 + exp(-2)) / 20)
    # + log peak, so I = log 20 - log(1 + exp(-2)) = 2.868804
    q = DiagonalGaussian(torch.tensor([[0.0], [2.0]]), torch.zeros(2, 1))
    information, _, dimension = parts(q, q.mean, "weighted", population=10)
    assert information.tolist() == pytest.approx([2.868804] * 2, abs=1e-5)
    # log q(z) - log p(z) at 0: -I + log peak - log peak; at 2: -I + 2
    assert dimension.tolist() == pytest.approx([-2.868804, -0.868804], abs=1e-5)


@pytest.mark.parametrize(("distance", "factor"), [(0.0, 10), (1e3, 2)])
def test_weighted_sampling_is_too_low_by_n_where_densities_are_alike_and_by_b_where_one_counts(distance, factor):
    """N = 10 sentences of which all are alike, so that q(z) is each one's density, or all apart: a tenth of its own."""
    q = DiagonalGaussian(distance * torch.arange(2.0).unsqueeze(1), torch.zeros(2, 1))
    information, _, _ = parts(q, q.mean, "weighted", population=10)
    truth = 0.0 if distance == 0 else math.log(10)
    assert information.tolist() == pytest.approx([truth + math.log(factor)] * 2, abs=1e-9)


@pytest.mark.parametrize(("size", "population"), [(2, 2), (4, 4), (4, 100), (64, 40_000)])
def test_stratified_weights(size, population):
    weights = stratified_sampling(size, population).exp()
    assert torch.allclose(weights.sum(1), torch.ones(size, dtype=torch.float64))
    assert torch.allclose(weights.diagonal(), torch.full((size,), 1 / population, dtype=torch.float64))
    # B = 4, N = 100: 1/100 own, (100 - 3) / 300 for the next, 1/3 for the others
    if (size, population) == (4, 100):
        assert weights[3].tolist() == pytest.approx([97 / 300, 1 / 3, 1 / 3, 1 / 100])


def test_stratified_sampling_is_unbiased():
    # q(z) of sentence 0 in a population of 5 against the mean over all ordered batches (0, i, j) of 3
    density = torch.tensor([0.9, 0.1, 0.5, 0.2, 0.7], dtype=torch.float64)
    row = stratified_sampling(3, 5).exp()[0]
    estimates = [(row * density[[0, i, j]]).sum() for i, j in permutations(range(1, 5), 2)]
    assert torch.stack(estimates).mean().item() == pytest.approx(density.mean().item())


def test_a_collapsed_posterior_has_all_parts_zero_when_stratified():
    q = DiagonalGaussian(torch.zeros(5, 3), torch.zeros(5, 3))
    for part in parts(q, sample(q), "stratified"):
        assert torch.allclose(part, torch.zeros(5, dtype=torch.float64), atol=1e-9)


def test_a_batch_of_one_is_its_own_aggregate():
    q = posterior(n=1)
    z = sample(q)
    information, _, _ = parts(q, z, "stratified")
    assert information.item() == pytest.approx(0, abs=1e-9)
    assert torch.isfinite(BetaTC().objective(make_terms(posterior=q, z=z), clock()).loss)


def test_gradients_do_not_depend_on_the_size_of_the_population():
    gradients = []
    for population in (10, 10_000):
        base = posterior()
        q = DiagonalGaussian(base.mean.requires_grad_(), base.logvar)
        terms = make_terms(posterior=q, z=sample(q), train_sentences=population)
        BetaTC(correlation=3.0).objective(terms, clock()).loss.backward()
        gradients.append(base.mean.grad)
    assert torch.allclose(*gradients, atol=1e-6)


@pytest.mark.parametrize(("a", "b", "c"), [(0.0, 1.0, 1.0), (1.0, 6.0, 1.0), (0.5, 0.0, 2.0)])
def test_weights_multiply_the_parts(a, b, c):
    q = posterior()
    z = sample(q)
    information, correlation, dimension = parts(q, z, "weighted")
    remedy = BetaTC(information=a, correlation=b, dimension=c)
    kl = remedy.objective(make_terms(posterior=q, z=z, kl_weight=0.5), clock()).kl.squeeze(1)
    assert torch.allclose(kl.double(), a * information + b * correlation + c * dimension, rtol=1e-4)


def test_the_kl_weight_multiplies_the_whole():
    q = posterior()
    terms = make_terms(posterior=q, z=sample(q), nll=torch.ones(6), kl_weight=0.25)
    new = BetaTC().objective(terms, clock())
    assert new.loss.item() == pytest.approx(1 + 0.25 * new.kl.mean().item(), rel=1e-5)


def test_information_is_free_by_default():
    # posteriors that are far apart on a grid of N(0,1) quantiles, against one posterior N(0,1) for all: the KL of the
    # first is log B and more, its penalty here (stratified, N = B) that of the aggregate only
    grid = torch.distributions.Normal(0.0, 1.0).icdf((torch.arange(64) + 0.5) / 64).unsqueeze(1)
    q = DiagonalGaussian(grid, torch.full_like(grid, 2 * math.log(0.05)))
    terms = make_terms(posterior=q, z=sample(q), train_sentences=64)
    penalty = BetaTC(sampling="stratified").objective(terms, clock()).kl.mean().item()
    assert terms.kl.mean().item() > 2
    assert abs(penalty) < 0.3


def test_a_posterior_without_densities_by_dimension_is_refused():
    with pytest.raises(UsageError, match=r"'beta_tc' needs a diagonal Gaussian.*PointMass"):
        gaussian_pairs(PointMass(torch.zeros(2, 2)), torch.zeros(2, 2))

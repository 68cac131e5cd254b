"""Laws of the tilted VAE: its normaliser, its floors, its samples, and a mean of |z| held against integration."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from remedies.figures import check_figures
from scipy import integrate, special, stats
from support import scoring, tiny_batch, tiny_model, tiny_split

from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.inference import wide_prior
from vaecli.model.tilted_normal import (
    SPACING,
    TiltedNormal,
    UnitGaussian,
    mean_norm,
    mean_norm_by_laplace,
    norm_table,
    tilted_radius,
)
from vaecli.objective import raw_terms


def committed_radius(tau, size):
    r = torch.linspace(0, 64, 64_001, dtype=torch.float64)
    return float(r[int((r**2 / 2 - tau * mean_norm(r, norm_table(size))).argmin())])


def kl_at(r, tau, size):
    mean = torch.zeros(1, size, dtype=torch.float64)
    mean[0, 0] = r
    return TiltedNormal(size, tau).kl_to(mean).item()


def test_without_a_tilt_it_is_the_standard_normal():
    prior = TiltedNormal(3, 0.0)
    assert prior.log_normaliser == pytest.approx(0, abs=1e-12)
    assert kl_at(1.5, 0.0, 3) == pytest.approx(1.5**2 / 2, abs=1e-9)
    noise = torch.randn(100, 3, dtype=torch.float64)
    torch.testing.assert_close(prior.sample(noise), noise, atol=1e-5, rtol=0)


def test_one_dimension_by_hand():
    # Z_1 = E exp(|z|) = 2 exp(1/2) Phi(1) = 2.774286, its log 1.020393; at the mean 0 E|z| = sqrt(2 / pi) = 0.797885
    assert tilted_radius(1.0, 1).log_total == pytest.approx(math.log(2 * math.exp(0.5) * stats.norm.cdf(1)), abs=1e-9)
    assert kl_at(0.0, 1.0, 1) == pytest.approx(1.0203934 - 0.7978846, abs=1e-6)


@pytest.mark.parametrize(
    ("size", "tau", "floor", "radius"),
    [(16, 3.0, 2.496, 0.0), (16, 5.0, 6.946, 3.00), (32, 5.0, 7.107, 0.0), (32, 8.0, 16.73, 5.68)],
)
def test_the_floor_and_where_it_lies(size, tau, floor, radius):
    assert committed_radius(tau, size) == pytest.approx(radius, abs=0.01)
    assert kl_at(radius, tau, size) == pytest.approx(floor, abs=5e-3)
    assert all(kl_at(r, tau, size) >= floor - 5e-3 for r in np.linspace(0, 12, 25))


@pytest.mark.parametrize(("tau", "size"), [(5.0, 16), (30.0, 8), (0.5, 2)])
def test_the_normaliser_is_that_of_hypergeometric_functions(tau, size):
    x = tau**2 / 2
    odd = tau * math.sqrt(2) * math.exp(math.lgamma((size + 1) / 2) - math.lgamma(size / 2))
    exact = special.hyp1f1(size / 2, 0.5, x) + odd * special.hyp1f1((size + 1) / 2, 1.5, x)
    assert tilted_radius(tau, size).log_total == pytest.approx(math.log(exact), abs=1e-9)


@pytest.mark.parametrize("r", [0.0, 0.3, 2.0, 9.7, 63.9, 200.0])
def test_the_mean_of_the_length_is_that_of_the_noncentral_chi_distribution(r):
    size = 6
    spread = stats.ncx2(size, max(r**2, 1e-12))
    low, high = (spread.ppf(p) for p in (1e-12, 1 - 1e-12))
    exact = integrate.quad(lambda s: math.sqrt(s) * spread.pdf(s), low, high, limit=500)[0]
    at = torch.tensor(r, dtype=torch.float64, requires_grad=True)
    length = mean_norm(at, norm_table(size))
    assert length.item() == pytest.approx(exact, abs=1e-5)
    length.backward()
    assert 0 <= at.grad.item() <= 1


@pytest.mark.parametrize("size", [100, 256])
def test_the_mean_of_the_length_lies_between_its_bounds_in_many_dimensions(size):
    values, slopes = norm_table(size).numpy()
    r = np.arange(len(values)) * SPACING
    assert (values >= np.sqrt(r**2 + size - 1)).all()
    assert (values <= np.sqrt(r**2 + size)).all()
    # a series that is not a number where r is near 10 was no table; the slopes come from another one
    np.testing.assert_allclose(np.diff(values) / SPACING, (slopes[1:] + slopes[:-1]) / 2, atol=1e-5)


@pytest.mark.parametrize("size", [1, 6, 64])
def test_the_mean_of_the_length_by_laplace_is_that_of_the_series(size):
    r = np.array([0.0, 0.3, 2.0, 9.7, 63.9])
    series = norm_table(size)[0].numpy()[np.round(r / SPACING).astype(int)]
    np.testing.assert_allclose(mean_norm_by_laplace(np.round(r / SPACING) * SPACING, size), series, rtol=1e-12)


def test_a_code_of_many_dimensions_has_a_finite_kl():
    # at Z = 128 and tau = 12 the least KL is near r = 10, where E|z| was infinite
    values = [kl_at(r, 12.0, 128) for r in np.linspace(8, 12, 9)]
    assert all(0 < value < 200 for value in values)


def test_the_kl_is_what_samples_say():
    prior, q = TiltedNormal(4, 3.0), UnitGaussian(torch.full((1, 4), 0.8).double(), torch.zeros(1, 4).double())
    z = q.sample(torch.randn(200_000, 1, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    ratio = (q.log_prob(z) - prior.log_prob(z)).flatten()
    assert q.kl(prior).item() == pytest.approx(ratio.mean().item(), abs=5 * ratio.std().item() / math.sqrt(200_000))


def test_a_refined_posterior_has_variance_1_still_and_the_kl_that_samples_say():
    hyper = {"semi_amortized": {"steps": 5, "rate": 0.3}}
    for gradient in ("unrolled", "first_order"):
        hyper["semi_amortized"]["gradient"] = gradient
        model = tiny_model("semi_amortized+tilted", hyper, init_range=1.0)
        terms = raw_terms(model, tiny_batch(4))
        q, prior = terms.context.posterior.map(lambda t: t.detach().double()), wide_prior(model)
        assert not torch.equal(q.mean, model.head(model.encode(tiny_batch(4))).mean.double())
        assert (q.logvar == 0).all()
        z = q.sample(torch.randn(40_000, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
        ratio = q.log_prob(z) - prior.log_prob(z)
        assert ((ratio.mean(0) - q.kl(prior)[:, 0]).abs() < 5 * ratio.std(0) / math.sqrt(40_000)).all()
        terms.loss.backward()
        assert model.head.mean.weight.grad.abs().sum() > 0


class Kept(dict):
    """Keeps the results of an evaluation."""

    read, write = dict.get, dict.__setitem__


def test_kept_results_leave_the_kl_of_a_refined_posterior_exact():
    model = tiny_model("semi_amortized+tilted", {"semi_amortized": {"steps": 2}}, init_range=1.0)
    plain = scoring(tiny_split(6))
    whole, kept = elbo_terms(model, plain), elbo_terms(model, replace(plain, keeper=Kept()))
    assert torch.equal(whole.kl, kept.kl)


def test_samples_of_the_prior_have_its_lengths():
    prior = TiltedNormal(16, 5.0)
    lengths = prior.sample(torch.randn(20_000, 16, generator=torch.Generator().manual_seed(0))).norm(dim=1).double()
    radial = tilted_radius(5.0, 16)
    distance = stats.kstest(lengths.numpy(), lambda x: np.interp(x, radial.edges, radial.below)).statistic
    assert distance < 1.95 / math.sqrt(20_000)  # the 0.1 % level


@pytest.mark.parametrize("tau", [0.0, 2.0, 6.0])
def test_figures_obey_the_laws(tau):
    check_figures(tiny_model("tilted", {"tilted": {"tau": tau}}, init_range=1.0))


def test_a_mean_of_0_has_a_finite_gradient():
    model = tiny_model("tilted")
    with torch.no_grad():
        model.head.mean.weight.zero_()
    raw_terms(model, tiny_batch(4)).kl.sum().backward()
    assert model.head.mean.weight.grad.isfinite().all()

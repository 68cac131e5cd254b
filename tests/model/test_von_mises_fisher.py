"""The von Mises-Fisher distribution against closed forms, integrals and its own samples."""

import math

import pytest
import torch
from scipy import integrate
from scipy.special import ive
from torch.distributions import VonMises

from vaecli.core.errors import UsageError
from vaecli.model.posterior import kl_divergence
from vaecli.model.prior import StandardNormal
from vaecli.model.von_mises_fisher import (
    WIDEST,
    Concentration,
    UniformSphere,
    VonMisesFisher,
    angle_table,
    angles,
    log_mean_exp,
    log_sphere_area,
    mean_cosine,
    vmf_kl,
)

GRID = torch.linspace(-WIDEST, WIDEST, 40_001, dtype=torch.float64)
PHI = torch.exp(-GRID.square() / 2) / math.sqrt(2 * math.pi) * (GRID[1] - GRID[0])


def posterior(size=5, kappa=4.0, sentences=3, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    mean = torch.nn.functional.normalize(torch.randn(sentences, size, generator=generator, dtype=dtype), dim=-1)
    return VonMisesFisher(mean * mean_cosine(kappa, size), Concentration(kappa, size, angle_table(kappa, size)))


def noise(samples, sentences, size, seed=1, dtype=torch.float64):
    return torch.randn(samples, sentences, size, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize(
    ("kappa", "size", "kl"),
    [
        *((13, 32, 2.1726), (16, 32, 3.0395), (20, 32, 4.2459), (23, 32, 5.1556), (25, 32, 5.7554), (30, 32, 7.2126)),
        *((50, 32, 12.2534), (100, 32, 20.759), (200, 32, 30.373), (35, 50, 7.743), (80, 50, 19.5152)),
    ],
)
def test_kl_against_published_settings(kappa, size, kl):
    assert vmf_kl(kappa, size) == pytest.approx(kl, abs=6e-4)


@pytest.mark.parametrize("kappa", [0.1, 1.0, 7.0, 80.0])
def test_closed_forms_on_the_ordinary_sphere(kappa):
    # Z = 3: S = sinh(kappa) / kappa, A = coth(kappa) - 1 / kappa; kappa = 1: 1.313035 - 1 + log(1 / 1.175201) = .151596
    cosine = 1 / math.tanh(kappa) - 1 / kappa
    log_s = kappa + math.log1p(-math.exp(-2 * kappa)) - math.log(2 * kappa)  # log(sinh(kappa) / kappa)
    assert log_mean_exp(kappa, 3) == pytest.approx(log_s, abs=1e-12)
    assert mean_cosine(kappa, 3) == pytest.approx(cosine, abs=1e-12)
    assert vmf_kl(kappa, 3) == pytest.approx(kappa * cosine - log_s, abs=1e-11)
    assert vmf_kl(1.0, 3) == pytest.approx(0.151596, abs=1e-6)


@pytest.mark.parametrize(("kappa", "size"), [(0.5, 2), (13.0, 32), (80.0, 50), (300.0, 512), (5000.0, 16)])
def test_mean_cosine_is_the_ratio_of_bessel_functions(kappa, size):
    assert mean_cosine(kappa, size) == pytest.approx(ive(size / 2, kappa) / ive(size / 2 - 1, kappa), rel=1e-10)


def test_kl_of_no_concentration_is_zero_and_it_rises_with_it():
    for size in (2, 32, 512):
        values = [vmf_kl(kappa, size) for kappa in (1e-3, 1.0, 13.0, 200.0, 1e4)]
        # for small kappa A = kappa / Z and log S = kappa^2 / 2Z: the KL is kappa^2 / 2Z
        assert values[0] == pytest.approx(1e-6 / (2 * size), rel=1e-4)
        assert values == sorted(values)
        assert all(math.isfinite(v) for v in values)


def test_area_by_hand():
    # circle 2 pi, sphere 4 pi
    assert log_sphere_area(2) == pytest.approx(math.log(2 * math.pi))
    assert log_sphere_area(3) == pytest.approx(math.log(4 * math.pi))


@pytest.mark.parametrize(("kappa", "size"), [(1e-3, 2), (2.0, 2), (13.0, 32), (50.0, 3), (80.0, 512), (1e4, 16)])
def test_quantiles_of_the_angle(kappa, size):
    table = angle_table(kappa, size)
    assert (table.diff() >= 0).all()
    # E over the noise, integrated on a grid: E[cos] = A, and E[cos^2] = 1 - (Z - 1) A / kappa from Bessel's recurrence
    cosine = angles(GRID, table).cos()
    mean = mean_cosine(kappa, size)
    assert float((cosine * PHI).sum()) == pytest.approx(mean, abs=1e-6)
    assert float((cosine.square() * PHI).sum()) == pytest.approx(1 - (size - 1) * mean / kappa, abs=1e-6)


def test_quantiles_against_an_integral():
    # Z = 5, kappa = 3: P(angle <= angle(u)) = Phi(u), far tails included
    table = angle_table(3.0, 5)

    def mass(low, high):
        return integrate.quad(lambda t: math.exp(3 * math.cos(t)) * math.sin(t) ** 3, low, high, epsabs=0)[0]

    total = mass(0, math.pi)
    for u in (-6.0, -2.0, 0.0, 1.5):
        angle = float(angles(torch.tensor(u, dtype=torch.float64), table))
        assert mass(0, angle) / total == pytest.approx(0.5 * math.erfc(-u / math.sqrt(2)), rel=1e-5)


def test_noise_beyond_the_table_is_its_end():
    table = angle_table(3.0, 5)
    far = angles(torch.tensor([-50.0, 50.0]), table)
    assert far.tolist() == pytest.approx([table[0].item(), table[-1].item()])


@pytest.mark.parametrize(("size", "dtype"), [(2, torch.float64), (5, torch.float32), (512, torch.float64)])
def test_samples_have_length_one_and_the_mean(size, dtype):
    q = posterior(size, 20.0, 2, dtype=dtype)
    z = q.sample(noise(4000, 2, q.noise_size, dtype=dtype))
    assert z.dtype == dtype
    assert z.shape == (4000, 2, size)
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(4000, 2, dtype=dtype), atol=1e-5, rtol=0)
    # each coordinate has variance below 1, the mean of 4000 a standard error below 0.016
    assert (z.mean(0) - q.mean).abs().max() < 5 * 0.016
    assert (z.mean(0) * q.direction).sum(-1).tolist() == pytest.approx([mean_cosine(20.0, size)] * 2, abs=0.03)


def test_the_tangent_is_uniform():
    # around mu = e_1 the other coordinates are exchangeable and centred: covariance (1 - E[w^2]) / (Z - 1) I
    q = VonMisesFisher(torch.tensor([[1.0, 0, 0, 0]], dtype=torch.float64), Concentration(4.0, 4, angle_table(4.0, 4)))
    z = q.sample(noise(20_000, 1, 5))[:, 0, 1:]
    expected = 3 * mean_cosine(4.0, 4) / 4.0 / 3 * torch.eye(3, dtype=torch.float64)
    assert (z.T @ z / 20_000 - expected).abs().max() < 0.01


def test_density_integrates_to_one_and_agrees_with_torch_on_the_circle():
    q = posterior(2, 3.0, 1)
    angle = torch.linspace(-math.pi, math.pi, 2001, dtype=torch.float64)[:-1]
    z = torch.stack([angle.cos(), angle.sin()], -1).unsqueeze(1)
    density = q.log_prob(z)[:, 0]
    assert float(density.exp().sum() * 2 * math.pi / 2000) == pytest.approx(1, abs=1e-10)
    centre = torch.atan2(q.direction[0, 1], q.direction[0, 0])
    torch.testing.assert_close(density, VonMises(centre, 3.0).log_prob(angle), atol=1e-6, rtol=1e-5)


def test_kl_is_the_mean_log_ratio_of_its_samples():
    q, prior = posterior(6, 8.0, 1), UniformSphere(6)
    exact = kl_divergence(q, prior, q.mean)
    assert exact.shape == (1, 1)
    z = q.sample(noise(20_000, 1, 7))
    ratios = (q.log_prob(z) - prior.log_prob(z))[:, 0]
    assert abs(float(ratios.mean() - exact)) < 5 * float(ratios.std()) / 20_000**0.5


def test_pairwise_log_prob_agrees_with_a_loop():
    q = posterior()
    z = posterior(sentences=4, seed=2).direction
    table = q.pairwise_log_prob(z)
    assert table.shape == (4, 3)
    for m in range(4):
        torch.testing.assert_close(table[m], q.log_prob(z[m].expand(1, 3, 5))[0])


def test_gradients_reach_the_direction_and_keep_its_length():
    mean = posterior().mean.requires_grad_()
    q = VonMisesFisher(mean, posterior().concentration)
    weights = noise(7, 3, 5, seed=3)
    (q.sample(noise(7, 3, 6)) * weights).sum().backward()
    assert (mean.grad.abs() > 0).any()
    torch.testing.assert_close((mean.grad * mean).sum(-1), torch.zeros(3, dtype=torch.float64), atol=1e-10, rtol=0)


def test_map_and_cat_keep_the_concentration():
    q = posterior(dtype=torch.float32)
    wide = q.map(torch.Tensor.double)
    torch.testing.assert_close(wide.direction.norm(dim=-1), torch.ones(3, dtype=torch.float64), atol=1e-14, rtol=0)
    whole = VonMisesFisher.cat([q.map(lambda t: t[:1]), q.map(lambda t: t[1:])])
    assert torch.equal(whole.mean, q.mean)
    assert whole.concentration is q.concentration


def test_the_prior_is_uniform():
    prior = UniformSphere(3)
    z = prior.sample(noise(1, 20_000, 3)[0])
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(20_000, dtype=torch.float64))
    assert z.mean(0).abs().max() < 0.02
    # a coordinate of the ordinary sphere is uniform on [-1, 1]: variance 1 / 3
    assert z.var(0).tolist() == pytest.approx([1 / 3] * 3, abs=0.01)
    assert prior.log_prob(z)[0].item() == pytest.approx(-math.log(4 * math.pi))


def test_what_has_no_meaning_is_refused():
    with pytest.raises(UsageError, match=r"latent_size is 1; make it 2"):
        UniformSphere(1)
    with pytest.raises(UsageError, match=r"no KL to the prior StandardNormal"):
        posterior().kl(StandardNormal(5))

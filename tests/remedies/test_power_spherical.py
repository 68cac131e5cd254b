"""Laws of the power spherical VAE: its KL in closed form, its Beta cosine, and figures in the sphere's own measure."""

import math

import numpy as np
import pytest
import torch
from remedies.figures import check_figures
from scipy import stats
from support import tiny_batch, tiny_model

from vaecli.core.errors import UsageError
from vaecli.model.spherical_power import beta_parameters, power_angle_table, power_kl, power_mean_cosine
from vaecli.model.von_mises_fisher import WIDEST
from vaecli.objective import raw_terms
from vaecli.remedies import make_method


def test_kl_on_the_sphere_of_three_dimensions_by_hand():
    # a = 2, b = 1: N = 8 pi Gamma(2) / Gamma(3) = 4 pi, the area, and psi(2) - psi(3) = -1/2: KL = log 2 - 1/2
    assert power_kl(1.0, 3) == pytest.approx(math.log(2) - 0.5, abs=1e-14)


@pytest.mark.parametrize(("kappa", "value"), [(13.0, 1.466), (20.0, 2.669), (50.0, 7.605)])
def test_kl_at_32_dimensions(kappa, value):
    assert power_kl(kappa, 32) == pytest.approx(value, abs=5e-4)


@pytest.mark.parametrize(("kappa", "size"), [(0.5, 2), (5.0, 3), (20.0, 16), (200.0, 32)])
def test_the_density_integrates_to_1_and_gives_the_kl(kappa, size):
    # over the angle: area of the sphere in one dimension less times sin^(Z - 2)
    angle, width = np.linspace(0, np.pi, 400_001)[:-1] + np.pi / 800_000, np.pi / 400_000
    a, b = beta_parameters(kappa, size)
    log_n = (a + b) * math.log(2) + b * math.log(math.pi) + math.lgamma(a) - math.lgamma(a + b)
    log_ring = math.log(2) + (size - 1) / 2 * math.log(math.pi) - math.lgamma((size - 1) / 2)
    log_q = kappa * np.log1p(np.cos(angle)) - log_n
    mass = np.exp(log_q + log_ring + (size - 2) * np.log(np.sin(angle))) * width
    log_area = math.log(2) + size / 2 * math.log(math.pi) - math.lgamma(size / 2)
    assert mass.sum() == pytest.approx(1, abs=1e-5)
    assert (mass * (log_q + log_area)).sum() == pytest.approx(power_kl(kappa, size), abs=1e-5)
    assert (mass * np.cos(angle)).sum() == pytest.approx(power_mean_cosine(kappa, size), abs=1e-5)


@pytest.mark.parametrize(("kappa", "size"), [(1.0, 2), (13.0, 4), (50.0, 32)])
def test_the_table_is_the_quantile_function_of_the_beta_distribution(kappa, size):
    table = power_angle_table(kappa, size).numpy()
    noise = np.linspace(-WIDEST, WIDEST, len(table))
    half = (1 + np.cos(table)) / 2
    middle = np.abs(noise) < 3
    expected = stats.beta(*beta_parameters(kappa, size)).sf(half[middle])
    assert expected == pytest.approx(stats.norm.cdf(noise[middle]), abs=1e-9)
    assert (np.diff(table) >= 0).all()


def test_samples_lie_on_the_sphere_with_the_mean_that_it_says():
    model = tiny_model("power_spherical", {"power_spherical": {"kappa": 10.0}}, init_range=1.0)
    q = model.posterior(tiny_batch(5))
    z = q.sample(torch.randn(20_000, 5, q.noise_size, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(20_000, 5))
    assert (z.mean(0) - q.mean).abs().max() < 5 * 0.5 / math.sqrt(20_000)
    assert (q.log_prob(z) - q.pairwise_log_prob(z[:, 0])[:, :1].expand(-1, 5)).isfinite().all()


def test_kl_is_one_constant_without_a_gradient():
    terms = raw_terms(tiny_model("power_spherical", latent_size=32), tiny_batch(8))
    assert terms.kl.flatten().tolist() == pytest.approx([2.669] * 8, abs=5e-4)
    assert not terms.kl.requires_grad


@pytest.mark.parametrize("kappa", [1.0, 20.0, 500.0])
def test_figures_obey_the_laws(kappa):
    values = check_figures(tiny_model("power_spherical", {"power_spherical": {"kappa": kappa}}, init_range=1.0))
    assert values["kl"] == pytest.approx(power_kl(kappa, 4))
    assert values["mi"] + values["marginal_kl"] == pytest.approx(values["kl"], abs=0.8)


def test_what_needs_a_kl_to_shape_is_refused_and_one_dimension_too():
    for other in ("free_bits", "bn", "vmf"):
        with pytest.raises(UsageError, match="can't be composed"):
            make_method(f"power_spherical+{other}")
    with pytest.raises(UsageError, match=r"'power_spherical' needs a sphere: model.latent_size is 1"):
        tiny_model("power_spherical", latent_size=1)

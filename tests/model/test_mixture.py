"""The mixture prior against torch's, by hand, and against its own samples."""

import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from vaecli.model.mixture import MixtureOfGaussians
from vaecli.model.prior import StandardNormal


def mixture(size=3, components=4, seed=0):
    torch.manual_seed(seed)
    prior = MixtureOfGaussians(size, components).double()
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.normal_()
    return prior


def torch_form(prior):
    parts = Independent(Normal(prior.mean, (prior.logvar / 2).exp()), 1)
    return MixtureSameFamily(Categorical(logits=prior.logits), parts)


def noise(*shape, seed=1, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def set_to(prior, mean, logvar, weights):
    with torch.no_grad():
        prior.mean.copy_(torch.tensor(mean))
        prior.logvar.copy_(torch.tensor(logvar))
        prior.logits.copy_(torch.tensor(weights).log())
    return prior


def test_log_prob_by_hand():
    # 3/4 N(0; 1, 1) + 1/4 N(0; -2, 4) = .75 x .241971 + .25 x .5 x .241971 = .211724; its log is -1.552470
    prior = set_to(MixtureOfGaussians(1, 2), [[1.0], [-2.0]], [[0.0], [math.log(4)]], [0.75, 0.25])
    assert prior.log_prob(torch.zeros(1)).item() == pytest.approx(-1.552470, abs=1e-5)


def test_log_prob_agrees_with_torch():
    prior, z = mixture(), noise(5, 6, 3)
    torch.testing.assert_close(prior.log_prob(z), torch_form(prior).log_prob(z))


def test_gradients_agree_with_torch():
    prior, z = mixture(), noise(6, 3)
    mine = torch.autograd.grad(prior.log_prob(z).sum(), list(prior.parameters()))
    theirs = torch.autograd.grad(torch_form(prior).log_prob(z).sum(), list(prior.parameters()))
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_wide_codes_are_scored_widely():
    prior, z = MixtureOfGaussians(3, 4), noise(6, 3)
    assert prior.log_prob(z).dtype == torch.float64
    torch.testing.assert_close(prior.log_prob(z), prior.double().log_prob(z), atol=1e-6, rtol=0)


def test_products_are_not_rounded_under_autocast():
    prior, z = MixtureOfGaussians(3, 4), 30 + noise(6, 3, dtype=torch.float32)
    exact = prior.log_prob(z)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(prior.log_prob(z), exact)


def test_a_component_narrower_than_rounding_keeps_its_digits():
    prior = MixtureOfGaussians(1, 2).double().requires_grad_(False)
    set_to(prior, [[3.0], [0.0]], [[-50.0], [0.0]], [0.5, 0.5])
    z = 3 + math.exp(-25) * torch.tensor([[[0.0], [1.0]]], dtype=torch.float64)
    # the other component adds nothing: log(1/2) + 25 - log(2 pi) / 2 - d^2 / 2
    expected = math.log(0.5) + 25 - 0.5 * math.log(2 * math.pi) - 0.5 * ((z - 3) * math.exp(25)).square().squeeze(-1)
    torch.testing.assert_close(prior.log_prob(z), expected)


def test_density_integrates_to_one():
    prior = mixture(1, 3)
    z = torch.linspace(-30, 30, 60_001, dtype=torch.float64).unsqueeze(1)
    assert prior.log_prob(z).exp().sum().item() * 0.001 == pytest.approx(1, abs=1e-6)


def test_samples_by_hand():
    # weights 1/4, 3/4: the first component below the noise whose normal probability is 1/4, -0.6745
    prior = set_to(MixtureOfGaussians(1, 2), [[10.0], [20.0]], [[0.0], [math.log(4)]], [0.25, 0.75])
    z = prior.sample(torch.tensor([[-0.68, 0.5], [-0.67, 0.5], [9.0, -1.0], [-9.0, 0.0]]))
    assert z.flatten().tolist() == pytest.approx([10.5, 21.0, 18.0, 10.0])


def test_moments_of_samples():
    prior = mixture(2, 3)
    z = prior.sample(noise(40_000, prior.noise_size))
    form = torch_form(prior)
    error = (form.variance / 40_000).sqrt()
    assert ((z.mean(0) - form.mean).abs() < 5 * error).all()
    torch.testing.assert_close(z.var(0), form.variance, rtol=0.1, atol=0)


def test_samples_follow_their_log_prob():
    # E_p[q(z) / p(z)] = 1 for any density q inside p's support, here a narrow N(0, 1/4)
    prior = mixture(2, 3)
    z = prior.sample(noise(40_000, 3))
    ratio = (Normal(0.0, 0.5).log_prob(z).sum(-1) - prior.log_prob(z)).exp()
    assert abs(ratio.mean().item() - 1) < 5 * ratio.std().item() / 200


def test_a_fresh_mixture_has_unit_variance_and_distinct_components():
    torch.manual_seed(0)
    prior = MixtureOfGaussians(20, 200)
    mean, variance = prior.mean.detach(), prior.logvar.detach().exp()
    assert mean.mean().item() == pytest.approx(0, abs=0.04)
    assert (variance.mean() + mean.var()).item() == pytest.approx(1, abs=0.02)
    assert len(mean.unique(dim=0)) == 200
    torch.testing.assert_close(prior.logits.softmax(0), torch.full((200,), 1 / 200))


def test_one_fresh_component_is_the_standard_normal():
    prior, z = MixtureOfGaussians(3, 1).double(), noise(6, 4)
    torch.testing.assert_close(prior.log_prob(z[:, 1:]), StandardNormal(3).log_prob(z[:, 1:]))
    assert torch.equal(prior.sample(z), z[:, 1:])

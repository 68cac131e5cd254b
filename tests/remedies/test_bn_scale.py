"""Laws of the shared scale: q(z) has mean 0 and variance 1 per dimension by construction."""

import math

import pytest
import torch
from support import tiny_batch, tiny_model

from vaecli.model.encoder import Encoding
from vaecli.objective import raw_terms
from vaecli.remedies.bn_scale import ScaledHead, scales

THETA = torch.tensor([-5.0, -0.3, 0.0, 1.2, 8.0])


def kl_floor(tau, latent_size):
    """``(Z / 2) log(1 / (1 - tau))``, the least mean KL in nats per sentence for any theta.

    From ``E[mean_hat^2] + E[s_hat^2] = 1`` the mean KL is ``-sum_i E[log s_hat_i^2] / 2``, and by Jensen's inequality
    ``E[log s_hat_i^2] <= log g_s^2 <= log(1 - tau)``.
    """
    return latent_size / 2 * math.log(1 / (1 - tau))


def test_scales_by_hand():
    # theta = 0, tau = 0.5: sqrt(0.5 + 0.25) and sqrt(0.25); theta = log 3, tau = 0: sigmoid 3/4, sqrt(3/4) and 1/2
    assert [s.item() for s in scales(torch.zeros(1), 0.5)] == pytest.approx([math.sqrt(0.75), 0.5])
    assert [s.item() for s in scales(torch.tensor([math.log(3)]), 0.0)] == pytest.approx([math.sqrt(0.75), 0.5])


@pytest.mark.parametrize("tau", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_squares_sum_to_one(tau):
    mean_scale, deviation_scale = scales(THETA, tau)
    assert torch.allclose(mean_scale.square() + deviation_scale.square(), torch.ones(5))


def test_ends():
    assert torch.equal(scales(THETA, 1.0)[1], torch.zeros(5))
    assert scales(torch.tensor([-200.0]), 0.0)[0].item() == pytest.approx(0, abs=1e-6)


def test_theta_moves_the_scales_apart():
    mean_scale, deviation_scale = scales(THETA, 0.5)
    assert bool((mean_scale.diff() > 0).all())
    assert bool((deviation_scale.diff() < 0).all())


@pytest.mark.parametrize(("tau", "floor"), [(0.5, 11.0904), (0.0, 0.0), (0.75, 22.1807)])
def test_floor_by_hand(tau, floor):
    # 32 dimensions: 16 log(1 / (1 - tau)): 16 * 0.693147, 0, 16 * 1.386294
    assert kl_floor(tau, 32) == pytest.approx(floor, abs=1e-4)


def head(theta=None, tau=0.5, latent_size=4):
    torch.manual_seed(0)
    h = ScaledHead(6, latent_size, tau, 1e-8)
    if theta is not None:
        with torch.no_grad():
            h.theta.copy_(theta)
    return h


def encoding(n=32, seed=1):
    features = torch.randn(n, 6, generator=torch.Generator().manual_seed(seed))
    return Encoding(features, features.unsqueeze(1), torch.ones(n, dtype=torch.int64))


@pytest.mark.parametrize("theta", [torch.zeros(4), torch.tensor([-3.0, -0.5, 0.5, 4.0])])
def test_second_moments_of_a_training_batch(theta):
    # E[BN(s)^2] = 1 needs the mean of s removed: E[s_hat^2] = g_s^2, and with the mean's g_m^2 they make 1
    q = head(theta)(encoding())
    mean_scale, deviation_scale = scales(theta, 0.5)
    assert torch.allclose(q.mean.mean(0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(q.mean.square().mean(0), mean_scale.square(), atol=1e-4)
    assert torch.allclose(q.logvar.exp().mean(0), deviation_scale.square(), atol=1e-4)
    assert torch.allclose(q.mean.square().mean(0) + q.logvar.exp().mean(0), torch.ones(4), atol=1e-4)


@pytest.mark.parametrize("theta", [torch.full((4,), -10.0), torch.zeros(4), torch.full((4,), 3.0)])
def test_mean_kl_is_above_the_floor_and_equals_half_the_log_precision(theta):
    q = head(theta)(encoding())
    kl = (0.5 * (q.mean.square() + q.logvar.exp() - q.logvar - 1)).sum(-1).mean()
    assert kl.item() == pytest.approx(-0.5 * q.logvar.sum(-1).mean().item(), abs=1e-3)
    assert kl >= kl_floor(0.5, 4)


def test_a_deviation_of_zero_stays_finite():
    # s = -1, 0, 1 has mean 0, so the middle sentence's s_hat is exactly 0: logvar log 1e-8
    h = ScaledHead(1, 1, 0.5, 1e-8)
    with torch.no_grad():
        h.mean.weight.fill_(1.0)
        h.deviation.weight.fill_(1.0)
    features = torch.tensor([[-1.0], [0.0], [1.0]])
    q = h(Encoding(features, features.unsqueeze(1), torch.ones(3, dtype=torch.int64)))
    assert q.logvar[1].item() == pytest.approx(math.log(1e-8))
    (q.sample(torch.ones(1, 3, 1)).sum() + q.logvar.sum()).backward()
    assert all(bool(p.grad.isfinite().all()) for p in h.parameters())


def test_one_theta_is_trained_for_both():
    model = tiny_model("bn_scale")
    names = [n for n, _ in model.named_parameters() if n.startswith("head.")]
    assert sorted(names) == ["head.deviation.weight", "head.mean.weight", "head.theta"]
    torch.manual_seed(0)
    raw_terms(model, tiny_batch(8)).loss.backward()
    assert bool((model.head.theta.grad != 0).all())


def test_the_mean_starts_as_in_vanilla():
    model, vanilla = tiny_model("bn_scale", seed=2), tiny_model("vanilla", seed=2)
    assert torch.equal(model.head.mean.weight, vanilla.head.mean.weight)
    assert torch.equal(model.head.theta, torch.zeros(4))

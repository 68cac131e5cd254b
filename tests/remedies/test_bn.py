"""Laws of batch-normalised means: the floor of the KL, and that nothing trained can lower it."""

import pytest
import torch
from pydantic import ValidationError
from support import tiny_batch, tiny_model

from vaecli.core.errors import UsageError
from vaecli.model.encoder import Encoding
from vaecli.model.posterior import DiagonalGaussian, PointMass, PosteriorHead, gaussian_kl
from vaecli.objective import raw_terms
from vaecli.remedies.bn import BN, BatchNormHead


def kl_floor(gamma, latent_size):
    """``Z gamma^2 / 2``, the least mean KL in nats per sentence at b = 0 and eps = 0."""
    return latent_size * gamma**2 / 2


def batch_kl_floor(gamma, variance, eps, shift):
    """() the exact floor ``sum_i (gamma^2 v_i / (v_i + eps) + b_i^2) / 2`` of the mean KL over N sentences.

    `variance` is the (Z,) biased variance of the unnormalised mean over them, `shift` the (Z,) b.
    """
    return 0.5 * (gamma**2 * variance / (variance + eps) + shift.square()).sum()


class Given(PosteriorHead):
    """Features as the mean, with a given logvar."""

    def __init__(self, logvar=0.0):
        super().__init__()
        self.logvar = logvar

    def forward(self, encoding):
        return DiagonalGaussian(encoding.features, torch.full_like(encoding.features, self.logvar))


def encoding(features):
    return Encoding(features, features.unsqueeze(1), torch.ones(len(features), dtype=torch.int64))


def head(gamma=0.6, eps=1e-5, latent_size=3, logvar=0.0):
    return BatchNormHead(Given(logvar), latent_size, gamma, eps)


def features(seed=0, n=16, latent_size=3):
    return torch.randn(n, latent_size, generator=torch.Generator().manual_seed(seed)) * 0.1 + 2


@pytest.mark.parametrize(
    ("gamma", "floor"), [(0.3, 1.44), (0.4, 2.56), (0.5, 4.0), (0.6, 5.76), (0.7, 7.84), (1.2, 23.04), (1.8, 51.84)]
)
def test_floor_by_hand(gamma, floor):
    # 32 dimensions: 16 gamma^2
    assert kl_floor(gamma, 32) == pytest.approx(floor)


def test_mean_by_hand():
    # means 1, 3: m = 2, biased v = 1, eps = 0.44: sqrt(1.44) = 1.2; gamma 0.6: -+ 0.6 / 1.2 = -+ 0.5; b = 0.25
    h = head(0.6, 0.44, 1)
    with torch.no_grad():
        h.shift.fill_(0.25)
    q = h(encoding(torch.tensor([[1.0], [3.0]])))
    assert q.mean.flatten().tolist() == pytest.approx([-0.25, 0.75])


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_batch_moments_in_training(scale):
    h, x = head(0.6, 1e-5), features() * scale
    with torch.no_grad():
        h.shift.copy_(torch.tensor([0.5, -2.0, 0.0]))
    mean, v = h(encoding(x)).mean, x.var(0, correction=0)
    assert torch.allclose(mean.mean(0), h.shift, atol=1e-4)
    assert torch.allclose(mean.var(0, correction=0), 0.36 * v / (v + 1e-5), atol=1e-4)


def test_logvar_is_untouched():
    assert torch.equal(head(logvar=-1.5)(encoding(features())).logvar, torch.full((16, 3), -1.5))


@pytest.mark.parametrize("logvar", [-2.0, 0.0, 1.0])
def test_mean_kl_is_above_the_exact_floor(logvar):
    h, x = head(logvar=logvar), features()
    with torch.no_grad():
        h.shift.copy_(torch.tensor([0.5, -2.0, 0.0]))
    q = h(encoding(x))
    kl = gaussian_kl(q.mean, q.logvar).sum(-1).mean()
    floor = batch_kl_floor(0.6, x.var(0, correction=0), 1e-5, h.shift)
    if logvar == 0:  # sigma^2 - log sigma^2 - 1 = 0: the floor is reached
        assert kl.item() == pytest.approx(floor.item(), rel=1e-4)
    else:
        assert kl > floor + 0.1


def test_exact_floor_tends_to_the_plain_one():
    # v / (v + 0) = 1 and b = 0: Z gamma^2 / 2
    floor = batch_kl_floor(0.6, torch.full((32,), 0.3), 0.0, torch.zeros(32))
    assert floor.item() == pytest.approx(kl_floor(0.6, 32))


def test_the_default_eps_keeps_the_floor_when_the_encoder_shrinks_its_mean():
    # spread 1e-4: v = 1e-8, so v / (v + eps) is 0.001 at the published eps of 1e-5 and the floor is gone
    x = features(n=64) - 2
    x = x / x.std(0, correction=0) * 1e-4
    for eps, share in ((BN().eps, 1.0), (1e-5, 1e-3)):
        q = head(eps=eps)(encoding(x))
        kl = gaussian_kl(q.mean, q.logvar).sum(-1).mean().item()
        assert kl == pytest.approx(share * kl_floor(0.6, 3), rel=0.01)


def test_affine_maps_of_the_mean_change_nothing():
    h, x = head(eps=1e-12), features()
    assert torch.allclose(h(encoding(x)).mean, h(encoding(7 * x - 3)).mean, atol=1e-4)


def test_only_the_shift_is_learned_and_it_starts_at_zero():
    model, vanilla = tiny_model("bn"), tiny_model("vanilla")
    names = {n.replace("wrapped.", "") for n, _ in model.named_parameters()}
    assert names - {n for n, _ in vanilla.named_parameters()} == {"head.shift"}
    assert torch.equal(model.head.shift, torch.zeros(4))


def test_what_vanilla_has_too_starts_equal():
    model, vanilla = tiny_model("bn", seed=3), dict(tiny_model("vanilla", seed=3).named_parameters())
    for name, value in model.named_parameters():
        if name != "head.shift":
            assert torch.equal(value, vanilla[name.replace("wrapped.", "")])


def test_training_cannot_lower_the_floor():
    # 100 steps that minimise the KL alone end at the floor for b = 0, not below
    model, batch = tiny_model("bn", {"bn": {"eps": 1e-12}}), tiny_batch(8)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    with torch.no_grad():
        model.head.shift.fill_(1.0)
    for _ in range(100):
        optimiser.zero_grad()
        kl = raw_terms(model, batch).kl.sum(-1).mean()
        kl.backward()
        optimiser.step()
    assert kl.item() >= kl_floor(0.6, 4) - 1e-3
    assert kl.item() == pytest.approx(kl_floor(0.6, 4), abs=0.05)


def test_a_small_gamma_lowers_the_floor():
    model = tiny_model("bn", {"bn": {"gamma": 1e-3}})
    assert model.posterior(tiny_batch(8)).mean.square().mean().sqrt() <= 1e-3 + 1e-6


def test_another_posterior_is_refused_by_name():
    class Point(PosteriorHead):
        def forward(self, encoding):
            return PointMass(encoding.features)

    with pytest.raises(UsageError, match=r"'bn' needs a diagonal Gaussian.*PointMass"):
        BatchNormHead(Point(), 3, 0.6, 1e-5)(encoding(features()))


@pytest.mark.parametrize("gamma", [0.0, -0.5])
def test_gamma_is_above_zero(gamma):
    with pytest.raises(ValidationError):
        BN(gamma=gamma)

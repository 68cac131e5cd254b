"""Laws of the committed rate: a KL of delta in every dimension by construction, for any encoder."""

import math

import pytest
import torch
from pydantic import ValidationError
from remedies.figures import check_figures
from support import tiny_batch, tiny_model

from vaecli.core.errors import UsageError
from vaecli.model.encoder import Encoding
from vaecli.model.posterior import PointMass, PosteriorHead, gaussian_kl
from vaecli.objective import raw_terms
from vaecli.remedies.delta import ROOT_EPS, Delta, DeltaHead, committed, sigma_bounds

HEAD_OUTPUTS = torch.randn(2, 500, 4, generator=torch.Generator().manual_seed(0)) * 3


@pytest.mark.parametrize(
    ("delta", "lower", "upper"),
    [(0.1, 0.70231, 1.33126), (0.15, 0.64118, 1.40934), (0.2, 0.59153, 1.47606), (0.25, 0.54928, 1.53547)],
)
def test_bounds_of_sigma_by_hand(delta, lower, upper):
    # 0.15: log 0.64118^2 - 0.64118^2 + 1.3 = -0.88889 - 0.41111 + 1.3 = 0; 0.68624 - 1.98624 + 1.3 = 0 at 1.40934
    assert sigma_bounds(delta) == pytest.approx((lower, upper), abs=5e-6)


@pytest.mark.parametrize("delta", [1e-4, 0.01, 0.15, 1.0, 10.0])
def test_bounds_are_roots_on_both_sides_of_one(delta):
    lower, upper = sigma_bounds(delta)
    assert lower < 1 < upper
    for s in (lower, upper):  # a mean of 0 there has the KL delta
        assert 0.5 * (s * s - 2 * math.log(s) - 1) == pytest.approx(delta, rel=1e-9)


def test_mean_by_hand():
    # a = 0: sigma = (0.64118 + 1.40934) / 2 = 1.02526, sigma^2 = 1.05116, log 0.04989; m = 2.7:
    # mean^2 = 1.3 + 0.04989 - 1.05116 + 2.7 = 2.99873; m = -5: 0.29873
    q = committed(torch.tensor([[2.7, -5.0]]), torch.zeros(1, 2), 0.15)
    assert q.logvar.tolist() == [pytest.approx([0.04989, 0.04989], abs=2e-5)]
    assert q.mean.tolist() == [pytest.approx([math.sqrt(2.99873), math.sqrt(0.29873)], abs=2e-5)]


@pytest.mark.parametrize("delta", [0.01, 0.15, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kl_is_delta_and_half_of_what_the_mean_head_adds(delta, dtype):
    m, a = HEAD_OUTPUTS.to(dtype)
    q = committed(m, a, delta)
    kl = gaussian_kl(q.mean, q.logvar)
    expected = delta + (m.clamp(min=0) + ROOT_EPS) / 2
    torch.testing.assert_close(kl, expected, atol=1e-6, rtol=1e-5)
    assert kl.min() >= delta - (1e-12 if dtype == torch.float64 else 5e-7)
    sigma, (lower, upper) = (q.logvar / 2).exp(), sigma_bounds(delta)
    assert sigma.min() >= lower - 1e-6
    assert sigma.max() <= upper + 1e-6


@pytest.mark.parametrize("a", [-200.0, -30.0, 0.0, 30.0, 200.0])
@pytest.mark.parametrize("m", [-1.0, 0.0, 1.0])
def test_values_and_gradients_are_finite_at_the_edges(a, m):
    inputs = torch.tensor([[[m]], [[a]]], requires_grad=True)
    q = committed(inputs[0], inputs[1], 0.15)
    assert q.mean.item() > 0
    (q.sample(torch.ones(1, 1, 1)).sum() + q.kl(tiny_model("delta").prior).sum()).backward()
    assert inputs.grad.isfinite().all()


def test_the_kl_of_a_collapsed_encoder_is_committed_and_says_nothing():
    # what the published tables show: with m <= 0 and one sigma for all, 4 x 0.15 nats and no information
    model = tiny_model("delta")
    with torch.no_grad():
        model.head.wrapped.mean.weight.zero_()
        model.head.wrapped.logvar.weight.zero_()
    values = check_figures(model)
    assert values["kl"] == pytest.approx(4 * 0.15, abs=1e-5)
    assert values["mi"] == pytest.approx(0, abs=1e-9)
    assert values["au"] == 0


def test_training_cannot_lower_the_floor():
    model, batch = tiny_model("delta", init_range=1.0), tiny_batch(8)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(60):
        optimiser.zero_grad()
        kl = raw_terms(model, batch).kl
        kl.sum(-1).mean().backward()
        optimiser.step()
    assert kl.min() >= 0.15 - 5e-7
    assert kl.sum(-1).mean().item() == pytest.approx(4 * 0.15, abs=0.05)


def test_figures_obey_the_laws():
    assert check_figures(tiny_model("delta", init_range=1.0))["kl"] > 4 * 0.15


def test_what_vanilla_has_too_starts_equal():
    model, vanilla = tiny_model("delta", seed=3), dict(tiny_model("vanilla", seed=3).named_parameters())
    names = [n.replace("wrapped.", "") for n, _ in model.named_parameters()]
    assert names == list(vanilla)
    assert all(torch.equal(p, vanilla[n.replace("wrapped.", "")]) for n, p in model.named_parameters())


def test_another_posterior_is_refused_by_name():
    class Point(PosteriorHead):
        def forward(self, encoding):
            return PointMass(encoding.features)

    x = torch.ones(2, 3)
    with pytest.raises(UsageError, match=r"'delta' needs a diagonal Gaussian.*PointMass"):
        DeltaHead(Point(), 0.15)(Encoding(x, x.unsqueeze(1), torch.ones(2, dtype=torch.int64)))


@pytest.mark.parametrize("delta", [0.0, -0.1, 11.0])
def test_delta_is_positive(delta):
    with pytest.raises(ValidationError):
        Delta(delta=delta)

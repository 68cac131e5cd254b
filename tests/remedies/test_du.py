"""Laws of DU-VAE: floors of the KL and of the entropy, and when variances are dropped."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from pydantic import ValidationError
from remedies.figures import check_figures
from support import make_terms, tiny_batch, tiny_model, tiny_split

from vaecli.core.errors import UsageError
from vaecli.corpus.types import collate
from vaecli.model.calibration import calibrate
from vaecli.model.encoder import Encoding
from vaecli.model.posterior import DiagonalGaussian, PointMass, PosteriorHead
from vaecli.model.prior import StandardNormal
from vaecli.remedies.bn import BatchNormHead
from vaecli.remedies.du import DU, DUHead, VarianceDropout, rescaled, variance_floor


class Given(PosteriorHead):
    """The features as the mean and, halved, as the logvar."""

    def forward(self, encoding):
        return DiagonalGaussian(encoding.features, encoding.features / 2)


def encoding(n=16, latent_size=3, seed=0):
    x = torch.randn(n, latent_size, generator=torch.Generator().manual_seed(seed)) + 1
    return Encoding(x, x.unsqueeze(1), torch.ones(n, dtype=torch.int64))


def head(gamma=0.5, alpha=1.0, dropout=0.2, eps=1e-12, on=False):
    h = DUHead(Given(), 3, gamma, alpha, dropout, eps)
    h.dropout.on.fill_(on)
    return h


def test_floor_of_the_variance_by_hand():
    # 2 pi e = 17.0795: 1 / 17.0795 = 0.05855
    assert variance_floor(1.0) == pytest.approx(0.05855, abs=5e-6)
    for alpha in (0.5, 1.0, 3.0):  # entropy of N(., d2): log(2 pi e d2) / 2
        assert 0.5 * math.log(2 * math.pi * math.e * variance_floor(alpha)) == pytest.approx(0.5 * math.log(alpha))


def test_scales_by_hand():
    # (3, 4): root mean square sqrt(12.5) = 3.5355; gamma 0.5: 1.5 / 3.5355 = 0.42426, 2 / 3.5355 = 0.56569
    assert rescaled(torch.tensor([3.0, 4.0]), 0.5).tolist() == pytest.approx([0.42426, 0.56569], abs=1e-5)


@pytest.mark.parametrize("scale", [[1.0, 1.0, 1.0], [5.0, -0.1, 2.0], [1e-4, 2e-4, 0.0]])
def test_mean_square_of_the_scales_is_fixed_whatever_is_learned(scale):
    h = head(0.7)
    with torch.no_grad():
        h.scale.copy_(torch.tensor(scale))
    mean = h(encoding()).mean
    assert mean.square().mean().item() == pytest.approx(0.49, rel=1e-5)
    assert rescaled(h.scale, 0.7).square().mean().sqrt().item() == pytest.approx(0.7)


def test_the_shift_is_the_mean_of_the_means():
    # whatever is learned: normalised means have the mean 0, so b is left, with its sign
    h = head()
    with torch.no_grad():
        h.scale.copy_(torch.tensor([2.0, 1.0, 0.5]))
        h.shift.copy_(torch.tensor([0.5, -1.0, 0.0]))
    assert h(encoding()).mean.mean(0).tolist() == pytest.approx([0.5, -1.0, 0.0], abs=1e-6)


@pytest.mark.parametrize("on", [False, True])
def test_mean_kl_is_above_its_floor(on):
    h = head(on=on)
    with torch.no_grad():
        h.scale.copy_(torch.tensor([2.0, 1.0, 0.5]))
        h.shift.copy_(torch.tensor([0.5, -1.0, 0.0]))
    kl = h(encoding()).kl(StandardNormal(3)).sum(-1).mean()
    # Z gamma^2 / 2 = 3 x 0.25 / 2 = 0.375, and |b|^2 / 2 = 1.25 / 2
    assert kl.item() >= 0.375 + 0.625


@pytest.mark.parametrize("on", [False, True])
@pytest.mark.parametrize("alpha", [0.3, 1.0, 4.0])
def test_variances_stay_above_their_floor(alpha, on):
    q = head(alpha=alpha, on=on)(encoding(200))
    assert q.logvar.exp().min().item() >= variance_floor(alpha) * (1 - 1e-5)
    entropy = 0.5 * (math.log(2 * math.pi * math.e) + q.logvar)
    assert entropy.min().item() >= 0.5 * math.log(alpha) - 1e-5


def test_dropped_variances_are_the_floor_and_the_others_are_raised():
    torch.manual_seed(0)
    e = encoding(4000)
    got = head(dropout=0.2, on=True)(e).logvar.exp() - variance_floor(1.0)
    plain = (e.features / 2).exp()
    dropped = got.abs() < 1e-6
    # 12000 draws at 0.2: standard deviation sqrt(0.16 / 12000) = 0.0037
    assert dropped.double().mean().item() == pytest.approx(0.2, abs=0.015)
    torch.testing.assert_close(got[~dropped], plain[~dropped] / 0.8, rtol=1e-4, atol=1e-4)


def test_no_dropout_in_evaluation_or_while_switched_off():
    e = encoding()
    expected = ((e.features / 2).exp() + variance_floor(1.0)).log()
    torch.testing.assert_close(head(on=False)(e).logvar, expected)
    torch.testing.assert_close(head(on=True).eval()(e).logvar, expected)


def test_without_floor_dropout_and_unequal_scales_it_is_bn():
    e = encoding()
    mine, bn = head(0.6, alpha=0.0, dropout=0.0, eps=1e-5)(e), BatchNormHead(Given(), 3, 0.6, 1e-5)(e)
    torch.testing.assert_close(mine.mean, bn.mean)
    torch.testing.assert_close(mine.logvar, bn.logvar)


def test_the_switch_follows_the_kl_weight():
    model = tiny_model("du")
    weights = iter([0.0, 0.99, 1.0, torch.tensor(1.0), 0.5])
    step = DU().wrap_step(lambda batch: replace(make_terms(), kl_weight=next(weights)), SimpleNamespace(model=model))
    seen = []
    for _ in range(5):
        step(tiny_batch())
        seen.append(bool(model.head.dropout.on))
    assert seen == [False, False, True, True, False]


def test_the_switch_is_in_the_checkpoint():
    model, other = tiny_model("du"), tiny_model("du")
    model.head.dropout.on.fill_(True)
    other.load_state_dict(model.state_dict())
    assert bool(other.head.dropout.on)


def test_dropout_of_nothing_draws_nothing():
    layer = VarianceDropout(0.0)
    layer.on.fill_(True)
    before = torch.get_rng_state()
    assert torch.equal(layer(torch.ones(3)), torch.ones(3))
    assert torch.equal(torch.get_rng_state(), before)


def test_figures_obey_the_laws_and_the_floor():
    model, split = tiny_model("du", init_range=1.0), tiny_split(60, seed=5)
    calibrate(model, [collate(split, torch.arange(60))])
    assert check_figures(model)["kl"] >= 4 * 0.25 / 2


def test_it_starts_as_bn_does():
    model, vanilla = tiny_model("du", seed=3), dict(tiny_model("vanilla", seed=3).named_parameters())
    own = {"head.scale", "head.shift"}
    assert {n.replace("wrapped.", "") for n, _ in model.named_parameters()} == set(vanilla) | own
    for name, value in model.named_parameters():
        assert name in own or torch.equal(value, vanilla[name.replace("wrapped.", "")])


def test_another_posterior_is_refused_by_name():
    class Point(PosteriorHead):
        def forward(self, encoding):
            return PointMass(encoding.features)

    with pytest.raises(UsageError, match=r"'du' needs a diagonal Gaussian.*PointMass"):
        DUHead(Point(), 3, 0.5, 1.0, 0.2, 1e-5)(encoding())


@pytest.mark.parametrize("wrong", [{"gamma": 0.0}, {"dropout": 1.0}, {"alpha": 0.0}, {"alpha": 18.0}])
def test_values_without_meaning_are_refused(wrong):
    with pytest.raises(ValidationError):
        DU(**wrong)
    assert DU(alpha=0.0, dropout=0.0).alpha == 0

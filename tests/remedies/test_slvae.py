"""Laws of self-labelling: the closed form, its optimum, and the KL that comes without information."""

import math

import pytest
import torch
from support import clock, make_terms, tiny_batch, tiny_model

from vaecli.model.posterior import DiagonalGaussian, PointMass, gaussian_kl
from vaecli.objective import raw_terms
from vaecli.remedies.slvae import SLVAE, label_distance


def test_distance_by_hand():
    # mean (1, 3), g (0, 1), variances (1, 4): 1 + 4 + 1 + 4 = 10
    q = DiagonalGaussian(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, math.log(4)]]))
    assert label_distance(q, torch.zeros(1, 2), torch.tensor([[0.0, 1.0]])).item() == pytest.approx(10)


def test_closed_form_is_the_monte_carlo_mean():
    torch.manual_seed(0)
    q = DiagonalGaussian(torch.randn(3, 4), torch.randn(3, 4) * 0.3)
    label = torch.randn(3, 4)
    z = q.sample(torch.randn(40_000, 3, 4))
    mean = (z - label).square().sum(-1).mean(0)
    assert torch.allclose(label_distance(q, z[0], label), mean, rtol=0.02)


def test_a_label_at_the_mean_leaves_the_variances():
    q = DiagonalGaussian(torch.randn(2, 3), torch.randn(2, 3))
    assert torch.allclose(label_distance(q, torch.zeros(2, 3), q.mean), q.logvar.exp().sum(-1))


def test_other_posteriors_use_the_sample():
    # z (3, 4), g (1, 1): 4 + 9 = 13, whatever the mean
    q = PointMass(torch.ones(1, 2))
    assert label_distance(q, torch.tensor([[3.0, 4.0]]), torch.ones(1, 2)).item() == pytest.approx(13)


@pytest.mark.parametrize("weight", [0.5, 1.0, 4.0])
def test_optimum_without_a_decoder(weight):
    # d/ds of (s - log s - 1) / 2 + lambda s is 0 at s = 1 / (1 + 2 lambda), for mean = g = 0
    logvar = torch.full((1, 1), -math.log(1 + 2 * weight), requires_grad=True)
    q = DiagonalGaussian(torch.zeros(1, 1), logvar)
    (gaussian_kl(q.mean, logvar).sum() + weight * label_distance(q, q.mean, q.mean).sum()).backward()
    assert logvar.grad.item() == pytest.approx(0, abs=1e-6)


def test_kl_of_that_optimum_by_hand():
    # lambda 1, 32 dimensions: 16 (1/3 - 1 + log 3) = 6.911 nats with one posterior for all sentences
    kl = gaussian_kl(torch.zeros(32), torch.full((32,), -math.log(3))).sum()
    assert kl.item() == pytest.approx(6.911, abs=1e-3)


def seeded_terms(model):
    torch.manual_seed(0)
    return raw_terms(model, tiny_batch(4))


def test_weight_zero_is_the_vae_and_the_weight_is_a_factor():
    model = tiny_model("slvae")
    terms = seeded_terms(model)
    assert torch.equal(SLVAE(weight=0).objective(terms, clock()).loss, terms.loss)
    one, three = (SLVAE(weight=w).objective(terms, clock()).extra for w in (1, 3))
    assert torch.allclose(three, 3 * one)
    assert bool((one > 0).all())


def test_kl_and_its_weight_are_left_alone():
    terms = make_terms(
        posterior=DiagonalGaussian(torch.ones(2, 3), torch.zeros(2, 3)),
        encoding=seeded_terms(tiny_model()).context.encoding,
        aux={"slvae": lambda features: torch.zeros(2, 3)},
        kl_weight=0.3,
    )
    new = SLVAE().objective(terms, clock())
    assert new.kl is terms.kl
    assert new.kl_weight == 0.3
    # ||1 - 0||^2 + 3 variances of 1 = 6
    assert new.extra.tolist() == pytest.approx([6.0, 6.0])


def test_the_label_is_a_linear_map_of_the_features_with_weights_of_its_own():
    model = tiny_model("slvae")
    labeller = model.aux["slvae"]
    assert labeller.weight.shape == (4, 6)
    terms = seeded_terms(model)
    SLVAE().objective(terms, clock()).loss.backward()
    assert labeller.weight.grad.abs().sum() > 0
    expected = label_distance(terms.context.posterior, terms.z, labeller(terms.context.encoding.features))
    assert torch.allclose(SLVAE().objective(terms, clock()).extra, expected)


def test_the_rest_starts_as_in_vanilla():
    vanilla = dict(tiny_model("vanilla", seed=5).named_parameters())
    mine = dict(tiny_model("slvae", seed=5).named_parameters())
    assert set(mine) - set(vanilla) == {"aux.slvae.weight", "aux.slvae.bias"}
    assert all(torch.equal(mine[name], vanilla[name]) for name in vanilla)

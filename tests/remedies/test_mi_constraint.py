"""Laws of the hinge on information: where its gradient switches, and what the two estimates of I let through."""

import math

import pytest
import torch
from pydantic import ValidationError
from support import clock, make_terms

from vaecli.model.posterior import DiagonalGaussian
from vaecli.remedies.mi_constraint import MIConstraint, batch_information, hinge

KL = [[1.0, 2.0], [0.0, 1.0]]
"""Two sentences with KL 3 and 1: batch mean 2 nats."""


def kl_gradient(minimum, multiplier, beta=1.0, kl_weight=1.0):
    """d loss / d kl of one entry, times B: 1 for the plain VAE."""
    kl = torch.tensor(KL, requires_grad=True)
    remedy = MIConstraint(minimum=minimum, multiplier=multiplier, beta=beta)
    remedy.objective(make_terms(kl, kl_weight=kl_weight), clock()).loss.backward()
    assert torch.allclose(kl.grad, kl.grad[0, 0])
    return 2 * kl.grad[0, 0].item()


def loss(minimum, multiplier=2.0, beta=1.0):
    terms = make_terms(torch.tensor(KL), nll=torch.tensor([7.0, 9.0]))
    return MIConstraint(minimum=minimum, multiplier=multiplier, beta=beta).objective(terms, clock()).loss.item()


def test_loss_by_hand():
    # nll 8, KL 2, c = 5, lambda = 2: 8 + 2 + 2 (5 - 2) = 16; with beta = 3: 8 + 6 + 6 = 20
    assert loss(5.0) == pytest.approx(16)
    assert loss(5.0, beta=3.0) == pytest.approx(20)


@pytest.mark.parametrize(("minimum", "multiplier"), [(5.0, 0.0), (0.0, 2.0), (1.9, 2.0)])
def test_it_is_the_vae_without_a_multiplier_a_minimum_or_a_need(minimum, multiplier):
    assert loss(minimum, multiplier) == pytest.approx(10)
    assert kl_gradient(minimum, multiplier) == pytest.approx(1)


@pytest.mark.parametrize(("beta", "multiplier"), [(1.0, 1.0), (1.0, 2.0), (3.0, 2.0)])
def test_below_the_minimum_the_kl_has_the_factor_beta_minus_lambda(beta, multiplier):
    # lambda = beta: no push at all, as an autoencoder; above, the KL is lifted
    assert kl_gradient(5.0, multiplier, beta) == pytest.approx(beta - multiplier)


def test_above_the_minimum_the_factor_is_beta():
    assert kl_gradient(1.0, 2.0, beta=3.0) == pytest.approx(3)


def test_the_loss_is_continuous_at_the_minimum():
    # KL 2: the hinge of c = 2 + 1e-4 is 2e-4
    assert loss(2.0) == pytest.approx(10)
    assert loss(2.0001) == pytest.approx(10.0002, abs=1e-5)
    assert hinge(torch.tensor(2.0), 2.0, 7.0).item() == 0


def test_the_kl_weight_leaves_the_hinge_alone():
    # weight 0: only the hinge's -lambda is left
    assert kl_gradient(5.0, 2.0, kl_weight=0.0) == pytest.approx(-2)


def gaussians(means, logvar=0.0):
    mean = torch.tensor(means)
    return DiagonalGaussian(mean, torch.full_like(mean, logvar))


def test_information_by_hand():
    # N(0,1) and N(2,1) at z = 0 and 2: the other density is exp(-2) of the own, I = log 2 - log(1 + exp(-2)) = 0.566219
    q = gaussians([[0.0], [2.0]])
    assert batch_information(q, q.mean).item() == pytest.approx(math.log(2) - math.log(1 + math.exp(-2)), abs=1e-6)


def test_information_of_equal_posteriors_is_zero_and_of_separate_ones_log_b():
    same = gaussians([[1.0, -1.0]] * 5)
    z = same.sample(torch.randn(1, 5, 2)).squeeze(0)
    assert batch_information(same, z).item() == pytest.approx(0, abs=1e-6)
    apart = gaussians([[0.0], [100.0], [200.0]], logvar=-6.0)
    assert batch_information(apart, apart.mean).item() == pytest.approx(math.log(3), abs=1e-6)


@pytest.mark.parametrize("logvar", [-14.0, -3.0, 0.0])
def test_information_is_at_most_log_b(logvar):
    # narrow posteriors far from 0 are where float32 densities lose their digits
    torch.manual_seed(0)
    q = gaussians((torch.randn(16, 8) * 30).tolist(), logvar)
    z = q.sample(torch.randn(1, 16, 8)).squeeze(0)
    assert batch_information(q, z).item() <= math.log(16) + 1e-6


def test_a_shifted_posterior_satisfies_the_bound_but_has_no_information():
    # every posterior N(4, 1): KL 8 nats > c, I = 0, so only `aggregate` has the whole hinge lambda c = 10
    q = gaussians([[4.0]] * 4)
    terms = make_terms(posterior=q)
    assert MIConstraint(mi="kl").objective(terms, clock()).extra.tolist() == pytest.approx([0] * 4)
    assert MIConstraint(mi="aggregate").objective(terms, clock()).extra.tolist() == pytest.approx([10] * 4)


def test_the_aggregate_hinge_drives_posteriors_apart():
    mean = torch.tensor([[-0.1], [0.1]], requires_grad=True)
    q = DiagonalGaussian(mean, torch.zeros(2, 1))
    terms = make_terms(posterior=q, z=q.sample(torch.zeros(1, 2, 1)).squeeze(0), kl_weight=0.0)
    MIConstraint(mi="aggregate").objective(terms, clock()).loss.backward()
    assert mean.grad[0] > 0  # a step against the gradient moves -0.1 down and 0.1 up
    assert mean.grad[1] < 0


def test_beta_is_at_least_one():
    with pytest.raises(ValidationError):
        MIConstraint(beta=0.5)

"""Laws of the stochasticity term: blind to the mean, zero at unit variance, and nothing but `wae` without it."""

import math

import pytest
import torch
from support import clock, make_terms

from vaecli.core.errors import UsageError
from vaecli.model.posterior import DiagonalGaussian, PointMass, gaussian_kl
from vaecli.remedies.shared.mmd import kernel
from vaecli.remedies.wae import WAE
from vaecli.remedies.wae_s import IMQ_BASE, WAES, stochasticity_kl


def terms(mean=None, logvar=None, **more):
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(6, 3, generator=generator) if mean is None else mean
    logvar = torch.randn(6, 3, generator=generator) if logvar is None else logvar
    return make_terms(nll=torch.rand(len(mean), generator=generator), posterior=DiagonalGaussian(mean, logvar), **more)


def loss(remedy, t):
    torch.manual_seed(0)
    return remedy.objective(t, clock()).loss.item()


def test_term_by_hand():
    # variance 4: (4 - log 4 - 1) / 2 = 0.8068528; variance 1/4: (1/4 + log 4 - 1) / 2 = 0.3181472
    value = stochasticity_kl(torch.tensor([math.log(4), -math.log(4)]))
    assert value.tolist() == pytest.approx([0.8068528, 0.3181472], abs=1e-6)


def test_zero_only_at_unit_variance():
    logvar = torch.linspace(-3, 3, 7)
    value = stochasticity_kl(logvar)
    assert value[3] == 0
    assert bool((value[[0, 1, 2, 4, 5, 6]] > 0).all())


def test_it_is_the_kl_with_the_mean_taken_out():
    logvar = torch.randn(50)
    assert torch.allclose(stochasticity_kl(logvar), gaussian_kl(torch.zeros(50), logvar))


def test_the_mean_does_not_matter_to_the_kl_term():
    logvar = torch.randn(6, 3)
    near, far = (
        WAES().objective(terms(mean, logvar), clock()) for mean in (torch.zeros(6, 3), torch.full((6, 3), 9.0))
    )
    assert torch.equal(near.kl, far.kl)
    assert not torch.allclose(near.extra, far.extra)


def test_gamma_zero_is_wae_but_for_the_width_of_its_kernel():
    t = terms()
    plain = WAE(scaling=3, kernel="rbf")
    assert loss(WAES(scaling=3, gamma=0, kernel="rbf"), t) == pytest.approx(loss(plain, t), rel=1e-6)
    assert loss(WAES(scaling=3, gamma=0), t) != pytest.approx(loss(WAE(scaling=3), t), rel=1e-3)


def test_the_kernel_by_hand():
    # Z = 1, widths C = 4 s, one distance of 2: sum of C / (C + 4) = s / (s + 1) over the seven scales
    # = 1/11 + 1/6 + 1/3 + 1/2 + 2/3 + 5/6 + 10/11 = 3.5; at C = 2 s it is s / (s + 2), 2.7194805
    far = torch.tensor(4.0)
    assert kernel("imq", 1, IMQ_BASE)(far).item() == pytest.approx(3.5)
    assert kernel("imq", 1)(far).item() == pytest.approx(2.7194805)


def published_mmd(a, b):
    """Theirs: ``Cbase = 2 * latent_dim * 2``, seven scales, diagonals left out of the two sums within."""
    n, total = len(a), 0.0
    within, between = (torch.cdist(x, y).square() for x, y in ((a, a), (a, b)))
    prior = torch.cdist(b, b).square()
    for scale in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0):
        c = 2 * a.shape[1] * 2 * scale
        own = (c / (c + within) + c / (c + prior)) * (1 - torch.eye(n, dtype=a.dtype))
        total += own.sum() / (n * n - n) - (c / (c + between)).sum() * 2 / (n * n)
    return total


def test_the_divergence_is_the_published_one_on_the_same_samples():
    z = torch.randn(16, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 0.3 + 1
    q = DiagonalGaussian(z, torch.zeros_like(z))
    torch.manual_seed(7)
    ours = WAES(scaling=1, gamma=0).objective(make_terms(posterior=q, z=z), clock()).loss
    torch.manual_seed(7)
    samples = torch.randn(16, 5, dtype=torch.float64)
    assert ours.item() == pytest.approx(published_mmd(z, samples).item(), rel=1e-9)


def test_gamma_is_a_factor_and_a_kl_weight_acts_on_it_alone():
    t = terms()
    plain = loss(WAES(scaling=3, gamma=0), t)
    term = stochasticity_kl(t.context.posterior.logvar).sum(-1).mean().item()
    assert loss(WAES(scaling=3, gamma=2), t) - plain == pytest.approx(2 * term, rel=1e-4)
    light = terms(kl_weight=0.25)
    assert loss(WAES(scaling=3, gamma=2), light) - plain == pytest.approx(0.5 * term, rel=1e-4)


def test_it_holds_the_variance_where_wae_lets_it_go():
    # at variance exp(-6) the term pulls the logvar up with force (1 - exp(-6)) / 2 a dimension
    logvar = torch.full((1, 2), -6.0, requires_grad=True)
    stochasticity_kl(logvar).sum().backward()
    assert logvar.grad.tolist() == [pytest.approx([-(1 - math.exp(-6)) / 2] * 2)]


def test_other_posteriors_are_refused():
    q = PointMass(torch.zeros(2, 2))
    with pytest.raises(UsageError, match=r"'wae_s' needs a diagonal Gaussian.*PointMass"):
        WAES().objective(make_terms(kl=torch.zeros(2, 2), posterior=q), clock())

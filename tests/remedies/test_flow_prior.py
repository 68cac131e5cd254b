"""Laws of the flow prior: the identity is N(0, I), densities integrate to 1, samples are the inverse, and its bound."""

import math

import pytest
import torch
from remedies.figures import check_figures
from support import clock, tiny_batch, tiny_model

from vaecli.model.coupling import AffineCoupling, CouplingPrior
from vaecli.model.prior import StandardNormal
from vaecli.objective import raw_terms
from vaecli.remedies.flow_prior import FlowPrior


def bent(size=2, couplings=4):
    torch.manual_seed(0)
    prior = CouplingPrior(size, couplings, 8).double()
    for coupling in prior.couplings:
        torch.nn.init.normal_(coupling.outer.weight, std=0.5)
        torch.nn.init.normal_(coupling.outer.bias, std=0.5)
    return prior


def straighten(prior):
    """Makes the flow the identity."""
    with torch.no_grad():
        for coupling in prior.couplings:
            coupling.outer.weight.zero_()
    return prior


def test_the_identity_is_the_standard_normal_and_a_fresh_flow_is_near_it():
    z = torch.randn(20, 5)
    fresh = CouplingPrior(5, 4, 8)
    torch.testing.assert_close(fresh.log_prob(z), StandardNormal(5).log_prob(z), atol=0.5, rtol=0)
    identity = straighten(fresh)
    torch.testing.assert_close(identity.log_prob(z), StandardNormal(5).log_prob(z))
    torch.testing.assert_close(identity.sample(z), z)


def test_one_coupling_by_hand():
    # dimension 0 stays; s = 2 tanh(1/2) = 0.9242343 and t = 3 whatever it is: (1, 2) -> (1, 2 e^s + 3) = (1, 8.0398698)
    coupling = AffineCoupling(2, 4, 0)
    with torch.no_grad():
        coupling.outer.weight.zero_()
        coupling.outer.bias.copy_(torch.tensor([9.0, 1.0, 9.0, 3.0]))
    z = torch.tensor([[1.0, 2.0]])
    u, log_determinant = coupling(z)
    assert u.tolist()[0] == pytest.approx([1.0, 8.0398698], abs=1e-5)
    assert log_determinant.tolist() == pytest.approx([0.9242343], abs=1e-6)
    torch.testing.assert_close(coupling.inverse(u), z)


def test_the_density_integrates_to_1():
    side = torch.linspace(-25, 25, 1501, dtype=torch.float64)
    grid = torch.cartesian_prod(side, side)
    with torch.no_grad():
        mass = bent().log_prob(grid).exp().sum().item() * (50 / 1500) ** 2
    assert mass == pytest.approx(1, abs=1e-3)


def test_samples_are_what_is_mapped_to_the_noise_and_the_jacobian_is_that_of_autograd():
    prior, noise = bent(3), torch.randn(7, 3, dtype=torch.float64)
    z = prior.sample(noise)
    for n in range(7):

        def mapped(point):
            for coupling in prior.couplings:
                point, _ = coupling(point)
            return point

        torch.testing.assert_close(mapped(z[n]), noise[n])
        jacobian = torch.autograd.functional.jacobian(mapped, z[n])
        expected = StandardNormal(3).log_prob(noise[n]) + jacobian.det().abs().log()
        torch.testing.assert_close(prior.log_prob(z[n]), expected)


def test_without_the_bound_and_with_the_identity_it_is_vanilla_up_to_the_sampling_of_the_kl():
    mine = check_figures(tiny_model("flow_prior", init_range=1.0, latent_size=4))
    fresh, vanilla = tiny_model("flow_prior"), tiny_model()
    straighten(fresh.prior)
    batch = tiny_batch(8)
    torch.manual_seed(0)
    terms = raw_terms(fresh, batch)
    torch.manual_seed(0)
    plain = raw_terms(vanilla, batch)
    torch.testing.assert_close(terms.nll, plain.nll)
    ratio = plain.context.posterior.log_prob(plain.z.unsqueeze(0))[0] - vanilla.prior.log_prob(plain.z)
    torch.testing.assert_close(terms.kl.squeeze(1), ratio)
    assert FlowPrior(weight=0.0).objective(terms, clock()) is terms
    assert math.isfinite(mine["kl"])


def test_the_bound_is_added_with_its_factor():
    terms = raw_terms(tiny_model("flow_prior"), tiny_batch(8))
    extras = []
    for weight in (1.0, 2.0):
        torch.manual_seed(1)
        extras.append(FlowPrior(weight=weight, samples=3).objective(terms, clock()).extra)
    torch.testing.assert_close(extras[1], 2 * extras[0])
    one = FlowPrior(samples=1).objective(terms, clock()).extra
    torch.testing.assert_close(one, terms.nll + terms.kl.squeeze(1))


def test_the_prior_moves_onto_the_posterior():
    model, batch = tiny_model("flow_prior", init_range=1.0), tiny_batch(8)
    with torch.no_grad():
        model.head.logvar.weight.zero_()
        model.head.mean.weight.mul_(8)
    optimiser = torch.optim.Adam(model.prior.parameters(), lr=0.05)
    torch.manual_seed(0)
    losses = []
    for _ in range(100):
        optimiser.zero_grad()
        kl = raw_terms(model, batch).kl.mean()
        kl.backward()
        optimiser.step()
        losses.append(kl.item())
    assert sum(losses[-10:]) / 10 < 0.7 * losses[0]

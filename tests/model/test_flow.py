"""Inverse autoregressive flow: triangular, invertible, and with an exact density."""

import math

import pytest
import torch

from vaecli.model.flow import LOG_SCALE_BOUND, AutoregressiveStep, Flow, FlowPosterior, antithetic_noise
from vaecli.model.posterior import DiagonalGaussian, kl_divergence
from vaecli.model.prior import StandardNormal


def bent(module, scale=0.7, seed=0):
    """The module in float64 with random weights in place of the identity's."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.double().parameters():
            parameter.normal_(std=scale, generator=generator)
    return module


def noise(*shape, seed=1, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def posterior(sentences=3, size=4, steps=2, seed=2):
    base_mean, base_logvar = noise(2, sentences, size, seed=seed)
    return FlowPosterior(base_mean, base_mean, base_logvar, bent(Flow(size, steps, 9)))


def test_a_step_by_hand():
    # Z = 2, one hidden unit that sees z_1: h = elu(2 z_1 + 1), m = (1, 3 h), raw s = (0.5, 0)
    step = AutoregressiveStep(2, 1).double()
    with torch.no_grad():
        step.inner.weight.copy_(torch.tensor([[2.0, 7.0]]))  # the 7 is masked
        step.inner.bias.fill_(1.0)
        step.outer.weight.copy_(torch.tensor([[9.0], [3.0], [9.0], [0.0]]))  # the 9s are masked
        step.outer.bias.copy_(torch.tensor([1.0, 0.0, 0.5, 0.0]))
    z, log_determinant = step(torch.tensor([0.5, -4.0], dtype=torch.float64))
    # h = 2; s_1 = 2 tanh(0.25) = 0.489837, exp = 1.632051: z_1 = 1 + 0.816025; z_2 = 6 - 4
    assert z.tolist() == pytest.approx([1.816025, 2.0], abs=1e-5)
    assert log_determinant.item() == pytest.approx(0.489837, abs=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_dimension_i_depends_on_those_before_only(size):
    step = bent(AutoregressiveStep(size, 13))
    z = noise(size)
    for part in (0, 1):
        jacobian = torch.autograd.functional.jacobian(lambda v, part=part: step.shift_and_log_scale(v)[part], z)
        assert torch.equal(jacobian, jacobian.tril(-1))
        assert (jacobian.tril(-1).abs() > 0).sum() == size * (size - 1) / 2  # and on all of those


@pytest.mark.parametrize(("size", "steps"), [(1, 2), (2, 1), (5, 3), (32, 2)])
def test_log_determinant_is_that_of_the_jacobian(size, steps):
    flow, z = bent(Flow(size, steps, 10), 0.4), noise(size)
    jacobian = torch.autograd.functional.jacobian(lambda v: flow(v)[0], z)
    sign, expected = torch.linalg.slogdet(jacobian)
    assert sign.abs() == 1
    torch.testing.assert_close(flow(z)[1], expected)


@pytest.mark.parametrize(("size", "steps"), [(1, 2), (2, 1), (5, 3), (32, 2)])
def test_inverse_undoes_the_flow_and_agrees_on_the_determinant(size, steps):
    flow, start = bent(Flow(size, steps, 10), 0.4), noise(6, 2, size)
    z, log_determinant = flow(start)
    back, same = flow.inverse(z)
    torch.testing.assert_close(back, start)
    torch.testing.assert_close(same, log_determinant)


def test_steps_see_the_dimensions_in_both_orders():
    # one step leaves the first dimension alone of the others; the next, reversed, doesn't
    flow, z = bent(Flow(4, 2, 10)), noise(4)
    jacobian = torch.autograd.functional.jacobian(lambda v: flow(v)[0], z)
    assert (jacobian.abs() > 0).all()


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_fresh_flow_is_the_identity(steps):
    z, log_determinant = Flow(5, steps, 10).double()(noise(6, 5))
    assert torch.equal(z, noise(6, 5))
    assert torch.equal(log_determinant, torch.zeros(6, dtype=torch.float64))


def test_scales_are_bounded():
    _, s = bent(AutoregressiveStep(4, 10), 100.0).shift_and_log_scale(noise(50, 4))
    assert s.abs().max() <= LOG_SCALE_BOUND


def test_density_integrates_to_one():
    q = posterior(1, 2)
    axis = torch.arange(-40.0, 40.0, 0.1, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        total = q.pairwise_log_prob(grid).exp().sum() * 0.01
    assert total.item() == pytest.approx(1, abs=2e-3)


def test_density_of_a_sample_needs_no_inverse_and_equals_it():
    q = posterior()
    z = q.sample(noise(4, 3, 4))
    known = q.log_prob(z)
    assert known is q.log_prob(z)
    torch.testing.assert_close(known, q.log_prob(z.clone()))
    assert q.log_prob(z.clone()) is not known


def test_what_is_not_the_last_sample_is_not_taken_for_it():
    q = posterior()
    first = q.sample(noise(1, 3, 4))
    direct = q.log_prob(first.clone())
    q.sample(noise(1, 3, 4, seed=5))
    torch.testing.assert_close(q.log_prob(first), direct)
    leaf = first.detach().requires_grad_()
    q.sample(noise(1, 3, 4))
    (slope,) = torch.autograd.grad(q.log_prob(leaf).sum(), leaf)
    assert (slope.abs() > 0).any()
    with torch.no_grad():
        z = q.sample(noise(1, 3, 4))
        before = q.log_prob(z).clone()
        z += 1  # in place: the numbers are no longer the sample
        assert not torch.allclose(q.log_prob(z), before)


def test_the_last_two_samples_and_where_they_started_are_known():
    q = posterior()
    one, two = (q.sample(noise(1, 3, 4, seed=seed)) for seed in (5, 6))
    for z, seed in ((one, 5), (two, 6)):
        assert q.log_prob(z) is q.log_prob(z)
        assert torch.equal(q.start_of(z).z, q.base.sample(noise(1, 3, 4, seed=seed)))
        assert torch.equal(q.start_of(z[0]).log_determinant, q.start_of(z).log_determinant[0])
        known, asked = q.start_of(z), q.start_of(z.clone())
        torch.testing.assert_close([known.z, known.log_determinant], [asked.z, asked.log_determinant])
    q.sample(noise(1, 3, 4, seed=7))
    assert q.log_prob(one) is not q.log_prob(one)
    assert q.start is not q
    assert q.base.start_of(one) is None


def test_both_ways_to_the_density_have_one_gradient():
    grads = []
    for take in (lambda z: z, torch.clone):
        q = posterior()
        inputs = [q.base_mean.requires_grad_(), q.base_logvar.requires_grad_(), *q.flow.parameters()]
        value = q.log_prob(take(q.sample(noise(5, 3, 4)))).square().sum()
        grads.append(torch.autograd.grad(value, inputs))
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("size", "steps"), [(1, 1), (4, 2), (5, 3)])
def test_the_jacobian_is_that_of_the_passes(size, steps):
    flow, z = bent(Flow(size, steps, 9)), noise(3, size)
    rows = [torch.autograd.functional.jacobian(lambda x: flow(x)[0], row) for row in z]
    torch.testing.assert_close(flow.jacobian(z), torch.stack(rows))


@pytest.mark.parametrize(("size", "steps"), [(1, 1), (4, 2), (5, 3)])
def test_the_start_of_known_codes_has_the_numbers_and_gradients_of_the_inverse(size, steps, monkeypatch):
    flow = bent(Flow(size, steps, 9))
    start = noise(6, 2, size)
    values, grads = [], []
    for near in (False, True):
        z = flow(start)[0].detach().requires_grad_()
        if near:
            monkeypatch.setattr(Flow, "inverse", None)
            before = flow.start_near(z, start)
            before, log_determinant = before.z, before.log_determinant
        else:
            before, log_determinant = flow.inverse(z)
        value = (before.square() * torch.arange(1.0, 1 + size)).sum(-1) + log_determinant
        values.append(value)
        grads.append(torch.autograd.grad(value.square().sum(), [z, *flow.parameters()], allow_unused=size == 1))
    torch.testing.assert_close(*values)
    assert grads[0][0].abs().max() > 0.1
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(torch.zeros(()) if a is None else a, torch.zeros(()) if b is None else b)


def test_pairwise_log_prob_agrees_with_a_loop():
    q = posterior()
    z = noise(5, 4)
    table = q.pairwise_log_prob(z)
    assert table.shape == (5, 3)
    for m in range(5):
        torch.testing.assert_close(table[m], q.log_prob(z[m].expand(1, 3, 4))[0])


def test_without_bending_it_is_the_gaussian():
    base = DiagonalGaussian(*noise(2, 3, 4))
    q = FlowPosterior(base.mean, base.mean, base.logvar, Flow(4, 2, 5).double())
    z = noise(6, 3, 4, seed=3)
    assert torch.equal(q.sample(z), base.sample(z))
    torch.testing.assert_close(q.log_prob(z), base.log_prob(z))
    torch.testing.assert_close(q.pairwise_log_prob(z[0]), base.pairwise_log_prob(z[0]))


def test_sampled_kl_is_at_least_zero_in_expectation():
    # a scale of 1/2 in every dimension at mean 0 without a shift: KL of N(0, 1/4), log 2 - 3/8 each, Z = 4
    flow = Flow(4, 1, 5).double()
    with torch.no_grad():
        flow.steps[0].outer.bias[4:] = LOG_SCALE_BOUND * math.atanh(-math.log(2) / LOG_SCALE_BOUND)
    zeros = torch.zeros(20_000, 4, dtype=torch.float64)
    q = FlowPosterior(zeros, zeros, zeros, flow)
    assert q.kl(StandardNormal(4)) is None
    z = q.sample(noise(1, 20_000, 4))[0]
    kl = kl_divergence(q, StandardNormal(4), z)
    assert kl.shape == (20_000, 1)
    assert kl.mean().item() == pytest.approx(4 * (math.log(2) - 0.375), abs=5 * kl.std().item() / 141)


def test_widening_takes_a_copy_of_the_flow_and_detaches_it():
    mean, logvar = noise(2, 3, 4, dtype=torch.float32)
    flow = Flow(4, 2, 5)
    q = FlowPosterior(mean, mean, logvar, flow)
    wide = q.map(lambda t: t.detach().double())
    assert wide.sample(noise(2, 3, 4)).dtype == torch.float64
    assert not any(p.requires_grad for p in wide.flow.parameters())
    assert all(p.dtype == torch.float64 for p in wide.flow.parameters())
    assert all(p.dtype == torch.float32 and p.requires_grad for p in flow.parameters())
    assert wide.map(lambda t: t[:1]).flow is wide.flow
    whole = FlowPosterior.cat([wide.map(lambda t: t[:1]), wide.map(lambda t: t[1:])])
    assert all(torch.equal(getattr(whole, n), getattr(wide, n)) for n in ("mean", "base_mean", "base_logvar"))


def test_widening_with_gradients_keeps_them():
    mean, logvar = (t.requires_grad_() for t in noise(2, 3, 4, dtype=torch.float32).unbind())
    flow = Flow(4, 2, 5)
    q = FlowPosterior(mean, mean, logvar, flow).map(torch.Tensor.double)
    q.sample(noise(2, 3, 4)).sum().backward()
    assert (flow.steps[0].outer.bias.grad.abs() > 0).any()


def test_a_known_start_has_the_same_gradients_under_autocast():
    flow, start = bent(Flow(4, 2, 9)).float(), noise(6, 4, dtype=torch.float32)
    grads = []
    for enabled in (False, True):
        z = flow(start)[0].detach().requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            near = flow.start_near(z, start)
        grads.append(
            torch.autograd.grad((near.z.square().sum(-1) + near.log_determinant).sum(), [z, *flow.parameters()])
        )
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b)


def test_products_are_not_rounded_under_autocast():
    flow, z = bent(Flow(4, 2, 5)).float(), noise(6, 4, dtype=torch.float32)
    exact = flow(z)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for a, b in zip(flow(z), exact, strict=True):
            torch.testing.assert_close(a, b)


def test_mirrored_noise_has_mean_zero_and_variance_one():
    draws = antithetic_noise(8, 3)
    assert draws.shape == (16, 1, 3)
    torch.testing.assert_close(draws.mean(0), torch.zeros(1, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(draws.square().mean(0), torch.ones(1, 3))
    assert torch.equal(draws, antithetic_noise(8, 3))

"""Laws of the Stein discrepancies: hand-worked kernels, zero at the prior, and directions that lead to it."""

import math

import pytest
import torch
from support import clock, make_terms, tiny_batch, tiny_shape

from vaecli.core.errors import UsageError
from vaecli.model.posterior import DiagonalGaussian
from vaecli.model.prior import Prior, StandardNormal
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.info_stein import InfoStein, stein_term
from vaecli.remedies.shared.stein import default_width, ksd, radial, score, stein_kernel, svgd_direction

KERNELS = ["imq", "rbf"]


def normal(n, latent_size=2, shift=0.0, scale=1.0, seed=0):
    return shift + scale * torch.randn(n, latent_size, generator=torch.Generator().manual_seed(seed))


def kernel_value(name, a, b, width):
    return radial(name, (a - b).square().sum(), width).value


def gradients(name, a, b, width):
    return torch.autograd.functional.jacobian(lambda x, y: kernel_value(name, x, y, width), (a, b))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # a = 0, b = 1, so s_a = 0, s_b = -1, in one dimension.
        # rbf, h = 1: k = exp(-1/2); k [a b - (1/h + 1/h^2) r + n/h] = k (0 - 2 + 1) = -exp(-1/2) = -0.6065307
        ("rbf", -0.6065307),
        # imq, C = 1: k = 2^(-1/2), f' = -2^(-5/2), f'' = (3/4) 2^(-5/2). The score terms are 2 f' (s_b - s_a)(a - b)
        # = 2 f' = -0.3535534; the trace is -(4 f'' + 2 f') = -2^(-5/2) (3 - 2) = -0.1767767. Sum -0.5303301
        ("imq", -0.5303301),
    ],
)
def test_stein_kernel_by_hand(name, expected):
    z = torch.tensor([[0.0], [1.0]])
    assert stein_kernel(z, -z, name, 1.0)[0, 1].item() == pytest.approx(expected, abs=1e-6)
    assert ksd(z, -z, name, 1.0).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("width", [0.7, 3.0])
def test_stein_kernel_is_its_definition(name, width):
    # all derivatives of k by autograd, with scores of another density than N(0, I)
    generator = torch.Generator().manual_seed(0)
    z, s = (torch.randn(2, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    a, b = z
    by_a, by_b = gradients(name, a, b, width)
    cross = torch.autograd.functional.hessian(lambda x, y: kernel_value(name, x, y, width), (a, b))[0][1]
    expected = kernel_value(name, a, b, width) * (s[0] @ s[1]) + s[0] @ by_b + s[1] @ by_a + cross.trace()
    assert stein_kernel(z, s, name, width)[0, 1].item() == pytest.approx(expected.item(), abs=1e-10)


@pytest.mark.parametrize("name", KERNELS)
def test_discrepancy_is_zero_in_the_mean_at_the_prior(name):
    values = torch.stack([ksd(z, -z, name, 2.0) for z in normal(3200).split(8)])
    assert abs(values.mean()) < 4 * values.std() / 400**0.5
    assert values.min() < 0


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("wrong", [{"shift": 1.0}, {"scale": 0.3}, {"scale": 2.0}, {"shift": 1.0, "scale": 0.5}])
def test_discrepancy_is_positive_elsewhere(name, wrong):
    at_prior, z = normal(400), normal(400, **wrong)
    assert ksd(z, -z, name, 2.0) > 0.02 + 5 * ksd(at_prior, -at_prior, name, 2.0).abs()


@pytest.mark.parametrize("name", KERNELS)
def test_equal_codes_are_seen(name):
    # all at the origin, Z = 4: scores 0, d = 0, u = -2 Z f'(0): rbf h = Z: 1; imq C = 1: Z = 4
    z = torch.zeros(5, 4)
    assert ksd(z, -z, name, default_width(name, 4)).item() == pytest.approx({"rbf": 1.0, "imq": 4.0}[name])


@pytest.mark.parametrize("name", KERNELS)
def test_one_sentence_has_no_discrepancy(name):
    z = torch.ones(1, 3, requires_grad=True)
    value = ksd(z, -z, name, 1.0)
    value.backward()
    assert value.item() == 0
    assert torch.equal(z.grad, torch.zeros(1, 3))


@pytest.mark.parametrize("name", KERNELS)
def test_svgd_direction_is_its_definition(name):
    z = normal(4, 3).double()
    s = -2 * z
    expected = torch.zeros(4, 3, dtype=torch.float64)
    for i in range(4):
        for j in range(4):
            by_first, _ = gradients(name, z[j], z[i], 1.5)
            expected[i] += (kernel_value(name, z[j], z[i], 1.5) * s[j] + by_first) / 4
    assert torch.allclose(svgd_direction(z, s, name, 1.5), expected, atol=1e-12)


def test_svgd_direction_by_hand():
    # z = 0, 1, rbf h = 1, k = exp(-1/2) = 0.6065307. At 0: (1/2) [0 + k (-1) + grad_1 k(1, 0)] with grad_1 k = -k:
    # -k = -0.6065307. At 1: (1/2) [k 0 + grad_0 k(0, 1) - 1] with grad_0 k = k: (k - 1) / 2 = -0.1967347
    z = torch.tensor([[0.0], [1.0]])
    assert svgd_direction(z, -z, "rbf", 1.0).flatten().tolist() == pytest.approx([-0.6065307, -0.1967347], abs=1e-6)


def test_one_particle_climbs_to_the_mode():
    # without another the direction is k(z, z) s(z) = -z
    assert svgd_direction(torch.tensor([[3.0, -1.0]]), torch.tensor([[-3.0, 1.0]]), "rbf", 1.0).tolist() == [
        [-3.0, 1.0]
    ]


@pytest.mark.parametrize("name", KERNELS)
def test_following_the_direction_reaches_the_prior(name):
    z = normal(60, 1, shift=4.0, scale=0.2)
    for _ in range(400):
        z = z + 0.3 * svgd_direction(z, -z, name, 1.0)
    assert z.mean().item() == pytest.approx(0, abs=0.1)
    assert z.std().item() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("name", KERNELS)
def test_the_surrogate_moves_codes_along_phi(name):
    z = normal(6, 3).requires_grad_()
    stein_term(z, StandardNormal(3), "svgd", name).backward()
    phi = svgd_direction(z, -z, name, default_width(name, 3))
    assert torch.allclose(z.grad, -phi / 6, atol=1e-6)


class Wide(Prior):
    """N(2, 4 I), with no closed-form score."""

    def sample(self, noise):
        return 2 + 2 * noise

    def log_prob(self, z):
        return -0.125 * (z - 2).square().sum(-1)


def test_the_score_is_that_of_the_model_s_prior():
    z = normal(5, 3)
    assert torch.equal(score(StandardNormal(3), z), -z)
    assert torch.allclose(score(Wide(3), z), -(z - 2) / 4)
    with torch.no_grad():
        assert torch.allclose(score(Wide(3), z), -(z - 2) / 4)
    codes = (2 + 2 * normal(400, 2)).requires_grad_()
    near, far = (stein_term(codes, prior(2), "ksd", "imq") for prior in (Wide, StandardNormal))
    assert abs(near) < 0.02 < 1 < far
    near.backward()
    assert bool((codes.grad.abs().sum(1) > 0).all())


def terms(n=8, **more):
    q = DiagonalGaussian(normal(n, 3), normal(n, 3, seed=1))
    return make_terms(nll=torch.rand(n), posterior=q, **more)


def test_alpha_0_and_lambda_1_is_the_vae():
    t = terms()
    assert torch.equal(InfoStein(alpha=0, scaling=1).objective(t, clock()).loss, t.loss)


@pytest.mark.parametrize("form", ["ksd", "svgd"])
@pytest.mark.parametrize(("alpha", "scaling", "kl", "divergence"), [(0, 4, 1, 3), (1, 10, 0, 10), (-1, 5, 2, 3)])
def test_factors_and_the_kl_weight(form, alpha, scaling, kl, divergence):
    # KL 1 - alpha under the weight, discrepancy alpha + lambda - 1 outside
    t = terms(kl_weight=0.5)
    value = stein_term(t.z, t.context.prior, form, "rbf")
    expected = (t.nll + 0.5 * kl * t.kl.sum(-1)).mean() + divergence * value
    remedy = InfoStein(alpha=alpha, scaling=scaling, form=form, kernel="rbf")
    assert remedy.objective(t, clock()).loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_nothing_is_drawn():
    t, state = terms(), torch.random.get_rng_state()
    InfoStein().objective(t, clock())
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("form", ["ksd", "svgd"])
def test_it_composes_with_bn(form):
    method = make_method("bn+info_stein", {"info_stein": {"form": form}})
    model = method.build(tiny_shape(), 0)
    new = method.objective(raw_terms(model, tiny_batch(6)), clock())
    new.extra.mean().backward()
    assert math.isfinite(new.loss.item())
    assert model.encoder.lstm.weight_ih_l0.grad.abs().sum() > 0


def test_pushing_away_from_the_prior_is_refused():
    with pytest.raises(UsageError, match=r"info_stein.*alpha \+ scaling must be at least 1"):
        make_method("info_stein", {"info_stein": {"alpha": 0.2, "scaling": 0.5}})

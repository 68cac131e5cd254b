"""Laws of MMD and of the InfoVAE objective: hand-worked statistics and the methods it contains."""

import math

import pytest
import torch
from support import clock, make_terms
from torch import Tensor

from vaecli.core.errors import UsageError
from vaecli.model.posterior import DiagonalGaussian
from vaecli.model.prior import Prior
from vaecli.remedies import make_method
from vaecli.remedies.info_mmd import InfoMMD, prior_divergence
from vaecli.remedies.shared.mmd import imq, kernel, mmd_unbiased, rbf, squared_distances

Z_HAND, P_HAND = torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [3.0]])


def terms(n=8, latent_size=3, seed=0, **more):
    generator = torch.Generator().manual_seed(seed)
    q = DiagonalGaussian(
        torch.randn(n, latent_size, generator=generator), torch.randn(n, latent_size, generator=generator)
    )
    return make_terms(nll=torch.rand(n, generator=generator), posterior=q, **more)


def test_imq_by_hand():
    # C = 2. Within: k(4) = 2/6 in either set. Between: 3 pairs at distance 1 give 2/3, one at 3 gives 2/11;
    # mean (2 + 2/11) / 4 = 6/11. U = 1/3 + 1/3 - 12/11 = -0.4242424
    value = mmd_unbiased(Z_HAND, P_HAND, lambda d: imq(d, 2.0))
    assert value.item() == pytest.approx(2 / 3 - 12 / 11, abs=1e-6)


def test_rbf_by_hand():
    # h = 1. Within: exp(-2) = 0.1353353 in either set. Between: (3 exp(-1/2) + exp(-9/2)) / 4 = 0.4576752.
    # U = 0.2706706 - 0.9153505 = -0.6446799
    value = mmd_unbiased(Z_HAND, P_HAND, lambda d: rbf(d, 1.0))
    assert value.item() == pytest.approx(-0.6446799, abs=1e-6)


def test_the_diagonal_is_left_out():
    # with i = j and / B^2 the same sets give (1 + exp(-2)) / 2 twice: 1.1353353 - 0.9153505 = 0.2199848, not this
    assert mmd_unbiased(Z_HAND, P_HAND, lambda d: rbf(d, 1.0)).item() < 0


def test_widths_of_the_kernels():
    # rbf in 4 dimensions: exp(-8 / (2 * 4)). imq in 1 dimension at d^2 = 2: sum_s s / (s + 1), where s = 0.1 and 10,
    # 0.2 and 5, 0.5 and 2 make pairs of sum 1, and s = 1 gives 1/2: 3.5. At 0 every width gives 1: 7
    assert kernel("rbf", 4)(torch.tensor(8.0)).item() == pytest.approx(math.exp(-1))
    assert kernel("imq", 1)(torch.tensor(2.0)).item() == pytest.approx(3.5)
    assert kernel("imq", 5)(torch.tensor(0.0)).item() == pytest.approx(7)


def test_squared_distances_are_exact_at_zero():
    a = torch.randn(5, 3) * 1e3
    assert torch.equal(squared_distances(a, a).diagonal(), torch.zeros(5))
    assert torch.allclose(squared_distances(a, a[:2]), torch.cdist(a, a[:2]).square(), rtol=1e-3)


def test_mean_over_small_batches_is_the_population_value():
    # N(0,1) and N(1,1), h = 1, in closed form: 2 / sqrt(3) (1 - exp(-1/6)) = 0.1772676. The biased statistic would be
    # larger by (2 / B) (1 - 1 / sqrt(3)) = 0.21 at B = 4. 4000 batches: standard error about 0.005
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(4000, 4, 1, generator=generator)
    b = torch.randn(4000, 4, 1, generator=generator) + 1
    values = [mmd_unbiased(x, y, lambda d: rbf(d, 1.0)).item() for x, y in zip(a, b, strict=True)]
    assert sum(values) / 4000 == pytest.approx(0.1772676, abs=0.02)


def test_equal_distributions_give_about_zero_and_a_collapsed_set_does_not():
    generator = torch.Generator().manual_seed(0)
    prior, other = torch.randn(400, 4, generator=generator), torch.randn(400, 4, generator=generator)
    for name in ("imq", "rbf"):
        k = kernel(name, 4)
        assert abs(mmd_unbiased(other, prior, k).item()) < 0.02
        assert mmd_unbiased(torch.zeros(400, 4), prior, k).item() > 0.1


def test_order_does_not_matter_and_gradients_reach_every_code():
    a, b = torch.randn(6, 3, requires_grad=True), torch.randn(6, 3)
    k = kernel("imq", 3)
    value = mmd_unbiased(a, b, k)
    assert mmd_unbiased(a.flip(0), b[torch.tensor([3, 1, 5, 0, 2, 4])], k).item() == pytest.approx(
        value.item(), abs=1e-5
    )
    value.backward()
    assert bool((a.grad.abs().sum(1) > 0).all())


def test_one_sentence_has_no_statistic():
    a = torch.randn(1, 3, requires_grad=True)
    value = mmd_unbiased(a, torch.randn(1, 3), kernel("imq", 3))
    value.backward()
    assert value.item() == 0
    assert torch.equal(a.grad, torch.zeros(1, 3))


def test_alpha_0_and_lambda_1_is_the_vae():
    t, state = terms(), torch.random.get_rng_state()
    assert torch.equal(InfoMMD(alpha=0, scaling=1).objective(t, clock()).loss, t.loss)
    assert torch.equal(torch.random.get_rng_state(), state)  # no prior sample is drawn in vain


def test_alpha_and_lambda_of_sum_1_is_beta_vae():
    # alpha 0.75: beta = 0.25 and no divergence
    t = terms()
    loss = InfoMMD(alpha=0.75, scaling=0.25).objective(t, clock()).loss
    assert loss.item() == pytest.approx((t.nll + 0.25 * t.kl.sum(-1)).mean().item(), rel=1e-6)


@pytest.mark.parametrize(("alpha", "scaling", "kl", "divergence"), [(0, 4, 1, 3), (1, 10, 0, 10), (-1, 5, 2, 3)])
def test_factors(alpha, scaling, kl, divergence):
    # KL 1 - alpha, divergence alpha + lambda - 1
    t = terms()
    torch.manual_seed(0)
    value = prior_divergence(t.z, t.context.prior, "imq")
    torch.manual_seed(0)
    new = InfoMMD(alpha=alpha, scaling=scaling).objective(t, clock())
    assert torch.allclose(new.kl, kl * t.kl)
    assert torch.allclose(new.extra, divergence * value.expand(8), rtol=1e-4)


def test_kernel_choice_matters():
    t = terms()
    values = []
    for name in ("imq", "rbf"):
        torch.manual_seed(0)
        values.append(InfoMMD(kernel=name).objective(t, clock()).extra[0].item())
    assert values[0] != pytest.approx(values[1], rel=0.1)


def test_the_kl_weight_leaves_the_divergence_alone():
    t = terms(kl_weight=0.0)
    new = InfoMMD(alpha=0, scaling=3).objective(t, clock())
    assert new.loss.item() == pytest.approx((t.nll + new.extra).mean().item(), rel=1e-6)
    assert new.extra.abs().max() > 0


def test_prior_samples_are_fresh_each_step():
    t = terms()
    assert InfoMMD().objective(t, clock()).extra[0] != InfoMMD().objective(t, clock()).extra[0]


class Shifted(Prior):
    """N(20, I), so that a test sees which prior was sampled."""

    def sample(self, noise: Tensor) -> Tensor:
        return noise + 20

    def log_prob(self, z: Tensor) -> Tensor:
        return -0.5 * (z - 20).square().sum(-1)


def test_samples_come_from_the_model_s_prior():
    t = terms(n=64)
    far = prior_divergence(t.z, Shifted(3), "imq")
    near = prior_divergence(t.z + 20, Shifted(3), "imq")
    assert far > 3
    assert near < 1


def test_pushing_away_from_the_prior_is_refused():
    with pytest.raises(UsageError, match=r"info_mmd.*alpha \+ scaling must be at least 1"):
        make_method("info_mmd", {"info_mmd": {"alpha": 0.2, "scaling": 0.5}})

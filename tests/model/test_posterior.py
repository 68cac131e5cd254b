import math

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence
from torch.utils._python_dispatch import TorchDispatchMode

from vaecli.model.encoder import Encoding
from vaecli.model.posterior import (
    DiagonalGaussian,
    GaussianHead,
    PointMass,
    batch_by_batch,
    gaussian_kl,
    pairwise_by_definition,
)
from vaecli.model.posterior import kl_divergence as our_kl
from vaecli.model.prior import Prior, StandardNormal


def gaussian(sentences=5, dimensions=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (2, sentences, dimensions)
    mean, logvar = torch.randn(shape, generator=generator, dtype=torch.float64)
    return DiagonalGaussian(mean, logvar)


def torch_form(posterior):
    return Normal(posterior.mean, (posterior.logvar / 2).exp())


class WideNormal(Prior):
    """N(0, 4 I), a prior without a closed form here."""

    def sample(self, noise):
        return 2 * noise

    def log_prob(self, z):
        return Normal(0.0, 2.0).log_prob(z).sum(-1)


def test_kl_by_hand():
    # mean 2, variance e: (4 + e - 1 - 1) / 2 = 1 + e / 2
    assert gaussian_kl(torch.tensor(2.0), torch.tensor(1.0)).item() == pytest.approx(1 + math.e / 2)


def test_kl_agrees_with_torch():
    q = gaussian()
    torch.testing.assert_close(q.kl(StandardNormal(3)), kl_divergence(torch_form(q), Normal(0.0, 1.0)))


def test_gradients_of_the_kl():
    # d/d mean = mean, d/d logvar = (variance - 1) / 2
    q = gaussian().map(lambda t: t.requires_grad_())
    gaussian_kl(q.mean, q.logvar).sum().backward()
    torch.testing.assert_close(q.mean.grad, q.mean.detach())
    torch.testing.assert_close(q.logvar.grad, (q.logvar.detach().exp() - 1) / 2)


def test_kl_is_zero_only_at_the_prior():
    assert gaussian_kl(torch.zeros(1), torch.zeros(1)).item() == 0.0
    assert (gaussian().kl(StandardNormal(3)) > 0).all()


def test_samples_are_an_affine_map_of_the_noise():
    q = DiagonalGaussian(torch.tensor([[1.0, -1.0]]), torch.tensor([[0.0, math.log(4.0)]]))
    noise = torch.tensor([[[0.0, 0.0]], [[1.0, 1.0]], [[-2.0, 0.5]]])
    # standard deviations 1 and 2
    assert q.sample(noise).tolist() == [[[1.0, -1.0]], [[2.0, 1.0]], [[-1.0, 0.0]]]
    assert q.noise_size == 2


def test_log_prob_agrees_with_torch():
    q = gaussian()
    z = torch.randn(4, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(q.log_prob(z), Independent(torch_form(q), 1).log_prob(z))
    torch.testing.assert_close(q.log_prob_dimensions(z), torch_form(q).log_prob(z))


def test_pairwise_log_prob_agrees_with_a_loop():
    q = gaussian()
    z = torch.randn(7, 3, dtype=torch.float64)
    table = q.pairwise_log_prob(z)
    assert table.shape == (7, 5)
    for m in range(7):
        torch.testing.assert_close(table[m], q.log_prob(z[m].expand(1, 5, 3))[0])


def test_map_and_cat():
    q = gaussian(5)
    parts = [q.map(lambda t: t[:2]), q.map(lambda t: t[2:])]
    assert parts[0].mean.shape == (2, 3)
    whole = DiagonalGaussian.cat(parts)
    assert torch.equal(whole.mean, q.mean)
    assert torch.equal(whole.logvar, q.logvar)
    assert type(PointMass.cat([PointMass(q.mean)])) is PointMass


def test_several_samples_of_a_kl_count_as_their_mean():
    q, noise = gaussian(), torch.randn(7, 5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    z = q.sample(noise)
    each = torch.stack([our_kl(q, WideNormal(3), code) for code in z])
    torch.testing.assert_close(our_kl(q, WideNormal(3), z), each.mean(0))


def test_kl_to_a_prior_without_closed_form_is_the_sampled_one():
    q, prior = gaussian(1), WideNormal(3)
    assert q.kl(prior) is None
    z = q.sample(torch.randn(20_000, 1, 3, dtype=torch.float64))
    one = our_kl(q, prior, z[0])
    assert one.shape == (1, 1)
    torch.testing.assert_close(one[0, 0], torch_form(q).log_prob(z[0]).sum() - Normal(0.0, 2.0).log_prob(z[0]).sum())
    values = our_kl(DiagonalGaussian(q.mean.expand(20_000, 3), q.logvar.expand(20_000, 3)), prior, z[:, 0])
    exact = kl_divergence(torch_form(q), Normal(0.0, 2.0)).sum()
    assert abs(values.mean() - exact) < 5 * values.std() / 20_000**0.5


def test_point_mass():
    q = PointMass(torch.tensor([[0.0, 1.0], [2.0, 3.0]]))
    assert not q.has_density
    assert torch.equal(q.sample(torch.randn(3, 2, 2)), q.mean.expand(3, 2, 2))
    assert q.kl(StandardNormal(2)) is None
    assert q.log_prob(q.mean.unsqueeze(0)).tolist() == [[0.0, 0.0]]
    assert q.log_prob((q.mean + torch.tensor([[0.0, 0.1], [0.0, 0.0]])).unsqueeze(0)).tolist() == [[-math.inf, 0.0]]
    assert q.pairwise_log_prob(q.mean).tolist() == [[0.0, -math.inf], [-math.inf, 0.0]]
    # sums in another order differ in the last digits; the code is the same
    assert q.pairwise_log_prob(q.mean + 1e-7).diagonal().tolist() == [0.0, 0.0]


@pytest.mark.parametrize("types", [1, 3, 60])
def test_point_masses_are_compared_as_by_definition(types):
    """Many codes alike, alike in some dimensions only, or apart: the same table."""
    codes = torch.randint(0, 2, (types, 4), generator=torch.Generator().manual_seed(0)).double()
    codes[:, 3] *= torch.linspace(0.5, 2e-5, types)
    q = PointMass(codes[torch.arange(90) % types])
    z = q.mean[:40] + 4e-6
    assert torch.equal(q.pairwise_log_prob(z), pairwise_by_definition(q, z))
    assert torch.equal(q.batchwise_log_prob(q.mean, 30), batch_by_batch(q, q.mean, 30))


class Largest(TorchDispatchMode):
    """Notes how many numbers the largest tensor has that is made."""

    numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        made = result if isinstance(result, list | tuple) else [result]
        self.numbers = max(self.numbers, *(t.numel() for t in made if isinstance(t, torch.Tensor)), 0)
        return result


@pytest.mark.parametrize("apart", [1, 30])
def test_point_masses_that_are_nearly_all_alike_take_no_more_memory_than_the_table(apart):
    """One code apart from all others, or several each apart in a dimension of its own."""
    mean = torch.zeros(90, 64, dtype=torch.float64)
    mean[torch.arange(apart), torch.arange(apart)] = torch.linspace(2, 1, apart, dtype=torch.float64)
    q = PointMass(mean)
    with Largest() as largest:
        log_prob = q.pairwise_log_prob(q.mean)
    assert largest.numbers <= max(log_prob.numel(), mean.numel())
    assert torch.equal(log_prob, pairwise_by_definition(q, q.mean))


def test_standard_normal_prior_agrees_with_torch():
    z = torch.randn(6, 3, dtype=torch.float64)
    torch.testing.assert_close(StandardNormal(3).log_prob(z), Normal(0.0, 1.0).log_prob(z).sum(-1))
    assert torch.equal(StandardNormal(3).sample(z), z)


def test_gaussian_head_is_linear_without_bias():
    torch.manual_seed(0)
    head = GaussianHead(6, 4)
    features = torch.randn(3, 6)
    encoding = Encoding(features, features.unsqueeze(1), torch.ones(3, dtype=torch.int64))
    q = head(encoding)
    torch.testing.assert_close(q.mean, features @ head.mean.weight.T)
    torch.testing.assert_close(q.logvar, features @ head.logvar.weight.T)
    assert sorted(dict(head.named_parameters())) == ["logvar.weight", "mean.weight"]

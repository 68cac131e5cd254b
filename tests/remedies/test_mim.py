"""Laws of asymmetric MIM: its closed form, its distance from the ELBO, and the floor that ends its descent."""

import math

import pytest
import torch
from support import clock, make_terms, tiny_batch, tiny_model, tiny_shape

from vaecli.core.errors import UsageError
from vaecli.model.encoder import Encoding
from vaecli.model.posterior import DiagonalGaussian, PointMass, PosteriorHead
from vaecli.model.prior import StandardNormal
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.mim import MIM, FloorHead, joint_code_length

PRIOR = StandardNormal(3)


def posterior(n=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return DiagonalGaussian(torch.randn(n, 3, generator=generator), torch.randn(n, 3, generator=generator))


def sample(q, seed=1):
    return q.sample(torch.randn(1, *q.mean.shape, generator=torch.Generator().manual_seed(seed))).squeeze(0)


def closed_form(q):
    # E[-log q] = (1 + log 2 pi + logvar) / 2 and E[-log p] = (mean^2 + var + log 2 pi) / 2 a dimension; half of both
    return 0.25 * (q.logvar + q.mean.square() + q.logvar.exp() + 1 + 2 * math.log(2 * math.pi)).sum(-1)


def test_by_hand():
    # N(1, 1) at z = 0 in one dimension: -log q = (1 + log 2 pi) / 2, -log p = (log 2 pi) / 2; half of their sum is
    # 1/4 + (log 2 pi) / 2 = 1.1689385
    q = DiagonalGaussian(torch.ones(1, 1), torch.zeros(1, 1))
    assert joint_code_length(q, StandardNormal(1), torch.zeros(1, 1)).item() == pytest.approx(1.1689385, abs=1e-6)


def test_monte_carlo_mean_is_the_closed_form():
    q = posterior()
    values = torch.stack([joint_code_length(q, PRIOR, sample(q, seed)) for seed in range(8000)])
    # a sample's deviation is at most about 2, the mean of 8000 within 0.1
    assert torch.allclose(values.mean(0), closed_form(q), atol=0.1)


def test_distance_from_the_elbo_at_the_same_sample():
    # with KL = log q - log p, the loss less the VAE's is -(3/2) log q + (1/2) log p
    q = posterior()
    z = sample(q)
    log_q, log_p = q.log_prob(z.unsqueeze(0)).squeeze(0), PRIOR.log_prob(z)
    t = make_terms(nll=torch.rand(5), posterior=q, z=z)
    vae = (t.nll + log_q - log_p).mean()
    expected = (-1.5 * log_q + 0.5 * log_p).mean()
    assert (MIM().objective(t, clock()).loss - vae).item() == pytest.approx(expected.item(), abs=1e-4)


def test_a_posterior_equal_to_the_prior_leaves_rec_less_log_p():
    q = DiagonalGaussian(torch.zeros(5, 3), torch.zeros(5, 3))
    t = make_terms(nll=torch.rand(5), posterior=q, z=sample(q))
    expected = (t.nll - PRIOR.log_prob(t.z)).mean()
    assert MIM().objective(t, clock()).loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_narrow_posteriors_are_rewarded_where_the_vae_widens_them():
    # d/dlogvar: (1 + var) / 4 above 0 at any variance, against (var - 1) / 2 below 0 under unit variance. Averaged over
    # noise of +-1, for which eps^2 is 1 as in the mean, the reparameterised gradient is the same
    logvar = torch.full((2, 1), -2.0, requires_grad=True)
    q = DiagonalGaussian(torch.zeros(2, 1), logvar)
    z = q.sample(torch.tensor([[[1.0], [-1.0]]])).squeeze(0)
    joint_code_length(q, StandardNormal(1), z).mean().backward()
    assert logvar.grad.sum().item() == pytest.approx((1 + math.exp(-2)) / 4, rel=1e-5)


def test_a_kl_weight_from_elsewhere_is_not_applied():
    q = posterior()
    light, full = (make_terms(posterior=q, z=sample(q), kl_weight=w) for w in (0.1, 1.0))
    assert torch.equal(MIM().objective(light, clock()).loss, MIM().objective(full, clock()).loss)
    for other in ("linear_anneal", "free_bits"):
        with pytest.raises(UsageError, match="can't be composed"):
            make_method(f"mim+{other}")


class Given(PosteriorHead):
    def __init__(self, posterior):
        super().__init__()
        self.posterior = posterior

    def forward(self, encoding):
        return self.posterior


NOTHING = Encoding(torch.zeros(1, 1), torch.zeros(1, 1, 1), torch.ones(1, dtype=torch.int64))


@pytest.mark.parametrize("training", [True, False])
def test_the_floor_holds_in_training_and_evaluation(training):
    logvar = torch.tensor([[-30.0, -10.0, -9.0, 2.0]], requires_grad=True)
    head = FloorHead(Given(DiagonalGaussian(torch.ones(1, 4), logvar)), -10.0).train(training)
    q = head(NOTHING)
    assert q.logvar.tolist() == [[-10.0, -10.0, -9.0, 2.0]]
    assert torch.equal(q.mean, torch.ones(1, 4))
    q.logvar.sum().backward()
    assert logvar.grad[0, [0, 2, 3]].tolist() == [0.0, 1.0, 1.0]


def test_other_posteriors_pass_the_floor():
    q = PointMass(torch.ones(1, 4))
    assert FloorHead(Given(q), -10.0)(NOTHING) is q


def test_the_model_starts_as_vanilla_and_is_evaluated_as_one():
    model, vanilla = tiny_model("mim", seed=5).eval(), tiny_model("vanilla", seed=5).eval()
    batch = tiny_batch(4)
    mine, other = model.posterior(batch), vanilla.posterior(batch)
    assert torch.equal(mine.mean, other.mean)
    assert torch.equal(mine.logvar, other.logvar)
    torch.manual_seed(0)
    terms = raw_terms(model, batch)
    assert torch.equal(terms.kl, mine.kl(StandardNormal(4)))


def test_it_composes_with_bn():
    method = make_method("bn+mim", {"mim": {"floor": -1.0}})
    model = method.build(tiny_shape(), 0)
    with torch.no_grad():
        model.head.wrapped.wrapped.logvar.weight.mul_(30)
    terms = raw_terms(model, tiny_batch(6))
    assert torch.isfinite(method.objective(terms, clock()).loss)
    # the floor is outermost, and the normalised means pass it
    assert terms.context.posterior.logvar.min() == -1.0
    assert torch.allclose(terms.context.posterior.mean.std(0, correction=0), torch.full((4,), 0.6), atol=1e-3)


def test_a_floor_above_unit_variance_is_refused():
    with pytest.raises(UsageError, match=r"mim\.floor"):
        make_method("mim", {"mim": {"floor": 0.5}})


def test_a_prior_of_posteriors_reads_the_head_with_its_floor():
    model = make_method("mim+vamp").build(tiny_shape(), 0)
    _, head = model.prior.reader
    assert head is model.head
    assert isinstance(head, FloorHead)


@pytest.mark.parametrize("other", ["bn", "bn_scale", "delta", "du", "iaf"])
def test_the_floor_is_put_under_whatever_posterior_another_gives(other):
    head = make_method(f"mim+{other}").build(tiny_shape(), 0).head
    assert isinstance(head, FloorHead)
    assert isinstance(head.wrapped, type(make_method(other).build(tiny_shape(), 0).head))

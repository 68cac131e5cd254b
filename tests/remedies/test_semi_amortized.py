"""Laws of semi-amortised inference: the descent by hand, its limits, its gradients, and what evaluation sees."""

import math

import pytest
import torch
from support import clock, tiny_batch, tiny_model, tiny_shape, tiny_split

from vaecli.config import EvaluationConfig
from vaecli.core.errors import UsageError
from vaecli.corpus.types import collate
from vaecli.metrics.inference import evaluation_mode, infer
from vaecli.metrics.measure import evaluate
from vaecli.model.posterior import DiagonalGaussian, PointMass
from vaecli.model.vae import Bound
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.semi_amortized import SemiAmortized, clip_backward, clip_rows


class Quadratic:
    """-ELBO_b = (weight a / 2) |mean_b - c|^2 + (1/2) |logvar_b|^2, whose descent and its derivatives are known."""

    def __init__(self, a=2.0, c=1.0):
        self.a, self.c = torch.tensor(a, dtype=torch.float64, requires_grad=True), c

    def __call__(self, q, weights=False):
        a = self.a if weights else self.a.detach()
        return 0.5 * (a * (q.mean - self.c).square() + q.logvar.square()).sum(-1)

    @property
    def weights(self):
        return [self.a]

    def apart(self, q, count):
        """It has no noise."""
        return [self] * count


def gaussian(mean, logvar=0.0):
    mean = torch.tensor([[mean]], dtype=torch.float64, requires_grad=True)
    return DiagonalGaussian(mean, torch.full_like(mean, logvar).detach().requires_grad_())


def test_two_steps_by_hand():
    # a = 2, c = 1, from 3 at r = .1, m = .5: slope 2 (3 - 1) = 4, v = 4, 2.6; slope 3.2, v = 2 + 3.2 = 5.2, 2.08
    q = SemiAmortized(steps=2, rate=0.1).infer(gaussian(3.0), Quadratic())
    assert q.mean.item() == pytest.approx(2.08)
    assert q.logvar.item() == 0


def test_clip_by_hand():
    # a row (3, 4) of length 5 at limit 1 is (.6, .8); (.3, .4) is within it
    assert clip_rows(torch.tensor([[3.0, 4.0], [0.3, 0.4]]), 1.0).flatten().tolist() == pytest.approx(
        [0.6, 0.8, 0.3, 0.4]
    )
    # slope 2 (9 - 1) = 16 is cut to 5: 9 - .1 * 5 = 8.5
    assert SemiAmortized(steps=1, rate=0.1, clip=5.0).infer(gaussian(9.0), Quadratic()).mean.item() == pytest.approx(
        8.5
    )


def published_descent(lam, gradient):
    """Their loop on the mean bound of 32 sentences: rate 1, momentum 0.5, clip 5 on all means and on all logvars."""
    velocity = torch.zeros_like(lam)
    for _ in range(20):
        slope = gradient(lam) / 32
        for part in slope:
            factor = 5 / (part.norm() + 1e-6)
            if factor < 1:
                part *= factor
        velocity = 0.5 * velocity - slope
        lam = lam + velocity
    return lam


def equal_lengths(length):
    """(32, 2): means at even angles on a circle, so that all gradients towards its centre are of one length."""
    angle = torch.arange(32, dtype=torch.float64) * (2 * math.pi / 32)
    return length * torch.stack([angle.cos(), angle.sin()], 1)


@pytest.mark.parametrize("length", [1.0, 40.0])
def test_the_defaults_are_the_published_descent_where_all_gradients_are_of_one_length(length):
    # a = 2, c = 0: |slope| = 2 |mean|, 80 at length 40, which 5 sqrt(32) = 28.28 cuts and 5 on their batch cuts alike
    bound, mean = Quadratic(c=0.0), equal_lengths(length)
    q = DiagonalGaussian(mean, torch.zeros_like(mean))
    ours = SemiAmortized().infer(q, bound).mean
    theirs = published_descent(torch.stack([mean, q.logvar]), lambda lam: torch.stack([2 * lam[0], lam[1]]))[0]
    assert torch.allclose(ours, theirs, rtol=1e-6)
    assert (ours.norm(dim=1)[0] < length).item()
    tight = SemiAmortized(clip=5.0).infer(q, bound).mean
    assert torch.allclose(tight, theirs, rtol=1e-2) == (length == 1.0), "5 a sentence is another clip"


def test_the_default_gradient_and_clip_are_the_published_ones():
    assert SemiAmortized().gradient == "unrolled"
    assert SemiAmortized().clip == pytest.approx(28.2843, abs=1e-4)
    assert SemiAmortized().rate == 1 / 32


def test_derivative_of_the_clip():
    x = torch.randn(4, 3, dtype=torch.float64) * 2
    upstream = torch.randn_like(x)
    leaf = x.clone().requires_grad_()
    (clip_rows(leaf, 1.5) * upstream).sum().backward()
    assert torch.allclose(clip_backward(x, upstream, 1.5), leaf.grad)


@pytest.mark.parametrize("start", [3.0, 9.0])
def test_unrolled_gradient_is_the_exact_one_on_a_quadratic(start):
    remedy = SemiAmortized(steps=3, rate=0.1, clip=5.0)
    q, bound = gaussian(start, 0.4), Quadratic()
    end = remedy.infer(q, bound)
    (end.mean * 2 + end.logvar * 3).sum().backward()

    exact, a = gaussian(start, 0.4), torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    lam, velocity = torch.stack([exact.mean, exact.logvar]), torch.zeros(2, 1, 1, dtype=torch.float64)
    for _ in range(3):
        velocity = 0.5 * velocity + clip_rows(torch.stack([a * (lam[0] - 1), lam[1]]), 5.0)
        lam = lam - 0.1 * velocity
    (lam[0] * 2 + lam[1] * 3).sum().backward()
    assert torch.allclose(torch.stack([end.mean, end.logvar]), lam)
    assert torch.allclose(q.mean.grad, exact.mean.grad)
    assert torch.allclose(q.logvar.grad, exact.logvar.grad)
    assert torch.allclose(bound.a.grad, a.grad)


def test_one_step_through_by_hand():
    # d lam_1 / d lam_0 = 1 - r a = 1 - .1 * 2 = .8, d lam_1 / d a = -r (3 - 1) = -.2; first order takes 1 and 0
    for gradient, expected, weight in (("unrolled", 0.8, -0.2), ("first_order", 1.0, None)):
        q, bound = gaussian(3.0), Quadratic()
        SemiAmortized(steps=1, rate=0.1, gradient=gradient).infer(q, bound).mean.backward()
        assert q.mean.grad.item() == pytest.approx(expected)
        assert (bound.a.grad is None) if weight is None else (bound.a.grad.item() == pytest.approx(weight))


def seeded_loss(method, hyper, batch, **model):
    built = tiny_model(method, hyper, seed=1, **model)
    torch.manual_seed(2)
    terms = make_method(method, hyper).objective(raw_terms(built, batch), clock())
    terms.loss.backward()
    return terms.loss, built.encoder.lstm.weight_hh_l0.grad, torch.get_rng_state()


@pytest.mark.parametrize("hyper", [{"steps": 0}, {"rate": 0.0}, {"rate": 0.0, "gradient": "unrolled"}])
def test_no_step_is_vanilla_bit_for_bit(hyper):
    batch = tiny_batch(6)
    mine = seeded_loss("semi_amortized", {"semi_amortized": hyper}, batch, output_dropout=0.3)
    vanilla = seeded_loss("vanilla", None, batch, output_dropout=0.3)
    assert all(torch.equal(a, b) for a, b in zip(mine, vanilla, strict=True))


class OneNoise(Bound):
    """A bound whose steps share its own noise, so that the descent is one of a function."""

    def apart(self, posterior, count):
        return [self] * count


def test_no_sentence_gets_worse_at_a_small_rate_on_one_noise():
    torch.manual_seed(0)
    model, batch = tiny_model(seed=3), tiny_batch(8)
    bound, start = OneNoise(model, batch), model.head(model.encode(batch))
    end = SemiAmortized(steps=10, rate=0.01).infer(start, bound)
    with torch.no_grad():
        assert (bound(end) < bound(start)).all()


def test_steps_on_noise_of_their_own_fit_none_of_them():
    """On fresh noise the bound is lower than after as many steps on one noise, which fit that one."""
    model, batch = tiny_model(seed=3), tiny_batch(8)
    with torch.no_grad():
        for weight in model.decoder.parameters():
            weight.mul_(6.0)  # a decoder to which z matters
    remedy, start = SemiAmortized(steps=20, rate=0.05), model.head(model.encode(batch))
    drawn = []
    for kind in (Bound, OneNoise):
        torch.manual_seed(5)
        ends = [remedy.infer(start, kind(model, batch)) for _ in range(20)]
        with torch.no_grad():
            drawn.append(torch.stack([Bound(model, batch)(end).mean() for end in ends for _ in range(5)]).mean().item())
    assert drawn[0] < drawn[1] - 0.1


def test_the_bound_is_one_function_whatever_dropout_and_corruption():
    model = tiny_model("word_dropout", {"word_dropout": {"rate": 0.9}}, output_dropout=0.5, embedding_dropout=0.5)
    batch = tiny_batch(5)
    modes = [m.training for m in model.modules()]
    bound, q = Bound(model, batch), model.posterior(batch)
    assert torch.equal(bound(q), bound(q))
    assert [m.training for m in model.modules()] == modes
    assert not torch.equal(bound(q), Bound(model, batch)(q))  # another noise
    assert all(modes)


def test_refining_forms_no_gradients_of_the_weights():
    model, batch = tiny_model(), tiny_batch(3)
    bound, q = Bound(model, batch), DiagonalGaussian(torch.zeros(3, 4, requires_grad=True), torch.zeros(3, 4))
    bound(q).sum().backward()
    assert q.mean.grad is not None
    assert all(p.grad is None for p in model.decoder.parameters())
    bound(q, weights=True).sum().backward()
    assert all(p.grad is not None for p in model.decoder.parameters())
    assert all(p.requires_grad for p in model.parameters())


def test_unrolled_gradient_of_a_model_is_that_of_finite_differences():
    model, batch = tiny_model(seed=3).double(), tiny_batch(3)
    remedy = SemiAmortized(steps=3, rate=0.05, gradient="unrolled")
    bound, weight = Bound(model, batch), model.decoder.initial.weight
    start = DiagonalGaussian(*(torch.randn(2, 3, 4, dtype=torch.float64) * 0.3).requires_grad_().unbind())

    def loss(q):
        torch.manual_seed(6)  # of the steps' noise
        return Bound(model, batch)(remedy.infer(q, bound), weights=True).sum()

    grad_mean, grad_weight = torch.autograd.grad(loss(start), (start.mean, weight))
    direction, eps = torch.randn_like(grad_mean), 1e-5
    values = [loss(DiagonalGaussian(start.mean + s * eps * direction, start.logvar)).item() for s in (1, -1)]
    assert (grad_mean * direction).sum().item() == pytest.approx((values[0] - values[1]) / (2 * eps), rel=1e-3)
    direction, values = torch.randn_like(weight), []
    for sign in (1, -2):
        with torch.no_grad():
            weight += sign * eps * direction
        values.append(loss(start).item())
    assert (grad_weight * direction).sum().item() == pytest.approx((values[0] - values[1]) / (2 * eps), rel=1e-3)


def test_a_sentence_is_refined_the_same_in_any_company():
    model, split = tiny_model("semi_amortized", seed=2), tiny_split(6)
    with evaluation_mode(model, torch.device("cpu")):
        together = infer(model, collate(split, torch.arange(6)), seed=5)
        alone = [infer(model, collate(split, torch.tensor([n])), seed=5) for n in range(6)]
    assert torch.allclose(together.mean, torch.cat([q.mean for q in alone]), atol=1e-5)
    assert torch.allclose(together.logvar, torch.cat([q.logvar for q in alone]), atol=1e-5)


@pytest.mark.parametrize("gradient", ["first_order", "unrolled"])
def test_it_trains_and_evaluates_refined(gradient):
    hyper = {"semi_amortized": {"steps": 4, "rate": 0.1, "gradient": gradient}}
    method = make_method("semi_amortized+bn+free_bits", hyper)
    model, batch = method.build(tiny_shape(output_dropout=0.2), 0), tiny_batch(8)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for step in range(2):
        optimiser.zero_grad()
        method.objective(raw_terms(model, batch), clock(step)).loss.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
        optimiser.step()
    config = EvaluationConfig(iw_samples=3)
    refined = evaluate(model, tiny_split(9), config, seed=0, device=torch.device("cpu")).values
    assert math.isfinite(refined["iw_nll"])
    assert all(p.requires_grad for p in model.parameters())
    model.refine = None
    plain = evaluate(model, tiny_split(9), config, seed=0, device=torch.device("cpu")).values
    assert refined["neg_elbo"] < plain["neg_elbo"]


def test_it_refines_where_gradients_are_off():
    model, batch = tiny_model("semi_amortized"), tiny_batch(4)
    with torch.no_grad():
        torch.manual_seed(0)
        q = model.posterior(batch)
    torch.manual_seed(0)
    assert torch.allclose(q.mean, model.posterior(batch).mean)
    assert not q.mean.requires_grad
    assert not torch.allclose(q.mean, model.head(model.encode(batch)).mean)


def test_other_posteriors_are_refused():
    with pytest.raises(UsageError, match="'semi_amortized' needs a diagonal Gaussian posterior, got PointMass"):
        SemiAmortized().infer(PointMass(torch.zeros(2, 3)), Quadratic())


def test_svi_by_hand():
    # from N(0, 1) whatever the encoder says: a = 2, c = 1, slope 2 (0 - 1) = -2 at r = .1 gives .2, then v = -1 - 1.6
    remedy = SemiAmortized(steps=2, rate=0.1, start="prior")
    for mean in (3.0, -50.0):
        q = remedy.infer(gaussian(mean, logvar=1.0), Quadratic())
        assert q.mean.item() == pytest.approx(0.2 + 0.26)
        assert q.logvar.item() == 0


def test_svi_trains_the_decoder_and_gives_the_encoder_a_gradient_of_zero():
    loss, model = seeded_svi()
    loss.backward()
    grads = [p.grad for part in (model.encoder, model.head) for p in part.parameters()]
    assert all((g == 0).all() for g in grads if g is not None)
    assert float(model.decoder.output.weight.grad.abs().max()) > 0


def seeded_svi():
    torch.manual_seed(0)
    hyper = {"semi_amortized": {"start": "prior", "steps": 3}}
    model = tiny_model("semi_amortized", hyper)
    terms = make_method("semi_amortized", hyper).objective(raw_terms(model, tiny_batch()), clock())
    return terms.loss, model


def test_each_step_has_noise_of_its_own():
    model, batch = tiny_model().eval(), tiny_batch()
    torch.manual_seed(1)
    bound = Bound(model, batch)
    q = model.posterior(batch)
    apart = bound.apart(q, 4)
    drawn = torch.stack([one._drawn for one in apart])
    assert drawn.shape == (4, 1, batch.size, model.latent_size)
    assert len({float(noise.sum()) for noise in drawn}) == 4
    values = [one(q).detach() for one in apart]
    assert not torch.equal(values[0], values[1])
    assert torch.equal(values[0], apart[0](q).detach())  # and each is one function

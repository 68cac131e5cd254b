"""Laws of the minimum desired rate: the saddle, the ascent of u, and whose gradients are clipped."""

import pytest
import torch
from support import clock, make_terms, tiny_batch, tiny_shape, tiny_split

from vaecli.config import build_config
from vaecli.corpus.types import Corpus
from vaecli.model.parameter_groups import group_parameters
from vaecli.model.posterior import DiagonalGaussian
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.mdr import MDR, Multiplier, constraint
from vaecli.training.session import TrainingSession


def terms_with_kl(kl, multiplier):
    mean = torch.full((2, 1), (2 * kl) ** 0.5, requires_grad=True)
    return make_terms(posterior=DiagonalGaussian(mean, torch.zeros(2, 1)), aux={"mdr": multiplier})


def test_constraint_by_hand():
    # sentences of KL 3 and 1, mean 2, r = 5, u = 0.5: 0.5 * 3 = 1.5
    value = constraint(torch.tensor([[1.0, 2.0], [0.0, 1.0]]), 5.0, torch.tensor(0.5))
    assert value.item() == pytest.approx(1.5)


@pytest.mark.parametrize("u", [0.0, 0.4, 1.0, 1.7])
def test_the_kl_has_the_factor_one_minus_u(u):
    # u = 0 is the VAE, at u = 1 the KL has no gradient, above it the KL is rewarded; d<KL>/d mean = mean / B
    terms = terms_with_kl(2.0, Multiplier(u))
    MDR().objective(terms, clock()).loss.backward()
    mean = terms.context.posterior.mean
    torch.testing.assert_close(mean.grad, (1 - u) * mean.detach() / 2)


def test_at_the_rate_the_term_is_zero_for_every_multiplier():
    for u in (0.0, 1.0, 30.0):
        assert MDR(rate=2.0).objective(terms_with_kl(2.0, Multiplier(u)), clock()).extra.abs().max() < 1e-4


def test_a_kl_weight_acts_on_the_kl_and_not_on_the_constraint():
    # beta 0.5: 0.5 * 2 + 1 * (5 - 2) = 4
    method = make_method("beta+mdr", {"beta": {"beta": 0.5}, "mdr": {"start": 1.0}})
    assert method.objective(terms_with_kl(2.0, Multiplier(1.0)), clock()).loss.item() == pytest.approx(4)


class Words:
    words = tuple(map(str, range(12)))

    def __len__(self):
        return 12


def session(**hyper):
    method = make_method("mdr", {"mdr": hyper})
    config = build_config({"method": "mdr", "training": {"epochs": 1, "batch_size": 4, "clip": 1e-3}})
    corpus = Corpus("tiny", Words(), tiny_split(8), tiny_split(4), tiny_split(4), "none")
    torch.manual_seed(0)
    return TrainingSession(method.build(tiny_shape(), 0), method, corpus, config, torch.device("cpu"))


@pytest.mark.parametrize(("rate", "direction"), [(5.0, 1), (0.0, -1)])
def test_a_step_raises_u_below_the_rate_and_lowers_it_above(rate, direction):
    run = session(rate=rate, start=0.5)
    terms = run.step(tiny_batch(4))
    kl = terms.kl.sum(-1).mean().item()
    assert 0 < kl < 5
    # RMSprop's first step is lr g / sqrt(0.01 g^2) = 10 lr, whatever the size of g
    moved = run.model.aux["mdr"].value.item() - 0.5
    assert moved == pytest.approx(direction * 0.01, rel=1e-3)


def test_u_has_the_unclipped_gradient_of_the_same_backward_pass():
    run = session()
    terms = run.step(tiny_batch(4))
    u = run.model.aux["mdr"].value
    assert u.grad.item() == pytest.approx(5 - terms.kl.sum(-1).mean().item(), rel=1e-5)
    others = [p for group in ("encoder", "decoder") for p in group_parameters(run.model, group)]
    assert all(p is not u for p in others)
    norm = torch.stack([p.grad.norm() for p in others]).norm().item()
    assert norm <= 1e-3 * 1.001


def test_u_is_not_pushed_below_zero():
    run = session(rate=0.0, start=0.005)  # the first step would take 0.01
    run.step(tiny_batch(4))
    assert run.model.aux["mdr"].value.item() == 0.0


def test_the_optimiser_is_checkpointed_and_each_phase_has_a_fresh_one():
    run = session()
    run.step(tiny_batch(4))
    assert "own.mdr" in run.all_optimizers
    assert run.all_optimizers["own.mdr"].state_dict()["state"]
    run.begin(run.phase, 1)
    assert not run.all_optimizers["own.mdr"].state_dict()["state"]


def test_evaluation_knows_nothing_of_the_multiplier():
    model = make_method("mdr").build(tiny_shape(), 0).eval()
    torch.manual_seed(0)
    before = raw_terms(model, tiny_batch(2)).loss
    with torch.no_grad():
        model.aux["mdr"].value.fill_(9.0)
    torch.manual_seed(0)
    assert torch.equal(raw_terms(model, tiny_batch(2)).loss, before)

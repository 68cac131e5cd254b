"""Laws of the contrastive critics: the self critic's loss is log B less the information within the batch."""

import math
from dataclasses import replace

import pytest
import torch
from support import clock, make_terms, tiny_batch, tiny_model

from vaecli.core.errors import UsageError
from vaecli.metrics.columns.mi import mutual_information
from vaecli.model.posterior import DiagonalGaussian
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.critic import ContrastiveCritic, TwoTowers, choice_loss, self_scores
from vaecli.testing import CHECKS
from vaecli.testing.contract import check_composition


def gaussians(b=8, size=4, spread=1.0):
    generator = torch.Generator().manual_seed(0)
    mean, logvar = (torch.randn(b, size, generator=generator, dtype=torch.float64) for _ in range(2))
    return DiagonalGaussian(spread * mean, 0.3 * logvar)


def test_two_codes_by_hand():
    # N(0, 1) and N(2, 1), codes at their means: log q differs by 2, so each loss is log(1 + exp(-2)) = 0.126928
    q = DiagonalGaussian(torch.tensor([[0.0], [2.0]]), torch.zeros(2, 1))
    assert choice_loss(self_scores(q, q.mean)).tolist() == pytest.approx([0.1269280] * 2, abs=1e-7)


def test_the_self_critic_is_log_b_less_the_information_within_the_batch():
    q = gaussians()
    z = q.sample(torch.randn(1, 8, 4, dtype=torch.float64))[0]
    loss = choice_loss(self_scores(q, z)).mean()
    assert loss.item() == pytest.approx(math.log(8) - mutual_information(q, z).value, abs=1e-13)


@pytest.mark.parametrize("form", ["self", "neural", "hybrid"])
def test_no_critic_earns_more_than_log_b(form):
    model = tiny_model("critic", {"critic": {"form": form}}, init_range=1.0)
    remedy = ContrastiveCritic(form=form)
    terms = raw_terms(model, tiny_batch(8))
    loss = remedy.loss(terms)
    assert (loss >= 0).all()
    gained = (remedy.objective(terms, clock()).loss - terms.loss).item()
    assert gained == pytest.approx(loss.mean().item(), abs=1e-5)


def test_a_collapsed_posterior_pays_log_b():
    terms = make_terms(posterior=DiagonalGaussian(torch.zeros(8, 3), torch.zeros(8, 3)), kl=torch.zeros(8, 3))
    assert ContrastiveCritic(weight=2.0).objective(terms, clock()).extra.tolist() == pytest.approx(
        [2 * math.log(8)] * 8
    )


def test_a_neural_critic_that_sees_nothing_pays_log_b_in_both_directions():
    towers = TwoTowers(6, 4, 5, 0.1)
    scores = towers(torch.ones(8, 6), torch.ones(8, 4))
    assert choice_loss(scores).tolist() == pytest.approx([math.log(8)] * 8, abs=1e-5)
    assert scores.abs().max() <= 10 + 1e-5  # a cosine of 1 over the temperature


def test_a_score_is_the_cosine_over_the_temperature_codes_in_rows():
    towers, features, codes = TwoTowers(6, 4, 5, 0.1), torch.randn(3, 6), torch.randn(3, 4)
    scores = towers(features, codes)
    for row, column in ((0, 0), (0, 2), (2, 1)):
        cosine = torch.cosine_similarity(towers.code(codes[row]), towers.sentence(features[column]), dim=0)
        assert scores[row, column].item() == pytest.approx(10 * cosine.item(), abs=1e-5)


def test_the_neural_critic_chooses_sentences_and_codes_by_hand(monkeypatch):
    # scores 0 but for s(x_0, z_0) = log 3: by rows log(1 + 1/3) and log 2, by columns the same, so that a mean of the
    # two is either; with s(x_1, z_0) = log 3 instead rows give log(1 + 3), log 2, columns log 2, log(1 + 3)
    model = tiny_model("critic", {"critic": {"form": "neural"}})
    terms = raw_terms(model, tiny_batch(2))
    for scores, expected in (
        ([[math.log(3), 0.0], [0.0, 0.0]], [math.log(4 / 3), math.log(2)]),
        ([[0.0, math.log(3)], [0.0, 0.0]], [math.log(8) / 2, math.log(8) / 2]),
    ):
        monkeypatch.setattr(model.aux["critic"], "forward", lambda features, z, scores=scores: torch.tensor(scores))
        assert ContrastiveCritic(form="neural").loss(terms).tolist() == pytest.approx(expected, abs=1e-6)


def test_the_hybrid_critic_adds_the_scores():
    model = tiny_model("critic", {"critic": {"form": "hybrid"}}, init_range=1.0)
    terms = raw_terms(model, tiny_batch(8))
    scores = model.aux["critic"](terms.context.encoding.features, terms.z).double()
    expected = choice_loss(scores + self_scores(terms.context.posterior, terms.z))
    torch.testing.assert_close(ContrastiveCritic(form="hybrid").loss(terms), expected)


@pytest.mark.parametrize("form", ["neural", "hybrid"])
@pytest.mark.parametrize("check", [c for c in CHECKS if c is not check_composition], ids=lambda check: check.__name__)
def test_the_other_forms_pass_the_contract(check, form):
    check(ContrastiveCritic(form=form))


def test_weight_zero_is_the_vae():
    terms = raw_terms(tiny_model("critic"), tiny_batch(4))
    assert torch.equal(ContrastiveCritic(weight=0).objective(terms, clock()).loss, terms.loss)


def test_the_gradient_moves_codes_apart():
    q = DiagonalGaussian(torch.tensor([[0.0], [0.5]], requires_grad=True), torch.zeros(2, 1))
    choice_loss(self_scores(q, q.mean)).mean().backward()
    assert q.mean.grad[0] > 0 > q.mean.grad[1]


def test_networks_are_there_only_where_the_critic_has_some():
    assert "critic" not in tiny_model("critic").aux
    assert isinstance(tiny_model("critic", {"critic": {"form": "neural"}}).aux["critic"], TwoTowers)


def test_spherical_codes_have_a_density_and_points_have_none():
    method = make_method("critic+vmf")
    model = method.build(tiny_model("vmf").shape, 0)
    terms = method.objective(raw_terms(model, tiny_batch(4)), clock())
    assert math.isfinite(terms.loss.item())
    with pytest.raises(UsageError, match="needs a posterior with a density"):
        make_method("ae+critic")


def test_the_loss_is_that_of_the_posterior_that_is_read():
    terms = make_terms(posterior=gaussians(), kl=torch.zeros(8, 4))
    wider = replace(
        terms, context=replace(terms.context, posterior=gaussians(spread=3.0)), z=gaussians(spread=3.0).mean
    )
    assert ContrastiveCritic().loss(wider).mean() < ContrastiveCritic().loss(terms).mean()

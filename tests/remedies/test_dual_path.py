"""Laws of the dual-path decoder: two vanilla losses without masks, one after the stopping point."""

import pytest
import torch
from support import clock, tiny_batch, tiny_model

from vaecli.corpus.types import UNK
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.dual_path import DualPath, kept_dimensions


def raw(method="dual_path", b=6):
    torch.manual_seed(0)
    return raw_terms(tiny_model(method, init_range=1.0), tiny_batch(b))


def test_without_masks_it_is_twice_the_vanilla_loss():
    terms = raw()
    both = DualPath(rate=0.0, kl_dropout=0.0).objective(terms, clock())
    torch.testing.assert_close(both.loss, 2 * terms.loss)


def test_path_b_hears_unknown_words_alone_at_rate_1():
    terms = raw()
    model, batch = terms.context.model, terms.context.batch
    unknown = batch.inputs.clone()
    unknown[(unknown > UNK)] = UNK
    expected = model.decoder.token_nll(terms.z, unknown, batch).sum(1)
    torch.testing.assert_close(DualPath(rate=1.0).objective(terms, clock()).extra, expected)


@pytest.mark.parametrize(("step", "both"), [(0, True), (19, True), (20, False), (39, False)])
def test_path_b_ends_at_the_stopping_point(step, both):
    terms = raw()
    after = DualPath(stop=0.5).objective(terms, clock(step, 10, 4))
    assert (after is not terms) == both
    assert bool(after.extra.any()) == both


def test_a_stopping_point_of_0_is_vanilla():
    terms = raw()
    assert DualPath(stop=0.0).objective(terms, clock()) is terms


def test_the_share_of_dropped_dimensions_is_the_rate_and_the_rest_is_twice_the_kl():
    torch.manual_seed(0)
    kept = kept_dimensions(torch.ones(2, 20_000), 0.2, 20_000)
    # standard deviation sqrt(0.2 * 0.8 / 20000) = 0.0028
    assert kept.mean().item() == pytest.approx(0.8, abs=0.015)
    assert set(kept.tolist()) == {0.0, 1.0}
    terms = raw()
    ratio = DualPath(kl_dropout=0.5).objective(terms, clock()).kl / terms.kl
    assert set(ratio.flatten().round(decimals=4).tolist()) <= {0.0, 2.0}
    assert kept_dimensions(torch.ones(2, 1), 0.9, 4).tolist() == [1.0]


def test_the_one_dimension_of_a_code_is_dropped_like_any_other():
    terms = raw_terms(tiny_model("dual_path", latent_size=1, init_range=1.0), tiny_batch(6))
    torch.manual_seed(0)
    ratios = [(DualPath(kl_dropout=0.5).objective(terms, clock()).kl / terms.kl).mean().item() for _ in range(20)]
    assert {round(ratio, 4) for ratio in ratios} == {0.0, 2.0}


def test_a_schedule_weighs_both_bounds():
    method = make_method("beta+dual_path", {"beta": {"beta": 0.25}, "dual_path": {"rate": 0.0, "kl_dropout": 0.0}})
    terms = raw()
    expected = 2 * (terms.nll + 0.25 * terms.kl.sum(1)).mean()
    torch.testing.assert_close(method.objective(terms, clock()).loss, expected)

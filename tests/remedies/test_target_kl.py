"""Laws of the target KL: its ramp, the signs of its gradient, the order of the absolute value and the mean."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import clock, make_terms

from vaecli.remedies import make_method
from vaecli.remedies.target_kl import TargetKL, distance

AFTER = clock(40)
"""Past the ramp of 2 epochs, a quarter of 4, of 10 steps."""


def test_distance_by_hand():
    # sentences of KL 1 + 2 = 3 and 0 + 1 = 1, mean 2, target 5: 3 for both sentences
    kl = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    assert distance(kl, 5.0).tolist() == [[3.0], [3.0]]
    assert TargetKL(target=5, weight=2).objective(make_terms(kl=kl), AFTER).loss.item() == pytest.approx(6)


def test_the_weight_of_the_kl_multiplies_the_distance():
    # 0.5 of an annealing times |2 - 5| = 1.5
    kl = torch.tensor([[2.0], [2.0]])
    assert TargetKL().objective(make_terms(kl=kl, kl_weight=0.5), AFTER).loss.item() == pytest.approx(1.5)
    method = make_method("beta+target_kl", {"beta": {"beta": 0.5}})
    assert method.objective(make_terms(kl=kl), AFTER).loss.item() == pytest.approx(1.5)


def test_a_target_of_zero_is_the_vae_with_weight_b():
    terms = make_terms(kl=torch.rand(3, 4))
    new = TargetKL(target=0, weight=0.7).objective(terms, AFTER)
    assert new.loss.item() == pytest.approx(0.7 * terms.loss.item())


@pytest.mark.parametrize(("kl", "slope"), [(1.0, -3.0), (9.0, 3.0), (5.0, 0.0)])
def test_pushes_up_below_the_target_and_down_above_it(kl, slope):
    value = torch.full((4, 1), kl, requires_grad=True)
    TargetKL(target=5, weight=3).objective(make_terms(kl=value), AFTER).loss.backward()
    # b sign(<KL> - C) / B for each sentence
    assert value.grad.flatten().tolist() == pytest.approx([slope / 4] * 4)


@given(st.lists(st.floats(0, 20), min_size=1, max_size=8), st.floats(0, 20))
def test_the_mean_of_absolute_values_is_no_smaller(kl, target):
    kl = torch.tensor(kl).unsqueeze(1)
    ours, theirs = distance(kl, target)[0].item(), (kl.sum(-1) - target).abs().mean().item()
    assert ours <= theirs + 1e-4


def test_sentences_on_both_sides_cancel_inside_the_mean():
    # KL 3 and 7 around 5: |5 - 5| = 0, where the mean of |3 - 5| and |7 - 5| is 2
    assert distance(torch.tensor([[3.0], [7.0]]), 5.0).tolist() == [[0.0], [0.0]]


def target_at(step, **sizes):
    """C(s), read off as the distance from a KL of 0."""
    kl = torch.zeros(1, 1)
    return TargetKL(target=8).objective(make_terms(kl=kl), clock(step, **sizes)).kl.item()


def test_the_target_rises_in_two_epochs_of_a_long_run():
    # 20 epochs of 10 steps: 8 / 20 a step, 2 at step 5, 8 from step 20
    sizes = {"steps_per_epoch": 10, "epochs": 20}
    assert [target_at(s, **sizes) for s in (0, 5, 10, 20, 199)] == pytest.approx([0, 2, 4, 8, 8])


def test_the_target_rises_in_a_quarter_of_a_short_run():
    # a quarter of 4 epochs is 10 steps
    assert [target_at(s) for s in (0, 5, 10)] == pytest.approx([0, 4, 8])


def test_without_a_ramp_the_target_is_there_from_the_start():
    remedy = TargetKL(target=8, epochs=0)
    assert remedy.objective(make_terms(kl=torch.zeros(1, 1)), clock(0)).kl.item() == 8


def test_only_the_kl_changes():
    terms = make_terms()
    new = TargetKL().objective(terms, clock())
    assert (new.nll is terms.nll, new.extra is terms.extra, new.kl_weight) == (True, True, 1.0)

"""Laws of soft free bits: the trajectory of the weight for a given KL."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import clock, make_terms, tiny_model

from vaecli.core.errors import UsageError
from vaecli.model.posterior import DiagonalGaussian
from vaecli.remedies import make_method
from vaecli.remedies.soft_free_bits import AdaptiveWeight, SoftFreeBits


def trajectory(trace, **hyper):
    """The weight before and after each KL of a trace."""
    state = AdaptiveWeight(SoftFreeBits(**{"smoothing": 0.0, **hyper}))
    weights = [state.weight.item()]
    for kl in trace:
        state.update(torch.tensor(float(kl)))
        weights.append(state.weight.item())
    return weights


def test_trajectory_by_hand():
    # target 4, band [4, 4.2]: 5 and 4.3 multiply by 1.1, 4.1 leaves, 3 and 0 divide: 0.1, 0.11, 0.121, 0.121, 0.11, 0.1
    assert trajectory([5, 4.3, 4.1, 3, 0]) == pytest.approx([0.1, 0.11, 0.121, 0.121, 0.11, 0.1])


def test_a_kl_in_the_band_leaves_the_weight():
    assert trajectory([4.0, 4.19, 4.1, 4.0]) == pytest.approx([0.1] * 5)
    assert trajectory([4.19], slack=0.0)[-1] == pytest.approx(0.11)


def test_the_weight_stays_between_its_floor_and_one():
    # 0.1 * 1.1^25 = 1.083 and 0.1 / 1.1^49 = 0.00094
    assert trajectory([9] * 25)[-1] == 1.0
    assert trajectory([0] * 49)[-1] == pytest.approx(1e-3)


def test_a_collapsed_run_comes_back():
    # from the floor, 0.001 * 1.1^73 = 1.0510 > 1 > 0.001 * 1.1^72 = 0.9555
    weights = trajectory([0] * 5000 + [9] * 73)
    assert weights[-2] == pytest.approx(0.9555, abs=1e-3)
    assert weights[-1] == 1.0


def test_the_running_mean_rides_over_a_single_batch():
    # a = 0.9 after ten batches of 6: one of 0 leaves the mean above 4.2, so the weight goes on rising
    rough, smooth = (trajectory([6] * 10 + [0], smoothing=a) for a in (0.0, 0.9))
    assert rough[-1] < rough[-2]
    assert smooth[-1] > smooth[-2]


@given(st.lists(st.floats(0, 20), max_size=30), st.floats(1.01, 3))
def test_each_update_moves_by_the_factor_at_most(trace, factor):
    weights = trajectory(trace, factor=factor)
    assert all(1e-3 - 1e-9 <= w <= 1 for w in weights)
    assert all(b <= a * factor * 1.0001 and b >= a / factor * 0.9999 for a, b in pairwise(weights))


def terms_with_kl(kl, state, **context):
    mean = torch.full((2, 1), (2 * kl) ** 0.5, requires_grad=True)
    posterior = DiagonalGaussian(mean, torch.zeros(2, 1))
    return make_terms(posterior=posterior, aux={"soft_free_bits": state}, **context)


def test_an_update_has_the_weight_from_before_its_batch():
    remedy = SoftFreeBits(smoothing=0)
    state = AdaptiveWeight(remedy)
    terms = terms_with_kl(5.0, state)
    new = remedy.objective(terms, clock())
    assert float(new.kl_weight) == pytest.approx(0.1)
    assert new.kl is terms.kl
    assert float(remedy.objective(terms_with_kl(5.0, state), clock(1)).kl_weight) == pytest.approx(0.11)
    # nll 0 + 0.1 * 5 of the first, with the weight it was made with
    assert new.loss.item() == pytest.approx(0.5)
    new.loss.backward()
    assert terms.context.posterior.mean.grad is not None


def test_evaluation_leaves_the_weight():
    remedy = SoftFreeBits()
    state = AdaptiveWeight(remedy)
    remedy.objective(terms_with_kl(50.0, state, training=False), clock())
    with torch.no_grad():
        remedy.objective(terms_with_kl(50.0, state), clock())
    assert state.weight.item() == pytest.approx(0.1)
    assert state.kl.weight.item() == 0


def test_settings_reach_the_state():
    model = tiny_model("soft_free_bits", {"soft_free_bits": {"target": 2.0, "slack": 0.5, "start": 0.25}})
    state = model.aux["soft_free_bits"]
    assert state.band == (2.0, 3.0)
    assert state.weight.item() == 0.25
    assert not list(state.parameters())


def test_a_start_below_the_floor_is_refused():
    with pytest.raises(UsageError, match="start must be at least minimum"):
        make_method("soft_free_bits", {"soft_free_bits": {"start": 1e-4}})

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import clock, make_terms

from vaecli.remedies.shared.schedules import logistic, shortened_midpoint
from vaecli.remedies.sigmoid_anneal import SigmoidAnneal, sigmoid_weight


def weight(remedy, step, **sizes):
    return remedy.objective(make_terms(), clock(step, **sizes)).kl_weight


def test_published_curve_in_a_run_of_published_length():
    # 4 epochs of 1,316 steps = 5,264 steps, of which 0.475 are 2,500.4: the midpoint stays at 2,500.
    # w(0) = 1 / (1 + exp(6.25)) = 1 / (1 + 518.013) = 0.0019267; w(2500) = 1/2; w(2900) = 1 / (1 + exp(-1)) = 0.731059
    sizes = {"steps_per_epoch": 1316, "epochs": 4}
    remedy = SigmoidAnneal()
    assert weight(remedy, 0, **sizes) == pytest.approx(0.0019267, rel=1e-4)
    assert weight(remedy, 2500, **sizes) == 0.5
    assert weight(remedy, 2900, **sizes) == pytest.approx(0.731059, rel=1e-6)


def test_short_run_keeps_the_shape():
    # 400 steps: midpoint 0.475 * 400 = 190, k = 0.0025 * 2500 / 190, so k * 190 = 6.25 still.
    # w(0) is as published, w(190) one half, w(380) = 1 - w(0), and it has arrived by the end: 6.25 * 209 / 190 = 6.875
    sizes = {"steps_per_epoch": 100, "epochs": 4}
    remedy = SigmoidAnneal()
    assert shortened_midpoint(2500, 0.475, clock(**sizes)) == 190
    assert weight(remedy, 0, **sizes) == pytest.approx(0.0019267, rel=1e-4)
    assert weight(remedy, 190, **sizes) == 0.5
    assert weight(remedy, 380, **sizes) == pytest.approx(1 - 0.0019267, rel=1e-6)
    assert weight(remedy, 399, **sizes) == pytest.approx(1 / (1 + math.exp(-6.875)))


def test_long_run_is_not_stretched():
    sizes = {"steps_per_epoch": 10_000, "epochs": 10}
    assert weight(SigmoidAnneal(), 2500, **sizes) == 0.5
    assert weight(SigmoidAnneal(), 99_999, **sizes) == pytest.approx(1)


def test_midpoint_zero_starts_at_one_half():
    # k = 0.0025: w(400) = 1 / (1 + exp(-1))
    assert weight(SigmoidAnneal(midpoint=0), 0) == 0.5
    assert weight(SigmoidAnneal(midpoint=0), 400) == pytest.approx(0.731059, rel=1e-6)


@given(st.floats(0, 5000), st.floats(0, 5000), st.floats(1e-4, 1))
def test_symmetric_about_the_midpoint(midpoint, distance, steepness):
    after = sigmoid_weight(midpoint + distance, midpoint, steepness)
    before = sigmoid_weight(midpoint - distance, midpoint, steepness)
    assert after + before == pytest.approx(1)
    assert after >= before


@given(st.floats(-1e6, 1e6))
def test_logistic_never_overflows(x):
    assert 0 <= logistic(x) <= 1
    assert logistic(x) + logistic(-x) == pytest.approx(1)

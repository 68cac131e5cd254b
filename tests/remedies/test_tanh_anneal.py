from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import clock, make_terms

from vaecli.remedies.sigmoid_anneal import sigmoid_weight
from vaecli.remedies.tanh_anneal import TanhAnneal, tanh_weight

LONG = {"steps_per_epoch": 1000, "epochs": 10}


def weight(remedy, step, **sizes):
    return remedy.objective(make_terms(), clock(step, **sizes)).kl_weight


def test_published_curve():
    # (tanh(-1.5) + 1) / 2 = (-0.905148 + 1) / 2 = 0.047426 at step 3000; (tanh(1) + 1) / 2 = 0.880797 at 5500
    assert weight(TanhAnneal(), 3000, **LONG) == pytest.approx(0.047426, rel=1e-4)
    assert weight(TanhAnneal(), 4500, **LONG) == 0.5
    assert weight(TanhAnneal(), 5500, **LONG) == pytest.approx(0.880797, rel=1e-6)


def test_goes_on_after_3000_steps():
    weights = [weight(TanhAnneal(), step, **LONG) for step in range(2500, 10_000, 500)]
    assert all(a < b for a, b in pairwise(weights))
    assert weights[-1] == pytest.approx(1, abs=1e-4)


@given(st.floats(0, 1e5), st.floats(0, 1e4), st.floats(1, 1e4))
def test_is_the_logistic_curve_with_k_2_over_r(step, midpoint, width):
    assert tanh_weight(step, midpoint, width) == pytest.approx(sigmoid_weight(step, midpoint, 2 / width), abs=1e-12)


def test_short_run_keeps_the_shape():
    # 400 steps: midpoint 190, r = 1000 * 190 / 4500 = 42.2222; a third of r after 0 is s = 190 - 1.5 r = 126.6667,
    # where the published curve is at step 3000
    sizes = {"steps_per_epoch": 100, "epochs": 4}
    assert weight(TanhAnneal(), 190, **sizes) == 0.5
    assert weight(TanhAnneal(), 380 / 3, **sizes) == pytest.approx(0.047426, rel=1e-4)
    assert weight(TanhAnneal(), 399, **sizes) > 0.9999

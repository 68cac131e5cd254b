import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import clock, make_terms

from vaecli.remedies.cyclical import Cyclical, cyclical_weight
from vaecli.remedies.linear_anneal import linear_weight


def test_table_of_four_cycles_over_forty_steps():
    # cycles of 10 steps, of which the first half rises by a fifth a step: 0, .2, .4, .6, .8, 1 at tau = 0, .1, ..., .5
    weights = [Cyclical().objective(make_terms(), clock(step, 10, 4)).kl_weight for step in range(40)]
    assert weights[:11] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1, 1, 0])
    assert weights[5] == 1.0
    assert weights[10:20] == weights[20:30] == weights[30:40] == weights[:10]


def test_one_cycle_is_linear_annealing_from_zero():
    # M = 1, R = 0.25, T = 40: a rise over 10 steps
    for step in range(40):
        assert cyclical_weight(step + 1, 40, 1, 0.25) == pytest.approx(linear_weight(step, 10, 0.0))


def test_shapes_by_hand():
    # T = 8, M = 1, R = 1: update 3 is at v = 2/8. linear 1/4; sigmoid 1 / (1 + exp(-(12 / 4 - 6))) = 1 / (1 + e^3)
    # = 0.0474259; cosine (1 - cos(pi / 4)) / 2 = (1 - 0.7071068) / 2 = 0.1464466
    assert cyclical_weight(3, 8, 1, 1.0, "linear") == 0.25
    assert cyclical_weight(3, 8, 1, 1.0, "sigmoid") == pytest.approx(0.0474259)
    assert cyclical_weight(3, 8, 1, 1.0, "cosine") == pytest.approx(0.1464466)
    assert cyclical_weight(5, 8, 1, 1.0, "sigmoid") == cyclical_weight(5, 8, 1, 1.0, "linear") == 0.5


@pytest.mark.parametrize(("shape", "low"), [("linear", 0), ("cosine", 0), ("sigmoid", 1 / (1 + math.exp(6)))])
def test_every_cycle_starts_low_and_ends_at_one(shape, low):
    total, cycles = 1000, 4
    for cycle in range(cycles):
        first = cycle * 250 + 1
        assert cyclical_weight(first, total, cycles, 0.5, shape) == pytest.approx(low)
        assert cyclical_weight(first + 249, total, cycles, 0.5, shape) == 1.0


def test_many_steps_lose_none():
    # 3 cycles of 333,334 updates, the rise over half of one: every corner is hit exactly, late in training too
    total, cycles, size = 1_000_002, 3, 333_334
    for first in range(1, total, size):
        assert cyclical_weight(first, total, cycles, 0.5) == 0.0
        assert cyclical_weight(first + size // 2 - 1, total, cycles, 0.5) < 1.0
        assert cyclical_weight(first + size // 2, total, cycles, 0.5) == 1.0
        assert cyclical_weight(first + size - 1, total, cycles, 0.5) == 1.0


def test_cycles_that_do_not_divide_the_steps():
    # T = 10, M = 4: cycles of ceil(2.5) = 3 updates; tau = 0, 0.4, 0.8 in each, w = 0, 0.8, 1; the last has one update
    weights = [cyclical_weight(t, 10, 4, 0.5) for t in range(1, 11)]
    assert weights == pytest.approx([0, 0.8, 1, 0, 0.8, 1, 0, 0.8, 1, 0])


@given(st.integers(1, 300), st.integers(1, 12), st.floats(0.05, 1), st.sampled_from(["linear", "sigmoid", "cosine"]))
def test_weights_stay_in_range_and_restart_as_often_as_there_are_cycles(total, cycles, rise, shape):
    weights = [cyclical_weight(t, total, cycles, rise, shape) for t in range(1, total + 1)]
    assert all(0 <= w <= 1 for w in weights)
    falls = sum(b < a for a, b in pairwise(weights))
    assert falls <= cycles - 1

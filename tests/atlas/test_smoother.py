"""Weighted averages, quantiles and intervals, by hand; coverage under a known law."""

import numpy as np
import pytest
from atlas_law import law_table

from vaecli.atlas.smoother import (
    Points,
    TrialKernel,
    average,
    choose_kernel,
    coverage,
    effective,
    groups_out,
    margin,
    quantiles,
    scores,
    wilson,
)


def points(x, methods=None, levels=None):
    x = np.asarray(x, dtype=float)
    return Points(
        x[:, None], np.array(methods or ["a"] * len(x)), np.array(levels if levels is not None else [0.0] * len(x))
    )


def test_weights_by_hand():
    """h = 1: a unit away exp(-1/2); another method, gap 2: exp(-2); a knob's step, half a unit: exp(-1/8)."""
    trials = points([0, 1, 0, 0], ["a", "a", "b", "a"], [0, 0, 0, 1])
    weights = TrialKernel(1.0, 2.0).weights(points([0]), trials)
    assert weights[0] == pytest.approx(np.exp([0, -0.5, -2, -0.125]))
    wide = TrialKernel(1.0, 2.0, own=2.0).weights(
        points([0]), trials
    )  # own distances halved, so a quarter in the square
    assert wide[0] == pytest.approx(np.exp([0, -0.125, -2, -0.03125]))
    left = TrialKernel(1.0, 2.0).weights(points([0]), trials, np.array([[True, False, True, False]]))
    assert left[0] == pytest.approx([0, np.exp(-0.375), 0, 1])  # the nearest that is left counts 1


def test_averages_quantiles_and_worth_by_hand():
    weights, outcomes = np.array([[1.0, 1.0, 2.0], [0.0, 0.0, 0.0]]), np.array([3.0, 1.0, 2.0])
    assert average(weights, outcomes)[0] == 2.0
    assert np.isnan(average(weights, outcomes)[1])
    assert [quantiles(weights[:1], outcomes, q)[0] for q in (0.1, 0.25, 0.5, 0.75, 0.9)] == [1, 1, 2, 2, 3]
    assert list(effective(weights)) == [pytest.approx(16 / 6), 0.0]


def test_margins_are_conformal():
    """Of 9 scores at level 0.8 the ceil(8)-th; of 3 there is none at level 0.8, since ceil(3.2) is beyond them."""
    assert margin(np.arange(9.0)) == 7.0
    assert margin(np.arange(3.0)) == np.inf


def test_scores_are_how_far_outcomes_lie_beyond():
    """Of 0 to 9 with equal weights the quantiles are 0 and 8: 0 lies at the end, 9 one beyond, 4 four within."""
    assert scores(np.ones((10, 10)), np.arange(10.0))[[0, 9, 4]].tolist() == [0, 1, -4]


def test_wilson_by_hand():
    """5 of 10: centre 0.5, half 1.96 / (1 + 0.384) * sqrt(0.025 + 0.0096) = 0.263."""
    assert wilson(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-3)
    assert wilson(0.5, 0) == (0.0, 1.0)
    assert wilson(1.0, 3.5)[1] == 1.0


def test_the_kernel_learns_whether_methods_differ():
    rng = np.random.default_rng(1)
    x, names = rng.uniform(0, 4, 120), rng.choice(["a", "b"], 120)
    groups = np.array([f"{n} {int(g)}" for n, g in zip(names, rng.integers(0, 4, 120), strict=True)])
    apart = x * 0.2 + 5 * (names == "b")
    assert choose_kernel(points(x, list(names)), apart, groups).method_gap >= 3
    alike = np.sin(2 * x)
    assert choose_kernel(points(x, list(names)), alike, groups).method_gap <= 1


@pytest.mark.parametrize("seed", [0, 1])
def test_intervals_hold_four_fifths_of_what_was_left_out(seed):
    """1,000 trials of a known law, a third of them left out with their group: coverage is binomial round 0.8."""
    frame = law_table(1000, seed=seed)
    train, fresh = frame.iloc[:400], frame.iloc[400:]
    names = (train["method"] + train["knob_value"]).to_numpy(dtype=str)
    own, outcomes = Points.of(train), np.log1p(train["mi"].to_numpy())
    kernel = choose_kernel(own, outcomes, names)
    intervals = coverage(kernel, own, outcomes, names)
    assert intervals.total == 400
    assert 0.74 <= intervals.held / intervals.total <= 0.86  # three standard errors of 400
    wider = margin(scores(kernel.weights(own, own, groups_out(names)), outcomes))
    weights = kernel.weights(Points.of(fresh), own)
    low, high = quantiles(weights, outcomes, 0.1) - wider, quantiles(weights, outcomes, 0.9) + wider
    truth = np.log1p(fresh["mi"].to_numpy())
    held = float(((low <= truth + 1e-9) & (truth <= high + 1e-9)).mean())
    assert held >= 0.76  # unseen trials of known methods are no harder than left-out settings

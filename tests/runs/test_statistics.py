"""Statistics over seeds against worked examples and laws."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecli.runs.groups import APART, complete, finished, grouped
from vaecli.runs.statistics import holm, interval, paired, ranks, t_test

FINITE = st.floats(-1e6, 1e6)


def frame(*rows, **shared):
    return pd.DataFrame([{"experiment": "e", "status": "done", **shared, **row} for row in rows])


def test_interval_of_three_values():
    # mean 4; deviations -2, 0, 2, so sd = sqrt(8 / 2) = 2; t(0.975, 2 df) = 4.302653 (any t table),
    # half = 4.302653 * 2 / sqrt(3) = 4.968275
    summary = interval([2.0, 4.0, 6.0])
    assert (summary.n, summary.mean, summary.sd) == (3, 4.0, 2.0)
    assert summary.half == pytest.approx(4.968275, abs=1e-6)
    assert (summary.low, summary.high) == pytest.approx((4 - 4.968275, 4 + 4.968275), abs=1e-6)


def test_intervals_of_three_seeds_hold_the_mean_as_often_as_they_say():
    # a bootstrap's are about the range of the three, which holds it in 3 of 4 cases: 1 - 2 / 2^3
    draws = np.random.default_rng(0).normal(size=(4000, 3))
    intervals = [interval(row) for row in draws]
    assert np.mean([i.low <= 0 <= i.high for i in intervals]) == pytest.approx(0.95, abs=0.012)
    assert np.mean((draws.min(1) <= 0) & (draws.max(1) >= 0)) == pytest.approx(0.75, abs=0.025)


def test_interval_of_one_value_has_no_spread_and_of_none_is_none():
    one = interval([7.5])
    assert (one.n, one.mean, one.sd, one.low, one.high, one.half) == (1, 7.5, None, None, None, None)
    assert interval([]) is None
    assert interval([None, float("nan"), ""]) is None


def test_undefined_values_are_left_out_and_not_zero():
    assert interval([2.0, None, 4.0, float("nan"), pd.NA, 6.0]) == interval([2.0, 4.0, 6.0])


def test_infinite_values_give_no_interval():
    summary = interval([1.0, math.inf])
    assert (summary.mean, summary.sd, summary.low) == (math.inf, None, None)


def test_equal_values_have_no_spread_at_all():
    # 0.1 + 0.1 + 0.1 is not 0.3 in binary, yet the spread must be 0
    summary = interval([0.1, 0.1, 0.1])
    assert (summary.mean, summary.sd, summary.half) == (0.1, 0.0, 0.0)


@given(st.lists(FINITE, min_size=2, max_size=8), st.floats(-1e3, 1e3))
def test_interval_holds_its_mean_and_moves_with_the_values(values, shift):
    summary, moved = interval(values), interval([value + shift for value in values])
    assert summary.low <= summary.mean <= summary.high
    assert min(values) - 1e-6 <= summary.mean <= max(values) + 1e-6
    assert moved.mean == pytest.approx(summary.mean + shift, abs=1e-6)
    assert moved.half == pytest.approx(summary.half, rel=1e-3, abs=1e-6)


def test_t_test_with_one_degree_of_freedom():
    # differences 1 and 3: mean 2, sd sqrt(2), t = 2 / (sqrt(2) / sqrt(2)) = 2; with 1 df the t distribution is
    # Cauchy's: p = 2 (1/2 - arctan(2) / pi) = 1 - 2 * 1.107149 / 3.141593 = 0.295167
    assert t_test([1.0, 3.0]) == pytest.approx(0.295167, abs=1e-6)


def test_t_test_needs_differences_that_vary():
    assert t_test([1.0]) is None
    assert t_test([2.0, 2.0, 2.0]) is None
    assert t_test([0.3 - 0.1, 0.4 - 0.2, 0.5 - 0.3]) is None  # equal but for rounding


def test_holm_by_hand():
    # sorted: 0.01 * 4 = 0.04; 0.02 * 3 = 0.06; 0.03 * 2 = 0.06; 0.6 * 1 = 0.6
    assert holm([0.03, 0.01, 0.6, 0.02]) == pytest.approx([0.06, 0.04, 0.6, 0.06])
    # 0.04 * 2 = 0.08, and 0.05 * 1 = 0.05 may not be below the one before: 0.08
    assert holm([0.04, 0.05]) == pytest.approx([0.08, 0.08])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_only_raises_keeps_the_order_and_is_within_bonferroni(p_values):
    adjusted = holm(p_values)
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= min(1.0, p * len(p_values)) or q == pytest.approx(p)
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    assert [adjusted[i] for i in order] == sorted(adjusted)


def test_ranks_share_ties_and_skip_undefined_values():
    # 1 is best; the two 2s share places 2 and 3: 2.5; 5 is fourth
    assert ranks([2, 1, None, 5, 2], "lower") == [2.5, 1, None, 4, 2.5]
    assert ranks([2, 1, None, 5, 2], "higher") == [2.5, 4, None, 1, 2.5]


@given(st.lists(FINITE, max_size=10))
def test_ranks_sum_to_that_of_one_to_n(values):
    n = len(values)
    assert sum(ranks(values, "lower")) == n * (n + 1) / 2
    assert [n + 1 - rank for rank in ranks(values, "lower")] == ranks(values, "higher")


def test_only_done_trials_count():
    table = frame({"method": "bn", "seed": 0, "rec": 1.0}, {"method": "bn", "seed": 1, "rec": 9.0, "status": "failed"})
    assert list(finished(table)["seed"]) == [0]
    (group,) = grouped(table)
    assert group.summary("rec") == interval([1.0])
    assert group.summary("bleu") is None
    assert len(group.trials) == 2


def test_versions_are_never_averaged_and_the_label_names_what_differs():
    table = frame(
        {"method": "bn", "seed": 0, "rec": 1.0, "versions": "bn 1, kl 1"},
        {"method": "bn", "seed": 1, "rec": 3.0, "versions": "bn 2, kl 1"},
        {"method": "lm", "seed": 0, "rec": 5.0, "versions": "lm 1, kl 1"},
    )
    groups = grouped(table)
    assert [(group.label, group.summary("rec").mean) for group in groups] == [
        ("bn (bn 1)", 1.0),
        ("bn (bn 2)", 3.0),
        ("lm", 5.0),
    ]


def test_a_trial_that_never_started_joins_the_one_version_of_its_method():
    rows = [
        {"method": "bn", "seed": 0, "versions": "bn 1", "corpus": "c"},
        {"method": "bn", "seed": 1, "versions": None, "corpus": None, "status": "pending"},
    ]
    (group,) = grouped(frame(*rows))
    assert group.label == "bn"
    assert len(group.trials) == 2
    two = complete(frame(*rows, {"method": "bn", "seed": 2, "versions": "bn 2", "corpus": "c"}))
    assert list(two[APART]) == ["bn 1", "", "bn 2"]


def paired_rows(n):
    differences = [1.0, 2.0, 3.0, 4.0, 5.0][:n]
    table = frame(
        *({"method": "vanilla", "seed": seed, "rec": 10.0 * seed} for seed in range(n)),
        *({"method": "bn", "seed": seed, "rec": 10.0 * seed + d} for seed, d in enumerate(differences)),
        *({"method": "fb", "seed": seed, "rec": 10.0 * seed - 2 * d} for seed, d in enumerate(differences)),
    )
    groups = {group.method: group for group in grouped(table)}
    return paired(list(groups.values()), groups["vanilla"], ["rec"])


def test_paired_differences_with_five_seeds_are_tested_and_corrected():
    bn, fb = paired_rows(5)
    assert (bn.method, bn.seeds, bn.differences) == ("bn", (0, 1, 2, 3, 4), (1.0, 2.0, 3.0, 4.0, 5.0))
    assert (bn.interval.mean, fb.interval.mean) == (3.0, -6.0)
    # both: t = 3 / (sqrt(2.5) / sqrt(5)) = 4.242641, 4 df; P(|T| > t) = 0.013236: with u = t^2 / (t^2 + 4) = 9/11,
    # 1 - p = sqrt(u) (1 + (1 - u) / 2) = 0.904534 * 1.090909 = 0.986764. Holm doubles the smaller, and the other
    # may not be below it.
    assert bn.p_value == pytest.approx(2 * 0.013236, abs=2e-6)
    assert fb.p_value == pytest.approx(2 * 0.013236, abs=2e-6)


def test_paired_differences_with_four_seeds_have_no_p_value():
    assert [row.p_value for row in paired_rows(4)] == [None, None]


def test_only_seeds_that_both_finished_are_paired():
    table = frame(
        {"method": "vanilla", "seed": 0, "rec": 1.0, "kl": None},
        {"method": "vanilla", "seed": 1, "rec": 2.0, "status": "failed"},
        {"method": "vanilla", "seed": 2, "rec": 3.0},
        {"method": "bn", "seed": 1, "rec": 7.0},
        {"method": "bn", "seed": 2, "rec": 5.0, "kl": 1.0},
        {"method": "lm", "seed": 9, "rec": 5.0},
    )
    groups = {group.method: group for group in grouped(table)}
    (row,) = paired(list(groups.values()), groups["vanilla"], ["rec", "kl"])
    assert (row.method, row.column, row.seeds, row.differences) == ("bn", "rec", (2,), (2.0,))


def test_values_too_large_to_square_keep_their_interval():
    small, large = interval([19.0, 20.0, 24.0]), interval([19.0e300, 20.0e300, 24.0e300])
    for part in ("mean", "sd", "low", "high"):
        assert getattr(large, part) == pytest.approx(1e300 * getattr(small, part))
    assert interval([1.7e308, -1.7e308]).high == math.inf

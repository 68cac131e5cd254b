"""The early warning's rules and their errors, by hand."""

import time

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from experiments.atlas.early import (
    RANGES,
    Errors,
    Logistic,
    Rate,
    Threshold,
    balanced,
    early_warning,
    features,
    fit_logistic,
    fit_threshold,
    held_out,
    rounded,
    shipped_rule,
    usable,
    worth,
)
from experiments.atlas.families import can_be_left_out, families_of, families_of_trials
from vaecli.atlas.smoother import wilson
from vaecli.training.early_rule import FEATURES, FLOOR

EARLY = {
    "early_mi_middle": 0.009,
    "early_mi_last": 0.099,
    "early_kl_middle": 9.999,
    "early_kl_last": 0.999,
    "early_top_last": 0.499,
    "early_nll_first": 60.0,
    "early_nll_last": 30.0,
    "early_kl_weight_last": 2.5,
}


def frame(rows):
    return pd.DataFrame([EARLY | {"verdict": "collapsed", "method": "bn"} | r for r in rows])


def test_features_by_hand():
    """mi 0.1 after 0.01, kl 1 after 10, half of it in one dimension, all to 0.001 nats; nll halved."""
    (row,) = features(frame([{}]))
    assert len(row) == len(FEATURES)
    assert row == pytest.approx([-1.0, 0.0, 0.5, 1.0, -1.0, np.log(2), 1.0])


def test_what_can_be_used():
    rows = [{}, {"verdict": ""}, {"early_mi_last": None}, {"early_kl_last": np.inf}, {"early_nll_last": np.nan}]
    assert len(usable(frame(rows))) == 1


def test_the_logistic_regression_of_two_groups_is_their_log_odds():
    """10 runs at 0, of which 8 collapse, 10 at 1, of which 1 does: the fit is 0.8 and 0.1."""
    x = np.repeat([[0.0], [1.0]], 10, axis=0)
    collapsed = np.array([True] * 8 + [False] * 2 + [True] + [False] * 9)
    rule = fit_logistic(x, collapsed, penalty=0.0)
    assert rule.probability(np.array([[0.0], [1.0]])) == pytest.approx([0.8, 0.1], abs=1e-4)
    assert rule.weights[0] / rule.scale[0] == pytest.approx(logit(0.1) - logit(0.8), abs=1e-3)
    assert list(rule.warns(np.array([[0.0], [1.0]]))) == [True, False]


def test_the_penalty_keeps_weights_finite_and_the_bias_free():
    x = np.array([[0.0], [0.0], [0.0], [1.0]])
    collapsed = np.array([True, True, True, False])
    rule = fit_logistic(x, collapsed)
    assert abs(rule.weights[0]) < 2
    constant = fit_logistic(np.ones((4, 1)), collapsed)
    assert constant.weights[0] == pytest.approx(0.0, abs=1e-9)
    assert constant.bias == pytest.approx(logit(0.75), abs=1e-4)


def test_the_threshold_of_least_error():
    x = np.array([[0.1], [0.2], [0.4], [0.3], [0.5], [0.9]])
    collapsed = np.array([True, True, True, False, False, False])
    rule = fit_threshold(x, collapsed)
    assert rule == Threshold(0.25)  # one of three missed; at 0.45 there is one false alarm of three, which is no better
    assert balanced(x[:, 0], collapsed, np.array([0.25, 0.45])) == pytest.approx([1 / 6, 1 / 6])


def test_thresholds_are_those_of_all_cuts_one_by_one_and_quick_among_many():
    rng = np.random.Generator(np.random.PCG64(0))
    for count in (1, 2, 40):
        x = rng.integers(0, 12, (count, 1)) / 7
        collapsed = rng.random(count) < 0.5
        values = np.unique(x)
        cuts = [values[0], *((values[1:] + values[:-1]) / 2), values[-1] + 1.0]
        wrong = [(x[:, 0] < cut) != collapsed for cut in cuts]
        kinds = [kind for kind in (collapsed, ~collapsed) if kind.any()]
        rates = [np.mean([row[kind].mean() for kind in kinds]) for row in wrong]
        assert fit_threshold(x, collapsed).value == cuts[int(np.argmin(rates))]
    start = time.process_time()
    fit_threshold(rng.normal(size=(20_000, 1)), rng.random(20_000) < 0.5)
    assert time.process_time() - start < 1.0  # every cut against every run took a minute for a table of thousands


def test_thresholds_of_one_kind_of_run():
    x = np.array([[0.1], [0.2]])
    assert fit_threshold(x, np.array([True, True])).warns(x).all()
    assert not fit_threshold(x, np.array([False, False])).warns(x).any()


def test_held_out_rules_have_not_seen_the_family():
    """In family b low values are informative, so a rule of a alone is wrong on all of b, and that of b on all of a."""
    x = np.array([[0.0], [1.0], [0.0], [1.0]])
    collapsed, kinds = np.array([True, False, False, True]), [frozenset("a")] * 2 + [frozenset("b")] * 2
    assert list(held_out(x, collapsed, kinds, fit_logistic)) == list(~collapsed)
    mixed = [*kinds, frozenset("ab"), frozenset("c"), frozenset("c")]  # of both, so that no rule for a or b sees it
    x, collapsed = np.append(x, [[9.0], [1.0], [0.0]], axis=0), np.append(collapsed, [False, True, False])
    seen = []

    def fit(own, outcomes):
        seen.append(sorted(own[:, 0]))
        return fit_logistic(own, outcomes)

    held_out(x, collapsed, mixed, fit)
    assert seen == [[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0], [0.0, 1.0], [0.0, 0.0, 1.0, 1.0, 9.0]]


def test_families_are_those_of_the_readme_and_of_all_parts():
    assert families_of("info_kl") == families_of("beta_tc") == {"the KL term"}
    assert families_of("hr") == families_of("twr") == {"the posterior"}
    assert families_of("bn+linear_anneal") == {"the posterior", "the weight of the KL over time"}
    assert families_of("newcomer") == {"newcomer"}
    rows = pd.DataFrame({"method": ["bn", "bn", "lm"], "trained": ["bn+beta", "", "lm"]})
    kinds = families_of_trials(rows)
    assert kinds == [families_of("bn+beta"), families_of("bn"), families_of("lm")]
    assert families_of_trials(rows[["method"]]) == [families_of("bn")] * 2 + [families_of("lm")]
    assert can_be_left_out(kinds)
    assert not can_be_left_out(kinds[:2])
    assert not can_be_left_out([*kinds, families_of("bn+lm+beta")])


def test_relatives_of_a_method_teach_nothing_of_it():
    """Where a KL is weighed otherwise, low values inform; elsewhere they collapse: a rule without a family is wrong.

    With the method alone left out, that of `info_kl` is right by `beta_tc`: 4 would be missed, and 4 be false alarms.
    """
    rows = [
        {"early_mi_last": mi, "verdict": "informative" if (mi < 0.1) == turned else "collapsed", "method": name}
        for name, turned in {"info_kl": True, "beta_tc": True, "bn": False, "vanilla": False}.items()
        for mi in (0.001, 0.002, 0.5, 0.6) * (3 if turned else 1)
    ]
    errors = early_warning(frame(rows))["logistic"]
    assert (errors.missed.count, errors.alarms.count) == (16, 16)


def test_errors_by_hand():
    collapsed, warned = np.array([True, True, False, False, False]), np.array([True, False, True, False, False])
    errors = Errors.of(collapsed, warned, ["a", "b", "a", "b", "c"])
    counts = [(rate.count, rate.total) for rate in (errors.missed, errors.alarms)]
    assert counts == [(1, 2), (1, 3)]


def test_trials_of_one_method_that_all_do_alike_are_worth_one():
    """Ten methods of ten trials, two of which always hit: the share of ten, less the 10 / 9 of a variance of few."""
    hits, methods = np.repeat([True, False], [20, 80]), [f"m{n // 10}" for n in range(100)]
    assert worth(hits, methods) == pytest.approx(9.0)
    low, high = (100 * end for end in wilson(0.2, 9.0))
    assert str(Rate.by_method(hits, methods)) == f"20 of 100 (20 %, {low:.0f} to {high:.0f} %)"
    assert worth(np.zeros(100, dtype=bool), methods) == 10.0, "nothing tells how alike they are"
    assert worth(hits, ["m"] * 100) == 1.0


def test_independent_trials_are_worth_about_their_number():
    rng = np.random.Generator(np.random.PCG64(0))
    hits = rng.random(6000) < 0.3
    assert 4000 < worth(hits, [f"m{n % 60}" for n in range(6000)]) <= 6000


def test_an_interval_by_methods_holds_the_share_of_all_methods():
    """Methods that differ among each other: the interval as of independent trials misses in most of 200 tables."""
    rng, held = np.random.Generator(np.random.PCG64(0)), {"by method": 0, "apart": 0}
    for _ in range(200):
        shares = rng.beta(0.5, 1.5, 50)
        hits = rng.random((50, 40)) < shares[:, None]
        methods = [f"m{n // 40}" for n in range(2000)]
        for name, count in (("by method", worth(hits.ravel(), methods)), ("apart", 2000.0)):
            low, high = wilson(float(hits.mean()), count)
            held[name] += low <= 0.25 <= high
    assert held["by method"] > 180
    assert held["apart"] < 100


def test_a_rate_has_wilsons_interval():
    """10 of 50: centre (0.2 + 1.96^2 / 100) / (1 + 1.96^2 / 50) = 0.2214, half 0.1090."""
    assert str(Rate(10, 50)) == "10 of 50 (20 %, 11 to 33 %)"
    assert str(Rate(0, 0)) == "0 of 0"


def test_a_sharp_boundary_is_learnt_on_other_methods():
    rng = np.random.Generator(np.random.PCG64(0))
    rows = []
    for n, mi in enumerate(10 ** rng.uniform(-3, 0, 120)):
        word = "collapsed" if mi < 0.03 else "informative"
        rows.append({"early_mi_last": mi, "verdict": word, "method": f"m{n % 6}"})
    errors = early_warning(frame(rows))
    assert errors["threshold"].missed.share < 0.1
    assert errors["threshold"].alarms.share < 0.1
    assert errors["logistic"].missed.share < 0.1
    assert errors["logistic"].alarms.share < 0.1


def test_a_logistic_rule_is_plain_numbers():
    rule = Logistic(np.array([1.0]), np.array([2.0]), np.array([3.0]), -1.0)
    assert rule.probability(np.array([[3.0]])) == pytest.approx([1 / (1 + np.exp(-2.0))])


def test_the_shipped_rule_is_the_one_that_errs_less_with_its_errors_and_ranges():
    """mi below 0.03 collapses in each of six methods: a threshold misses next to nothing."""
    rng = np.random.Generator(np.random.PCG64(0))
    rows = []
    for n, mi in enumerate(10 ** rng.uniform(-3, 0, 120)):
        word = "collapsed" if mi < 0.03 else "informative"
        rows.append({"trial": n, "early_mi_last": mi, "verdict": word, "method": f"m{n % 6}"})
    trials = frame(rows)
    settings = pd.DataFrame({"trial": range(120)} | {name: np.linspace(1.0, 5.0, 120) for name in RANGES})
    rule = shipped_rule(trials, settings)
    own = early_warning(trials)[rule["kind"]]
    assert (rule["missed"], rule["alarms"]) == (
        [own.missed.count, own.missed.total],
        [own.alarms.count, own.alarms.total],
    )
    assert rule["methods"] == sorted(set(trials["method"]))
    assert rule["ranges"] == {name: [1.0, 5.0] for name in RANGES}
    if rule["kind"] == "threshold":
        assert 10 ** rule["parameters"]["value"] - FLOOR == pytest.approx(0.03, abs=0.005)
    assert shipped_rule(trials.iloc[:8], settings) == {}


def test_parameters_keep_the_digits_that_every_machine_agrees_on():
    assert rounded(Threshold(-1.61405678)) == {"value": -1.61406, "column": 0}
    rule = Logistic(np.array([1.23456]), np.array([2.0]), np.array([-0.0123456]), 7.0)
    assert rounded(rule) == {"centre": [1.23], "deviations": [2.0], "weights": [-0.0123], "bias": 7.0}

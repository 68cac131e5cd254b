"""Advice held against what was obtained, by hand."""

import pandas as pd
import pytest

from experiments.advice import held_in_grid
from experiments.advice.held import held, page_lines, rank, read


def told(method, chance, low, high):
    return {"method": method, "informative": chance, "mi_low": low, "mi_high": high}


ADVICE = {"rows": [told("a", 0.5, 0, 1), told("x", 0.5, 0, 1), told("b", 0.4, 1, 3), told("c", 0.1, 0, 0.1)]}
ROWS = [
    ("vanilla", "collapsed", 0.0, 40.0),
    ("a", "informative", 0.8, 40.4),
    ("b", "informative", 3.5, 41.0),
    ("c", "collapsed", 0.05, 39.9),
]
RESULTS = pd.DataFrame(ROWS, columns=["method", "verdict", "mi", "neg_elbo"])


def test_what_was_not_trained_is_left_out_and_keeps_its_position():
    methods = held(ADVICE, RESULTS)
    told = [(m.position, m.method, round(m.price, 6)) for m in methods]
    assert told == [(1, "a", 0.4), (3, "b", 1.0), (4, "c", -0.1)]
    assert [m.inside for m in methods] == [True, False, True]


def test_rank_is_by_information_per_nat_among_those_that_inform():
    a, b, c = held(ADVICE, RESULTS)  # 2 and 3.5 nats a nat
    assert [rank([a, b, c], m) for m in (a, b, c)] == [2, 1, 0]
    free = held(ADVICE, RESULTS.replace(40.4, 40.0))
    assert rank(free, free[0]) == 1, "at no price"


def test_the_page_says_how_many_inform():
    text = page_lines(ADVICE, RESULTS)
    assert "3 of 4 advised methods were trained, one seed each: 2 inform, the first choice, `a`, is number 2" in text
    assert "the first 2 inform, and 0 of those behind them. The 80 % interval of mi holds 2 of 3" in text
    assert "| 3 | `b` | 40 % | 1.00 to 3.00 | informative | 3.50 | +1.00 |" in text


def test_a_row_a_method_and_one_of_the_baseline_are_needed():
    for wrong in (RESULTS.iloc[1:], pd.concat([RESULTS, RESULTS.iloc[1:2]])):
        with pytest.raises(ValueError, match="a row for each method is needed, and one of vanilla"):
            held(ADVICE, wrong)


def test_the_committed_comparison_is_of_the_settings_advised():
    advice, results = read()
    variants = dict(zip(results["method"], results["variant"].fillna(""), strict=True))
    for row in advice["rows"]:
        if row["method"] in variants and row["knob"]:
            name, value = variants[row["method"]].split("=")
            assert (name, float(value)) == (f"{row['method']}.{row['knob']}", float(row["value"]))


GRID = pd.DataFrame(
    [
        (method, "shared", seed, "done", verdict, mi + 0.1 * seed, neg_elbo)
        for method, verdict, mi, neg_elbo in [
            *ROWS,
            ("dear", "informative", 6.0, 43.0),
            ("lm", "", float("nan"), 40.0),
            ("ae", "", 9.0, float("nan")),
        ]
        for seed in (0, 1)
    ]
    + [("b", "published", 0, "done", "collapsed", 0.0, 30.0), ("a", "shared", 2, "diverged", "", None, None)],
    columns=["method", "training_protocol", "seed", "status", "verdict", "mi", "neg_elbo"],
)


def test_a_grid_counts_seeds_of_the_shared_protocol_that_are_done():
    means = held_in_grid.shared_means(GRID).set_index("method")
    assert list(means.index) == [
        "vanilla",
        "a",
        "b",
        "c",
        "dear",
    ]  # a language model has no code, an autoencoder no bound
    assert means.loc["b"].tolist() == ["informative", pytest.approx(3.55), 41.0]


def test_advice_beside_a_whole_grid():
    """a, b and dear inform, at 0.85/0.4, 3.55/1 and 6.05/3 nats a nat; nothing was told of dear."""
    text = held_in_grid.page_lines(ADVICE, GRID)
    assert "Of 4 methods besides `vanilla` (2 seeds), 3 inform." in text
    assert "the best three are `b`, `a`, `dear`; the first choice of the advice, `a`, is number 2." in text
    assert "of the 2 that tell a nat at least, `b`, `dear` lead, and the first choice is not among them." in text
    assert "Of its first 3 choices 2 inform, of all 3 that it has a row for 2." in text
    # ((0.5 - 1)^2 + (0.4 - 1)^2 + 0.1^2) / 3, and 2/3 for each
    assert "a Brier score of 0.207, the share of those that inform, known only afterwards, 0.222" in text
    # 1/9 - 0.25, 1/9 - 0.36 and 4/9 - 0.01: mean 0.0156, standard deviation 0.367, of which 4.303 / sqrt 3 are 0.912
    assert "0.222 (method by method 0.016 less, -0.896 to 0.927, 95 %, as of independent methods)." in text
    assert "| - | `dear` | - | - | informative | 6.05 | +3.00 | 3 |" in text
    assert "| 4 | `c` | 10 % | 0.00 to 0.10 | collapsed | 0.10 | -0.10 | - |" in text


def test_no_figure_is_minus_zero():
    rows = RESULTS.assign(mi=[0.0, -0.001, 3.5, -0.001], neg_elbo=[40.0, 39.999, 41.0, 40.001])
    grid = rows.assign(training_protocol="shared", status="done", seed=0)
    for text in (page_lines(ADVICE, rows), held_in_grid.page_lines(ADVICE, grid)):
        assert "-0.00" not in text
        assert "| informative | 0.00 | +0.00 |" in text

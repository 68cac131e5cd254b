"""Predictions and their score, by hand."""

import json
import math

import pytest
from reporting.frames import table, trial

from vaecli.core.errors import UsageError
from vaecli.reporting.predictions import (
    Obtained,
    Prediction,
    most,
    outcomes,
    read_predictions,
    score,
)
from vaecli.reporting.predictions_table import predictions_text, record_of
from vaecli.reporting.terminal import Target

FILE = """# guessed by nobody, on no day
method,verdict,confidence,kl,mi
vanilla,collapsed,0.9,0,
bn,fake-rate,0.8,2.5,1.0
beta,informative,0.5,1.5,1.5
mim,informative,0.55,,
"""


def written(tmp_path, text=FILE):
    path = tmp_path / "guesses.csv"
    path.write_text(text)
    return path


def frame():
    return table(
        trial("vanilla", 0, rec=24.0, kl=0.02, mi=0.01, au=0),
        trial("bn", 0, rec=22.0, kl=3.0, mi=2.0, au=16),
        trial("bn", 1, rec=22.0, kl=3.2, mi=2.4, au=16),
        trial("beta", 0, rec=23.0, kl=1.0, mi=0.9, au=4),
        trial("beta", 1, rec=23.0, kl=0.04, mi=0.03, au=1),
        trial("control", 0, rec=23.0, kl=3.0, mi=2.0, au=4),
    )


def scores_of(tmp_path):
    guesses = read_predictions(written(tmp_path))
    return score(guesses, outcomes(frame(), ["kl", "mi"]))


def test_hits_and_brier_by_hand(tmp_path):
    """vanilla hits at 0.9; bn misses at 0.8; beta's seeds are one against one, so nobody's, at 0.5."""
    scores = scores_of(tmp_path)
    assert [line.hit for line in scores.lines] == [True, False, False]
    assert [line.outcome.verdict for line in scores.lines] == ["collapsed", "informative", "mixed"]
    assert scores.hits == 1
    assert scores.brier == pytest.approx((0.1**2 + 0.8**2 + 0.5**2) / 3)  # 0.3
    assert scores.brier == pytest.approx(0.3)
    assert scores.constant_brier == pytest.approx(2 / 9)
    assert (scores.open, scores.unpredicted) == (("mim",), ("control",))


def test_gaps_by_hand(tmp_path):
    scores = scores_of(tmp_path)
    assert scores.errors("kl") == pytest.approx([0.02, 0.6, -0.98])  # 3.1 - 2.5; 0.52 - 1.5
    assert scores.errors("mi") == pytest.approx([1.2, -1.035])  # vanilla's mi is not guessed
    assert [line.outcome.label for line in scores.furthest("mi")] == ["bn", "beta"]
    assert [line.outcome.label for line in scores.wrong] == ["bn", "beta"]


def test_bins_hold_their_lower_end_and_the_last_both():
    guesses = [Prediction(str(n), "collapsed", c) for n, c in enumerate((0.49, 0.5, 0.59, 0.6, 0.9, 1.0))]
    scores = score(
        guesses, [Obtained(g.method, g.method, "collapsed" if n % 2 else "informative") for n, g in enumerate(guesses)]
    )
    assert [(b.low, b.count, round(b.confidence, 3), b.hits) for b in scores.bins] == [
        (0.0, 1, 0.49, 0.0),
        (0.5, 2, 0.545, 0.5),
        (0.6, 1, 0.6, 1.0),
        (0.9, 2, 0.95, 0.5),
    ]


def test_the_label_of_a_row_goes_before_its_method():
    guesses = [Prediction("bn", "collapsed", 0.6), Prediction("bn (bn.gamma=1)", "informative", 0.7)]
    rows = [Obtained("bn (bn.gamma=1)", "bn", "informative"), Obtained("bn (bn.gamma=0.1)", "bn", "collapsed")]
    scores = score(guesses, rows)
    assert [(line.outcome.label, line.hit) for line in scores.lines] == [
        ("bn (bn.gamma=0.1)", True),
        ("bn (bn.gamma=1)", True),
    ]


def test_a_row_with_its_table_goes_before_its_label():
    guesses = [Prediction("bn", "collapsed", 0.6), Prediction("bn, experiment second", "informative", 0.7)]
    rows = [Obtained("bn", "bn", "collapsed", {}, f"experiment {name}, corpus c") for name in ("first", "second")]
    assert [(line.outcome.row, line.hit) for line in score(guesses, rows).lines] == [
        ("bn, experiment first, corpus c", True),
        ("bn, experiment second, corpus c", False),
    ]


@pytest.mark.parametrize(
    ("words", "word"),
    [([], ""), (["-", "-"], ""), (["collapsed", "-"], "collapsed"), (["a", "b"], "mixed"), (["a", "b", "b"], "b")],
)
def test_the_word_of_most(words, word):
    assert most(words) == word


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no prediction"),
        ("method,verdict\n", "1: no column confidence"),
        ("method,verdict,confidence,klx\n", "unknown figure 'klx'"),
        ("method,verdict,confidence\nbn,colapsed,0.5\n", "did you mean 'collapsed'"),
        ("# x\nmethod,verdict,confidence\nbn,collapsed,80\n", "3: confidence is a probability, got 80"),
        ("method,verdict,confidence\nbn,collapsed,high\n", "confidence must be a number, got 'high'"),
        ("method,verdict,confidence\nbn,collapsed\n", "2 cells for 3 columns"),
        ("method,verdict,confidence\nbn,collapsed,.5\nbn,collapsed,.6\n", "3: 'bn' is predicted twice"),
        ("method,verdict,confidence,kl,kl\nbn,collapsed,.5,1,2\n", "1: column 'kl' is there 2 times"),
        ("# x\nmethod,verdict,confidence\n", "no prediction below the names of the columns"),
        ("method,verdict,confidence\n,collapsed,.5\n", "2: no method is named"),
        ("method;verdict;confidence\nbn;collapsed;.5\n", "1: no column .*; fields are separated by semicolons"),
    ],
)
def test_what_is_no_file_of_predictions(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        read_predictions(written(tmp_path, text))


def test_nothing_that_is_predicted_was_run(tmp_path):
    with pytest.raises(UsageError, match="none of the methods"):
        score(read_predictions(written(tmp_path)), [Obtained("lm", "lm", "")])


def test_formats(tmp_path):
    scores = scores_of(tmp_path)
    text = predictions_text(scores, "table", Target())
    for part in (
        "1 of 3 verdicts are as predicted",
        "Brier score 0.300; 0.222",
        "80% to 90%",
        "+1.20",
        "mim",
        "control",
    ):
        assert part in text
    assert "more than 1 off in 2, too high in 1" in text
    values = json.loads(predictions_text(scores, "json", Target()))
    assert values == record_of(scores)
    assert values["calibration"][-1] == {"low": 0.9, "high": 1.0, "predictions": 1, "confidence": 0.9, "hits": 1.0}
    lines = predictions_text(scores, "csv", Target()).splitlines()
    assert lines[0] == "row,predicted,confidence,obtained,hit,kl_predicted,kl_obtained,mi_predicted,mi_obtained"
    assert lines[2].startswith("bn,fake-rate,0.8,informative,0,2.5,3.1,1.0,2.2")
    assert predictions_text(scores, "markdown", Target()).startswith("**Predicted and obtained**")


def test_infinite_figures_are_no_numbers_of_json():
    guess, outcome = Prediction("a", "diverged", 0.5, {"kl": 1.0}), Obtained("a", "a", "diverged", {"kl": math.inf})
    scores = score([guess], [outcome])
    assert record_of(scores)["predictions"][0]["kl_obtained"] is None


def test_rows_of_two_experiments_are_told_apart(tmp_path):
    both = table(
        trial("bn", 0, rec=22.0, kl=3.0, mi=2.0, au=16),
        trial("bn", 0, experiment="second", rec=22.0, kl=0.0, mi=0.0, au=0),
        trial("vanilla", 0, experiment="second", rec=22.0, kl=0.0, mi=0.0, au=0),
    )
    scores = score(read_predictions(written(tmp_path)), outcomes(both, ["kl"]))
    first = both["experiment"].iloc[0]
    assert [line.outcome.row for line in scores.lines] == [
        "vanilla",
        f"bn, experiment {first}",
        "bn, experiment second",
    ]
    told = predictions_text(scores, "csv", Target())
    assert f"bn, experiment {first}" in told


def test_nothing_scored_names_both_sides(tmp_path):
    guesses = read_predictions(written(tmp_path, "method,verdict,confidence\nBN,collapsed,0.9\n"))
    with pytest.raises(UsageError, match="has a verdict here: BN; those with one: vanilla, bn, beta, control"):
        score(guesses, outcomes(frame(), []))
    with pytest.raises(UsageError, match="those with one: none"):
        score(guesses, outcomes(frame().drop(columns=["kl", "mi"]), []))


def test_large_figures_are_powers_of_ten_and_none_is_minus_zero():
    guess = Prediction("bn", "informative", 0.9, {"kl": 1e300, "mi": 0.001})
    scores = score([guess], [Obtained("bn", "bn", "informative", {"kl": 0.0, "mi": -0.001})])
    text = predictions_text(scores, "table", Target())
    assert "1e+300" in text
    assert "-0.00" not in text
    assert max(map(len, text.splitlines())) < 120

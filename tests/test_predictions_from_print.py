"""What printed figures would have one expect, by hand, and the committed files."""

from pathlib import Path

import pytest

from experiments.predictions import expectation, predictions, rows_about, verdict_of
from vaecli.remedies import REMEDIES
from vaecli.reporting.predictions import read_predictions
from vaecli.reproduction.paper_tables import load_table

FOLDER = Path(__file__).parents[1] / "experiments" / "predictions"


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"kl": 0.05}, "collapsed"),
        ({"kl": 4.8, "mi": 0.0}, "collapsed"),
        ({"kl": 4.0, "mi": 0.9}, "fake-rate"),
        ({"kl": 4.0, "mi": 1.0}, "informative"),
        ({"kl": 4.0}, "informative"),
    ],
)
def test_the_verdict_of_a_printed_row(row, word):
    assert verdict_of(row) == word


def test_the_rule_by_hand():
    """Three rows with a KL, two of them collapsed: 3 / 5; medians of what is printed."""
    rows = [{"kl": 0.0, "mi": 0.0}, {"kl": 0.02}, {"kl": 3.0, "mi": 2.0}, {"nll": 100.0, "mi": 5.0}]
    assert expectation(rows) == {"verdict": "collapsed", "confidence": 0.6, "kl": 0.02, "mi": 2.0}
    assert expectation([{"kl": 3.0}]) == {"verdict": "informative", "confidence": 0.67, "kl": 3.0, "mi": ""}
    assert expectation([{"kl": 3.0}, {"kl": 0.0}]) is None
    assert expectation([{"nll": 3.0}]) is None


def test_rows_are_of_the_remedy_and_no_other():
    assert {row["method"] for row in rows_about("bn")} == {"bn", "bn+linear_anneal"}
    assert {row["dataset"] for row in rows_about("linear_anneal", ["PTB"])} == {"PTB"}
    assert {row["method"] for row in rows_about("linear_anneal")} == {"linear_anneal"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ptb.csv", lambda: predictions(["vanilla", "linear_anneal", "free_bits", "bn"], ["PTB"])),
        ("literature.csv", lambda: predictions(list(REMEDIES))),
    ],
)
def test_the_committed_files_are_what_the_rule_prints(name, text):
    lines = (FOLDER / name).read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == text().splitlines()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.csv")), ids=lambda path: path.stem)
def test_every_committed_file_says_when_and_how_it_was_made(path):
    assert "2026-" in "".join(line for line in path.read_text().splitlines() if line.startswith("#"))
    methods = [guess.method.partition(", experiment ")[0] for guess in read_predictions(path)]
    assert {part for method in methods for part in method.split("+")} <= set(REMEDIES)


def test_every_row_of_penn_treebank_s_table_that_has_a_code_is_predicted():
    guessed = [guess.method for guess in read_predictions(FOLDER / "ptb_lstm.csv")]
    rows = [row for row in load_table("ptb-lstm").rows if row.method != "lm"]
    later = next(row for row in rows if row.name == "ae-second-100")
    assert guessed == [
        *(row.method for row in rows if row is not later),
        f"{later.method}, experiment {later.name}",
    ]

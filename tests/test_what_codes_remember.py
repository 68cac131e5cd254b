"""The page of what codes remember: its tables by hand, and every figure of the committed page in its CSVs."""

import math
import re
from pathlib import Path

import pandas as pd
import pytest

from experiments.papers import codes

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "what_codes_remember.md").read_text(encoding="utf-8")
RESULTS, USE = codes.read()
TRIALS = codes.trials(RESULTS, USE)
MEANS = TRIALS[list(codes.FIGURES)].groupby(level=0).mean()


def results(values):
    """Trials by hand: mi of a name and seed, and nothing else that is measured."""
    rows = [
        {"experiment": name, "seed": seed, "status": "done", "mi": mi, "probe_50_each": 0.5, "probe_sampled": 0.6}
        for name, seeds in values.items()
        for seed, mi in enumerate(seeds)
    ]
    return pd.DataFrame(rows)


def use_of(name, seed, gains):
    """Of two sentences, the second of two tokens with its end."""
    counts = [2, 2, 1]
    rows = [(name, seed, codes.POSITION, str(n + 1), counts[n], gain) for n, gain in enumerate(gains)]
    rows += [(name, seed, codes.CLASS, "1 to 10", 4, 1.0), (name, seed, codes.WORD, "food", 1, 0.75)]
    return rows


def use(*rows):
    return pd.DataFrame([row for one in rows for row in one], columns=list(codes.COLUMNS))


def test_a_gain_is_parted_into_that_of_the_first_word_and_the_others():
    frame = codes.trials(results({"z4-2-last": [1.0], "lm": [math.nan]}), use(use_of("z4-2-last", 0, [0.5, 0.2, 0.1])))
    assert list(frame.index) == [("z4-2-last", 0)], "without a code there is nothing to remember"
    assert frame[codes.FIRST].tolist() == pytest.approx([0.5])
    assert frame[codes.LATER].tolist() == pytest.approx([0.3])


def test_encoders_are_compared_by_seed_over_the_settings_that_both_have():
    """By hand: seed 0 has 1 and 3 more, seed 1 has 2 and 4 more: means 2 and 3, sd 0.7071, t(1) 12.706."""
    frame = codes.trials(
        results(
            {"z4-2-last": [1, 1], "z4-2-max": [2, 3], "z4-8-last": [0, 0], "z4-8-max": [3, 4], "z16-2-max": [9, 9]}
        ),
        use(*(use_of(name, seed, [1, 0, 0]) for name in ("z4-2-last", "z4-2-max") for seed in (0, 1))),
    )
    table = codes.differences(frame, "max", "last", "mi")
    assert table.to_numpy().tolist() == [[1, 3], [2, 4]]
    mean, half = codes.interval(table.mean(axis=1).tolist())
    assert (mean, half) == (2.5, pytest.approx(12.7062 * 0.70711 / math.sqrt(2), abs=1e-3))
    assert codes.interval([2.0]) == (2.0, None)
    assert "| +2.50 ±6.35 | 4 of 4 |" in codes.contrasts_table(frame.fillna(0.0))


def test_gains_of_classes_and_words_are_by_token():
    table = use(use_of("z16-8-last", 0, [0.5, 0.2, 0.3]))
    assert codes.sentences(table) == 2
    assert "| last state | 0.50 |" in codes.classes_table(table), "1 nat a sentence, 2 sentences, 4 tokens"
    assert "| last state | `food` 1.5 |" in codes.words_table(table)


def test_the_picture_is_drawn(tmp_path):
    codes.draw(use(use_of("z4-2-last", 0, [0.5, 0.2, 0.1])), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_before_it_was_run_the_page_says_so():
    assert codes.page_lines(None, None) == codes.NOT_RUN


def test_gains_by_position_and_by_class_add_up_to_the_sentences():
    """In the committed tables: all that z tells is told at some position, to some class, and by the column."""
    keys = ["experiment", "seed"]
    for kind in (codes.POSITION, codes.CLASS):
        total = USE[USE["kind"] == kind].groupby(keys)["gain"].sum()
        told = TRIALS["z_gain_shuffled"]
        assert len(total) == len(told)
        assert (total.reindex(told.index) - told).abs().max() < 1e-3


@pytest.mark.parametrize("told", re.findall(r"`(z\d+-\d+-[\w-]+)` \(([^)]+)\)", PAGE), ids=lambda told: told[0])
def test_a_figure_in_a_sentence_is_that_of_the_committed_table(told):
    name, figures = told
    for figure in re.sub(r"\s+", " ", figures).split("; "):
        column, cell = figure.rsplit(" ", 1)
        assert cell == codes.precise(column, MEANS.loc[name, column]), (name, column)


def test_the_page_has_sentences_with_figures():
    assert len(re.findall(r"`(z\d+-\d+-[\w-]+)` \(([^)]+)\)", PAGE)) > 5

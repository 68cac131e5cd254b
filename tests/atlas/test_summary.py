"""What the atlas's report says, by hand; and the committed table."""

import re
from pathlib import Path

import pandas as pd
import pytest
from atlas_law import law_table

from experiments.atlas import design, summary, table
from experiments.atlas.pictures import LEAST as LEAST_SHOWN
from experiments.growing_table import cell
from vaecli.atlas.adviser import LEAST
from vaecli.atlas.trials_table import adam_rate
from vaecli.metrics.verdict import NO_VERDICT, verdict

DOCS = Path(__file__).parents[2] / "docs"


def rows(*values):
    names = ("method", "optimizer", "learning_rate", "verdict", "kl", "mi")
    frame = pd.DataFrame([dict(zip(names, value, strict=True)) for value in values])
    return frame.assign(status="done", decoder_size=16, latent_size=2, epochs=2, corpus="synthetic", noise=0.0)


FRAME = rows(
    ("bn", "adam", 6e-4, "informative", 3.0, 2.0),
    ("bn", "sgd", 1.5, "collapsed", 3.0, 0.0),
    ("bn", "adam", 1.5e-2, "informative", 4.0, 2.2),
    ("vanilla", "sgd", 0.06, "collapsed", 0.0, 0.0),
)


def test_rates_of_sgd_stand_beside_a_hundredth():
    assert adam_rate(FRAME).tolist() == pytest.approx([6e-4, 1.5e-2, 1.5e-2, 6e-4])
    first, last = "0.0005 to 0.0016", "0.005 to 0.016"  # 32^(1/3) = 3.17 apart
    assert summary.thirds(FRAME).tolist() == [first, last, last, first]


def test_collapses_by_axis():
    text = summary.axes_table(FRAME)
    assert "| optimizer | adam | 0 of 2 (0 %, 0 to 66 %) |" in text
    assert "| optimizer | sgd | 2 of 2 (100 %, 34 to 100 %) |" in text
    assert "| learning rate, sgd (a hundredth) | 0.0005 to 0.0016 | 1 of 1" in text
    noisy = FRAME.assign(noise=[0.0, 0.0, 0.2, 0.2], corpus=["ptb", "synthetic", "synthetic", "synthetic"])
    assert "| noise, embedded corpora | 0.0 | 1 of 1" in summary.axes_table(noisy)  # real text doesn't count
    assert "| noise, embedded corpora | 0.2 | 1 of 2" in summary.axes_table(noisy)


def test_outcomes_by_method():
    assert "| `bn` | 3 | 1 | 2 | 2.20 |" in summary.methods_table(FRAME)
    by_method = {outcome.method: outcome for outcome in summary.outcomes(FRAME)}
    assert by_method["bn"].verdict == "informative"
    assert by_method["bn"].figures == pytest.approx({"kl": 10 / 3, "mi": 1.4})
    assert by_method["beta"].verdict == ""


def test_figures_of_trials_that_diverged_say_nothing():
    """One that ended in an infinite kl was done; a method whose trials all diverged has no most mi."""
    infinite = rows(("bn", "sgd", 1.5, "diverged", float("inf"), 9.0))
    gone = rows(("beta", "sgd", 1.5, "diverged", float("nan"), float("nan"))).assign(status="diverged")
    frame = pd.concat([FRAME, infinite, gone], ignore_index=True)
    text = summary.methods_table(frame)
    assert "| `bn` | 4 | 1 | 2 | 1 | 2.20 |" in text
    assert "| `beta` | 1 |  |  | 1 |  |" in text
    by_method = {outcome.method: outcome for outcome in summary.outcomes(frame)}
    assert by_method["bn"].figures == pytest.approx({"kl": 10 / 3, "mi": 1.4})


def test_too_few_trials_make_no_rule():
    early = dict.fromkeys(table.EARLY, 0.5)
    assert summary.warning_lines(FRAME.iloc[:1].assign(**early)) == ["too few trials for an early warning"]


def test_the_committed_table_is_of_the_design_and_its_verdicts_are_of_its_figures():
    frame = table.read_table()
    assert len(frame) == len(table.read_lines(table.TABLE)) == frame["trial"].nunique()
    for row in frame.to_dict("records"):
        told = {name: cell(value) for name, value in design.trial(int(row["trial"])).row().items()}
        assert {name: cell(row[name]) if row[name] != "" else "" for name in ("method", "knob", "knob_value")} == {
            name: told[name] for name in ("method", "knob", "knob_value")
        }
        assert row["learning_rate"] == pytest.approx(float(told["learning_rate"]))
        if row["status"] != "failed":
            word = verdict({name: None if value == "" else value for name, value in row.items()})
            assert row["verdict"] == ("" if word == NO_VERDICT else word)
    pd.testing.assert_frame_equal(pd.read_parquet(table.TABLE.with_suffix(".parquet")), frame)


def test_phase_diagrams_are_shown_once_they_are_drawn(tmp_path):
    frame = FRAME.iloc[[0] * LEAST_SHOWN + [3]].reset_index(drop=True)
    (none,) = summary.phase_lines(frame, tmp_path / "phases.png")
    assert none == f"No picture yet; it shows methods that have {LEAST_SHOWN} trials, so far 1."
    (tmp_path / "phases.png").touch()
    image, _, told = summary.phase_lines(frame, tmp_path / "phases.png")
    assert f"(images/{summary.IMAGE})" in image
    assert told == f"Methods with {LEAST_SHOWN} trials or more that have a verdict: 1; 1 have fewer such."
    wordless = frame.assign(verdict="")  # as trials of a method without a kl, however many
    *_, told = summary.phase_lines(pd.concat([frame, wordless.assign(method="ivae")]), tmp_path / "phases.png")
    assert told.endswith("that have a verdict: 1; 2 have fewer such.")


def test_advice_is_told_of_with_its_coverage():
    (few,) = summary.advice_lines(law_table(2))
    assert few == f"too few trials: no method has {LEAST} yet"
    lines = summary.advice_lines(law_table(150))
    assert lines[2].startswith("| a method at a value of its knob | ")
    held, total = map(int, lines[2].split("|")[2].split(" (")[0].split(" of "))
    assert (total, held > 100) == (150, True)
    assert [line.split(" | ")[0] for line in lines[3:6]] == [f"| the corpus {n}" for n in ("long", "medium", "short")]
    assert "with an error of 0." in lines[-1]


def test_what_is_said_of_left_out_corpora_is_what_the_table_says():
    """docs/atlas.md and docs/advise.md say it in words, the former with the means over all trials that hid it."""
    pages = {name: (DOCS / name).read_text(encoding="utf-8") for name in ("atlas.md", "advise.md")}
    atlas = " ".join(pages["atlas.md"].split())
    rows = dict(re.findall(r"\| the corpus (\w+) \| (.*?) \|", pages["atlas.md"]))
    shares = {name: re.search(r"\((\d+) %", told)[1] for name, told in rows.items()}
    assert f"without `mixture` hold its mi in {shares['mixture']} % and those made" in atlas
    assert f"without `synthetic` in {shares['synthetic']} %" in atlas
    both = f"held {shares['mixture']} % of the trials on one embedded corpus and {shares['synthetic']} % on the other"
    assert both in " ".join(pages["advise.md"].split())
    counts = [[int(n) for n in re.match(r"(\d+) of (\d+)", told).groups()] for told in rows.values()]
    held, total = (sum(column) for column in zip(*counts, strict=True))
    assert f"the means over all trials, {100 * held / total:.0f} % and" in atlas

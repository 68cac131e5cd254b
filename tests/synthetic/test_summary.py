"""What the page of the embedded corpora says of a table, by hand; and each figure of the committed one."""

from itertools import takewhile
from pathlib import Path

import pandas as pd
import pytest

from experiments.atlas.table import EARLY
from experiments.synthetic import design, summary, table
from experiments.synthetic.picture import draw
from vaecli.metrics.verdict import NO_VERDICT, verdict

ROOT = Path(__file__).parents[2]
TRUTH = {
    ("synthetic", "H(x)"): (20.0, 0.0),
    ("synthetic", "I(x; all)"): (4.0, 0.0),
    ("mixture", "H(x)"): (30.0, 0.0),
    ("mixture", "I(x; z)"): (2.0, 0.1),
    ("oracle", "H(x)"): (19.0, 0.0),
    ("oracle", "I(x; z)"): (2.0, 0.0),
}


def rows(*values):
    names = ("method", "corpus", "decoder_size", "training_protocol", "mi", "excess_nll", "verdict", "neg_elbo")
    frame = pd.DataFrame([dict(zip(names, value, strict=True)) for value in values])
    return frame.assign(status="done", latent_size=2, seed=0, iw_nll=33.0, mi_se=0.0, kl=frame["mi"])


FRAME = rows(
    ("vanilla", "synthetic", 16, "shared", 0.0, 2.0, "collapsed", 24.0),
    ("vanilla", "synthetic", 64, "shared", 0.0, 1.0, "collapsed", 22.0),
    ("bn", "synthetic", 16, "shared", 2.0, 2.5, "informative", 25.0),
    ("bn", "synthetic", 64, "shared", 1.2, 1.5, "informative", 23.5),
    ("mim", "synthetic", 16, "shared", 4.5, 3.0, "informative", 27.0),
    ("mim", "synthetic", 64, "shared", 0.05, 1.0, "collapsed", 22.0),
    ("mim", "mixture", 64, "published", 1.5, None, "informative", 36.0),
    ("lm", "mixture", 64, "shared", None, 1.0, "", 36.0),
)


def trials():
    return summary.with_truth(summary.judged(FRAME), TRUTH)


def test_the_excess_of_a_corpus_that_cannot_say_it_is_above_its_entropy():
    row = trials().set_index("corpus").loc["mixture"]
    assert (row["excess_nll"], row["share"]) == (pytest.approx(33.0 - 30.0), pytest.approx(0.75))


@pytest.mark.parametrize(
    ("mi", "share", "name"),
    [
        (0.09, 0.9, "none"),
        (0.1, 0.02, "up to a quarter"),
        (1.5, 0.5, "up to a half"),
        (3.0, 1.0, "up to all"),
        (3, 1.01, "more"),
    ],
)
def test_bands(mi, share, name):
    assert summary.band(mi, share) == name


def test_the_median_excess_by_band_and_protocol():
    text = summary.excess_table(trials())
    assert "| `synthetic` | none | 3 | 1.00 |  |  |" in text
    assert "| `synthetic` | up to a half | 2 | 2.00 |  |  |" in text
    assert "| `synthetic` | more | 1 | 3.00 |  |  |" in text
    assert "| `mixture` | up to all |  |  | 1 | 3.00 |" in text


def test_information_beside_the_truth():
    text = summary.information_table(trials(), TRUTH)
    assert "| `synthetic` | 4.00 | 6 | 3 | 2.00 | 4.50 | 1 |" in text
    assert "| `mixture` | 2.00 | 1 | 1 | 1.50 | 1.50 | 0 |" in text


def test_what_is_above_the_truth_is_so_of_all_trials_together():
    """One by one each tenth standard error above 1.64 would count; of a hundred trials the 5 % are for all."""
    own = [("bn", "oracle", 16, "shared", 2.0 + error, 1.0, "informative", 20.0) for error in (0.25, 0.5, *[0.0] * 98)]
    frame = summary.with_truth(rows(*own).assign(mi_se=0.1), TRUTH)
    assert list(summary.above_truth(frame, TRUTH)[:3]) == [False, True, False], "2.5 and 5 standard errors"
    assert summary.above_truth(frame[:1], TRUTH).all(), "alone, 2.5 standard errors are enough"
    assert summary.above_truth(frame[:0], TRUTH).empty


def test_who_survives_a_stronger_decoder():
    text = summary.decoder_table(trials())
    assert "| `bn` | shared | 2.00 (1) | 1.20 (1) | 1 of 1 | +1.25 ±3.18 (2) |" in text, "12.71 / sqrt 2 times 0.35"
    assert "| `mim` | shared | 4.50 (1) | 0.05 (1) | 0 of 1 | +1.50 ±19.06 (2) |" in text
    assert "| `mim` | published |  | 1.50 (1) |  |  |" in text, "vanilla has no such cell"
    lines = summary.survivors(trials())
    assert lines == [
        "- Survive from 16 to 64 units in the one setting that says so: `bn`.",
        "- Not in the one setting that says so: `mim`.",
    ]
    assert [summary.survives(mi) for mi in ([], [1.0], [0.05, 2.0], [1.0, 0.4])] == [None, None, None, False]


def test_a_setting_with_much_information_does_not_vouch_for_another():
    """On oracle bn falls from 0.4 nats to nothing; the mean over both settings would be 1.2 and 0.6."""
    other = rows(
        ("bn", "oracle", 16, "shared", 0.4, 1.0, "informative", 20.0),
        ("bn", "oracle", 64, "shared", 0.0, 1.0, "collapsed", 20.0),
    )
    frame = pd.concat([trials(), other], ignore_index=True)
    assert "| `bn` | shared | 1.20 (2) | 0.60 (2) | 1 of 2 |" in summary.decoder_table(frame)
    assert "- In some settings and in others not: `bn`." in summary.survivors(frame)


def test_what_survives_is_of_trials_that_differ_in_the_decoder_alone():
    """One of 64 units on another corpus, whose factors a code can hold less of, says nothing of the decoder."""
    other = rows(("bn", "oracle", 64, "shared", 0.3, 1.0, "informative", 20.0))
    frame = pd.concat([trials(), other], ignore_index=True)
    assert "| `bn` | shared | 2.00 (1) | 1.20 (1) | 1 of 1 |" in summary.decoder_table(frame)
    apart = frame.drop(index=3)  # bn of 64 units on synthetic
    assert "| `bn` | shared | 2.00 (1) | 0.30 (1) |  |" in summary.decoder_table(apart)
    assert summary.survivors(apart) == ["- Not in the one setting that says so: `mim`."]


def test_a_table_without_rows_has_the_truth_alone():
    text = summary.page_lines(table.read_table(Path("there is none.csv")), TRUTH)
    assert text.startswith(summary.NO_TRIALS)
    assert "| `oracle` | I(x; z) | 2.000 | 0.000 |" in text


def test_the_whole_page_of_a_small_table(tmp_path):
    """Runs that collapse have no information after a hundred updates, the others half a nat: both rules see it."""
    path = tmp_path / "trials.csv"
    for row in FRAME.to_dict("records"):
        ends = 0.0 if row["verdict"] == "collapsed" else 0.5
        early = dict.fromkeys(EARLY, 1.0) | {"early_mi_middle": ends / 2, "early_mi_last": ends}
        told = {name: value for name, value in row.items() if name in table.COLUMNS and not pd.isna(value)}
        table.GROWING.append(path, told | early | {"trained": row["method"]})
    text = summary.page_lines(table.read_table(path), TRUTH)
    assert "8 trials of 4 methods, seeds 0: 8 done; 7 have a verdict." in text
    assert "| `synthetic` | 4.00 | 6 | 3 | 2.00 | 4.50 | 1 |" in text
    assert "| decoder_size | 16, 64 | 3 | 3 | 1 | 0 | 1 |" in text
    ours, atlas = text.split("### Early warning")[1].split("rule of the atlas")
    assert "7 trials, of which 3 collapsed; each is judged by rules fitted on those without a method of its" in ours
    assert "| threshold | 0 of 3 (0 %, 0 to 66 %) | 0 of 4 (0 %, 0 to 79 %) |" in ours
    assert "| logistic | 0 of 3 (0 %, 0 to 66 %) | 4 of 4 (100 %, 21 to 100 %) |" in ours, "vanilla taught it collapses"
    assert "| threshold | 0 of 3 (0 %, 0 to 66 %) | 0 of 4 (0 %, 0 to 66 %) |" in atlas
    assert "oracle` alone" not in atlas


def test_a_picture_of_a_part(tmp_path):
    assert draw(FRAME, tmp_path / "x.png", TRUTH).stat().st_size > 5_000


def test_the_committed_table_is_of_the_grids_and_its_verdicts_are_of_its_figures():
    lines = table.read_lines()
    frame = table.read_table()
    assert len(frame) == len(lines)
    last = max(map(int, frame["seed"]), default=-1)
    keys = {trial.key for trial in takewhile(lambda trial: trial.seed <= last, design.trials())}
    assert set(lines) <= keys
    for row in frame.to_dict("records"):
        if row["status"] != "failed":
            word = verdict({name: None if value == "" else value for name, value in row.items()})
            assert row["verdict"] == ("" if word == NO_VERDICT else word)
    page = (ROOT / "docs" / "synthetic.md").read_text(encoding="utf-8")
    assert (f"{len(frame)} trials of" in page) if len(frame) else (summary.NO_TRIALS in page)


def test_figures_of_trials_that_diverged_say_nothing(tmp_path):
    """One that ended in an infinite kl was done, and one that is worse than a uniform guess is too: only they are of
    20 and 128 units."""
    infinite = rows(
        ("bow", "synthetic", 128, "shared", 9.0, float("inf"), "diverged", float("inf")),
        ("iaf", "synthetic", 20, "shared", 8.0, 90.0, "worse than uniform", 200.0),
    )
    frame = pd.concat([FRAME, infinite], ignore_index=True).assign(**dict.fromkeys(EARLY, 0.5))
    frame = frame.reindex(columns=[*table.COLUMNS])
    text = summary.page_lines(frame, TRUTH)
    assert "| `synthetic` | 4.00 | 6 | 3 | 2.00 | 4.50 | 1 |" in text
    assert "16, 128" not in text, "nothing else is like the one that diverged"
    assert "`bow`" not in text
    assert draw(frame, tmp_path / "x.png", TRUTH).stat().st_size > 5_000


def test_no_figure_is_minus_zero():
    frame = rows(
        ("vanilla", "synthetic", 16, "shared", -0.001, -0.001, "collapsed", 24.0),
        ("bn", "synthetic", 16, "shared", -0.001, -0.001, "collapsed", 23.999),
    )
    text = summary.page_lines(frame.assign(**dict.fromkeys(EARLY, 0.5)).reindex(columns=[*table.COLUMNS]), TRUTH)
    assert "-0.00" not in text
    assert "+0.00 (1)" in text

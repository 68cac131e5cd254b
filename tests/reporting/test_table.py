"""The table of results before it has a format: averaging, marks, sections, records, notes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from reporting.frames import table, three_methods, trial

from vaecli.core.errors import UsageError
from vaecli.reporting.notes import ReportContext
from vaecli.reporting.table import BELOW_ZERO, BEST, build_views


def column(view, name):
    index = [head.name for head in view.heads].index(name)
    return [row[index] for row in view.rows]


def texts(view, name):
    return [cell.text for cell in column(view, name)]


def best(view, name):
    methods = texts(view, "method")
    return [method for method, cell in zip(methods, column(view, name), strict=True) if cell.best]


def test_a_row_a_method_with_mean_and_half_interval():
    (view,) = build_views(three_methods())
    # bn's rec: 18.0 and 18.4, mean 18.2, sd 0.282843, half = 12.7062 * 0.282843 / sqrt(2) = 2.5412
    # (t of 1 df); its two significant digits give one decimal
    assert texts(view, "rec") == ["20.0", "20.1", "18.2"]
    assert [cell.spread for cell in column(view, "rec")] == ["", "", "2.5"]
    assert texts(view, "seeds") == ["1", "1", "2"]
    assert view.title == "experiment quick, corpus synthetic, split test, 2000 sentences"


def test_undefined_figures_are_a_dash_and_never_zero():
    (view,) = build_views(three_methods())
    assert texts(view, "kl")[0] == "-"
    assert view.records[0]["kl"] is None


def test_best_figures_are_marked_by_direction_and_kl_is_not():
    (view,) = build_views(three_methods())
    assert best(view, "rec") == ["bn"]  # lower
    assert best(view, "au") == ["bn"]  # higher
    assert best(view, "kl") == []  # neither is better


def test_the_mark_of_the_best_is_said_to_be_no_test():
    (view,) = build_views(three_methods())
    assert view.notes.count(BEST) == 1
    (view,) = build_views(table(trial("a")))
    assert BEST not in view.notes, "nothing to compare"


def test_an_interval_below_zero_of_what_cannot_be_below_it_is_told():
    """A kl of 0 and 1: 0.5 and 12.7062 times 0.5. A difference to the entropy may be below 0, and goes untold."""
    pair = [trial("a", seed=seed, kl=kl) for seed, kl in enumerate((0.0, 1.0))]
    (view,) = build_views(table(*pair))
    assert [cell.spread for cell in column(view, "kl")] == ["6.4"]
    assert view.notes.count(BELOW_ZERO) == 1
    near = [trial("a", seed=seed, kl=kl) for seed, kl in enumerate((1.0, 1.1))]
    assert BELOW_ZERO not in build_views(table(*near))[0].notes
    signed = [trial("a", seed=seed, kl=1.0, excess_nll=gap) for seed, gap in enumerate((0.0, 1.0))]
    assert BELOW_ZERO not in build_views(table(*signed), columns="kl,excess_nll")[0].notes


def test_ties_as_shown_are_all_marked():
    (view,) = build_views(table(trial("a", rec=20.001), trial("b", rec=20.004), trial("c", rec=20.012)))
    assert texts(view, "rec") == ["20.00", "20.00", "20.01"]
    assert best(view, "rec") == ["a", "b"]


def test_large_figures_that_are_equal_as_shown_share_their_rank():
    # a rate of dozens of nats makes such perplexities, which are shown in powers of ten
    rows = table(trial("a", ppl_iw=12_340_000.5), trial("b", ppl_iw=12_339_000.5), trial("c", ppl_iw=2e8 + 0.5))
    (view,) = build_views(rows, "method,ppl_iw", ranked=True)
    assert texts(view, "ppl_iw") == ["1.23e+07", "1.23e+07", "2e+08"]
    assert best(view, "ppl_iw") == ["a", "b"]
    assert [cell.rank for cell in column(view, "ppl_iw")] == ["1.5", "1.5", "3"]
    assert [record["ppl_iw_rank"] for record in view.records] == [1.5, 1.5, 3.0]


def test_the_only_figure_of_a_column_is_not_best():
    (view,) = build_views(table(trial("a", rec=20.0), trial("b", status="failed")))
    assert best(view, "rec") == []


def test_failed_trials_are_not_averaged_but_named_with_message_and_log():
    rows = table(
        trial("bn", 0, rec=18.5),
        trial("bn", 1, rec=99.0, status="diverged"),
        trial("lm", 0, status="pending"),
    )
    message = "step 7: the loss is nan\nsecond line"
    trials = {("bn", "", 1): (Path("runs/quick/bn/seed-1"), message)}
    context = ReportContext(Path("runs/quick"), trials=trials)
    (view,) = build_views(rows, contexts={"quick": context})
    assert texts(view, "rec") == ["18.50", "-"]
    assert texts(view, "status") == ["1 done, 1 diverged", "pending"]
    assert "diverged: bn seed 1: step 7: the loss is nan; see runs/quick/bn/seed-1/log.txt" in view.notes
    assert "not finished: 1 pending" in view.notes


def test_failed_variants_are_told_apart():
    rows = table(
        trial("bn", 0, status="failed", variant="bn.gamma=2.0"), trial("bn", 0, rec=18.5, variant="bn.gamma=1.0")
    )
    trials = {
        ("bn", f"bn.gamma={gamma}", 0): (Path(f"runs/quick/bn--bn.gamma-{gamma}/seed-0"), f"at {gamma}")
        for gamma in (1.0, 2.0)
    }
    (view,) = build_views(rows, contexts={"quick": ReportContext(Path("runs/quick"), trials=trials)})
    assert "failed: bn (bn.gamma=2.0) seed 0: at 2.0; see runs/quick/bn--bn.gamma-2.0/seed-0/log.txt" in view.notes


def test_per_trial_gives_a_row_a_trial():
    (view,) = build_views(three_methods(), per_trial=True)
    assert list(zip(texts(view, "method"), texts(view, "seed"), texts(view, "rec"), strict=True)) == [
        ("lm", "0", "20.00"),
        ("vanilla", "0", "20.10"),
        ("bn", "0", "18.00"),
        ("bn", "1", "18.40"),
    ]
    assert all(cell.spread == "" for row in view.rows for cell in row)


def test_records_hold_unrounded_figures_and_their_spread():
    (view,) = build_views(three_methods(), "method,rec,au,verdict")
    lm, vanilla, bn = view.records
    assert bn["rec"] == pytest.approx(18.2, abs=1e-12)
    assert bn["rec_sd"] == pytest.approx(0.2828427)
    assert bn["rec_high"] - bn["rec"] == pytest.approx(2.541241, abs=1e-6)
    assert (vanilla["rec_sd"], vanilla["au"]) == (None, 0)
    assert isinstance(vanilla["au"], int)
    assert lm["verdict"] is None


def test_experiments_and_corpora_have_tables_of_their_own():
    rows = table(
        trial("bn", rec=18.0),
        trial("bn", rec=90.0, corpus="ptb"),
        trial("bn", rec=91.0, corpus="ptb", experiment="other"),
    )
    views = build_views(rows, "method,rec")
    assert [texts(view, "rec") for view in views] == [["18.00"], ["90.00"], ["91.00"]]
    assert [record for view in views for record in view.records] == [
        {"experiment": "quick", "corpus": "synthetic", "method": "bn", "rec": 18.0},
        {"experiment": "quick", "corpus": "ptb", "method": "bn", "rec": 90.0},
        {"experiment": "other", "corpus": "ptb", "method": "bn", "rec": 91.0},
    ]


def test_versions_stand_in_rows_of_their_own():
    rows = table(trial("bn", 0, rec=18.0, versions="bn 1"), trial("bn", 1, rec=19.0, versions="bn 2"))
    (view,) = build_views(rows)
    assert texts(view, "method") == ["bn (bn 1)", "bn (bn 2)"]


def test_overrides_of_the_methods_shown_are_printed():
    overrides = {"bn": {"training": {"learning_rate": 0.001, "clip": 1.0}}, "beta": {"training": {"clip": 2.0}}}
    (view,) = build_views(three_methods(), contexts={"quick": ReportContext(overrides=overrides)})
    assert [note for note in view.notes if note.startswith("override")] == [
        "override bn: training.learning_rate = 0.001, training.clip = 1.0"
    ]


def test_the_rule_of_the_verdict_and_the_frontier_are_explained():
    (view,) = build_views(three_methods(), explain=True)
    assert texts(view, "verdict") == ["-", "collapsed", "informative"]
    assert any(note.startswith("verdict:") and note.endswith("mi_ceiling = 7.60") for note in view.notes)
    assert any(note.endswith(": vanilla, bn") for note in view.notes if note.startswith("rate-distortion"))


def test_no_trials_say_what_to_run():
    with pytest.raises(UsageError, match="run `vae compare` first"):
        build_views(three_methods()[:0])


def test_tables_with_missing_integers_are_read():
    rows = three_methods().astype({"au": "Int64", "seed": "Int64"})
    assert rows["au"].isna().any()
    assert pd.isna(rows["au"]).sum() == 1
    (view,) = build_views(rows)
    assert texts(view, "au") == ["-", "0", "16"]


def test_ranks_stand_behind_the_figures_and_ties_share_theirs():
    rows = table(trial("a", rec=20.001, kl=1.0), trial("b", rec=20.004, kl=2.0), trial("c", rec=19.0), trial("d"))
    (view,) = build_views(rows, "method,rec,kl,seed", ranked=True)
    # c is first; a and b are both 20.00 as shown and share (2 + 3) / 2
    assert [cell.rank for cell in column(view, "rec")] == ["2.5", "2.5", "1", ""]
    assert [cell.rank for cell in column(view, "kl")] == [""] * 4  # neither way is better
    assert [record["rec_rank"] for record in view.records] == [2.5, 2.5, 1.0, None]
    assert "kl_rank" not in view.records[0]
    assert any(note.startswith("(n): rank") for note in view.notes)
    (plain,) = build_views(rows, "method,rec")
    assert not any(cell.rank for row in plain.rows for cell in row)
    assert "rec_rank" not in plain.records[0]


def saturated():
    """An autoencoder at the ceiling log 2000 = 7.60, and three that are measured."""
    return table(
        trial("ae", rec=15.0, mi=7.6),
        trial("beta", rec=22.0, kl=1.9, mi=1.6),
        trial("bn", rec=22.5, kl=3.0, mi=2.1),
        trial("mim", rec=23.0, kl=9.0, mi=7.5),
    )


def test_a_figure_at_its_ceiling_is_marked_and_never_the_best():
    (view,) = build_views(saturated())
    assert best(view, "mi") == []  # the truth is with ae or mim, and nobody knows how large
    assert [cell.at_least for cell in column(view, "mi")] == [True, False, False, True]
    assert best(view, "rec") == ["ae"]
    assert any(note.startswith("≥: at its ceiling") for note in view.notes)
    (view,) = build_views(saturated()[1:3])
    assert best(view, "mi") == ["bn"]
    assert not any("ceiling (log N" in note for note in view.notes)


def test_figures_at_their_ceilings_share_a_rank_above_the_others():
    (view,) = build_views(saturated(), "mi", ranked=True)
    assert [cell.rank for cell in column(view, "mi")] == ["1.5", "4", "3", "1.5"]
    assert [record["mi_rank"] for record in view.records] == [1.5, 4.0, 3.0, 1.5]


def test_one_seed_at_the_ceiling_makes_the_mean_no_measurement():
    rows = table(trial("a", 0, mi=7.5, kl=9.0), trial("a", 1, mi=3.0, kl=9.0), trial("b", 0, mi=4.0, kl=5.0))
    (view,) = build_views(rows, "mi")
    assert [(cell.text, cell.at_least, cell.best) for cell in column(view, "mi")] == [
        ("5", True, False),
        ("4", False, False),
    ]


def test_the_ceiling_of_batches_counts_too():
    rows = table(trial("a", mi=5.0, kl=9.0, mi_batch=3.4), trial("b", mi=4.0, kl=9.0, mi_batch=3.0))
    (view,) = build_views(rows, "mi,mi_batch")
    assert (best(view, "mi"), best(view, "mi_batch")) == (["a"], [])


def test_the_words_that_a_perplexity_is_kind_to_stand_beside_it():
    rows = table(trial("a", rec=20.0, ppl_iw=120.0, unknown=0.0476), trial("b", rec=19.0, ppl_iw=118.0, unknown=0.0476))
    (view,) = build_views(rows)
    names = [head.name for head in view.heads]
    assert names[names.index("ppl_iw") + 1] == "unknown"
    assert texts(view, "unknown") == ["0.048", "0.048"]
    (view,) = build_views(rows.assign(unknown=0.0))
    assert "unknown" not in [head.name for head in view.heads]
    assert texts(build_views(rows.assign(unknown=0.00012), "unknown")[0], "unknown") == ["0.00012"] * 2


def test_other_texts_and_settings_have_tables_of_their_own():
    rows = table(
        trial("bn", rec=18.0, kl=3.0, fingerprint="aaa", protocol="111"),
        trial("lm", rec=20.0, kl=None, fingerprint="aaa", protocol="111"),
        trial("bn", rec=90.0, kl=4.0, fingerprint="bbb", protocol="111"),
        trial("bn", rec=17.0, kl=2.0, fingerprint="aaa", protocol="222"),
    )
    views = build_views(rows, "method,rec")
    assert [texts(view, "rec") for view in views] == [["18.00", "20.00"], ["90.00"], ["17.00"]]
    assert [view.title for view in views] == [
        f"experiment quick, corpus synthetic, split test, fingerprint {text}, protocol {settings}, 2000 sentences"
        for text, settings in (("aaa", "111"), ("bbb", "111"), ("aaa", "222"))
    ]
    assert all("other texts and other settings are in tables of their own" in view.notes[0] for view in views)
    assert views[1].records[0] == {"fingerprint": "bbb", "protocol": "111", "method": "bn", "rec": 90.0}
    frontiers = [note for view in views for note in view.notes if note.startswith("rate-distortion")]
    assert [line.rsplit(": ")[1] for line in frontiers] == ["bn"]  # two methods are in the first table only
    one = build_views(rows[:2], "method,rec")[0]
    assert one.title == "experiment quick, corpus synthetic, split test, 2000 sentences"


def test_settings_of_a_method_make_rows():
    rows = table(trial("bn", rec=18.0, variant="bn.gamma=0.5"), trial("bn", rec=19.0, variant="bn.gamma=0.7"))
    (view,) = build_views(rows, "method,rec")
    assert texts(view, "method") == ["bn (bn.gamma=0.5)", "bn (bn.gamma=0.7)"]


def test_verdicts_are_made_from_the_figures_and_what_a_table_says_is_compared():
    rows = table(
        trial("bn", 0, rec=20.0, kl=3.0, mi=2.0, verdict="collapsed"),
        trial("bn", 1, rec=20.0, kl=3.0, mi=2.0, verdict="informative"),
        trial("bn", 2, rec=20.0, kl=3.0, mi=2.0, verdict="informativ"),
        trial("vanilla", 0, rec=20.0, kl=0.0, mi=0.0, verdict=None),
    )
    (view,) = build_views(rows)
    assert texts(view, "verdict") == ["informative", "collapsed"]
    assert (
        "verdicts are made from the figures, not read: bn seed 0 is 'collapsed' there and informative by its figures, "
        "and 1 more"
    ) in view.notes
    (view,) = build_views(rows[1:2])
    assert not any(note.startswith("verdicts are made") for note in view.notes)


def test_a_diverged_seed_has_its_word_among_the_others():
    rows = table(
        trial("bn", 0, rec=18.0, kl=3.0, mi=2.0),
        trial("bn", 1, status="diverged"),
        trial("lm", 0, status="diverged"),
    )
    (view,) = build_views(rows, explain=True)
    assert texts(view, "verdict") == ["mixed", "diverged"]
    assert [record["verdict"] for record in view.records] == ["informative 1/2, diverged 1/2", "diverged"]
    assert "verdict of lm: diverged, so its figures say nothing" in view.notes


def test_single_figures_are_listed_below_five_seeds_only():
    def notes(n):
        (view,) = build_views(table(*(trial("bn", s, rec=18.0 + s) for s in range(n))), explain=True)
        return [note for note in view.notes if note.startswith("points")]

    assert notes(1) == []
    assert notes(3) == ["points of bn, seeds 0 1 2: rec 18.00 19.00 20.00; neg_elbo 18.00 19.00 20.00"]
    assert len(notes(4)) == 1
    assert notes(5) == []
    (view,) = build_views(table(trial("bn", 3, rec=18.0, kl=1.0), trial("bn", 4, rec=19.0)), explain=True)
    assert "points of bn, seeds 3 4: rec 18.00 19.00; kl 1.000 -; neg_elbo 19.00 19.00" in view.notes


def test_without_explanations_a_line_says_that_there_are_some():
    def notes(*rows):
        return [note for note in build_views(table(*rows))[0].notes if "--explain" in note]

    one, two = trial("bn", 0, rec=18.0, kl=3.0, mi=2.0), trial("bn", 1, rec=18.4, kl=3.1, mi=2.1)
    rule, seeds = "the rule of the verdicts and what decides each", "the figures of each seed"
    assert notes(one, two) == [f"vae report --explain adds {rule} and {seeds}"]
    assert notes(one) == [f"vae report --explain adds {rule}"]
    assert notes(trial("lm", 0, rec=18.0), trial("lm", 1, rec=19.0)) == [f"vae report --explain adds {seeds}"]
    assert notes(trial("lm", 0, rec=18.0)) == []
    (timed,) = build_views(table(one | {"seconds": 1.0}, two | {"seconds": 3.0}), "seconds")
    assert not [note for note in timed.notes if "--explain" in note]
    (view,) = build_views(table(one, two))
    assert not [note for note in view.notes if note.startswith(("verdict", "points"))]


def test_every_method_has_a_sentence():
    (view,) = build_views(three_methods(), explain=True)
    assert [note for note in view.notes if note.startswith("verdict of")] == [
        "verdict of lm: none, kl or mi is undefined",
        "verdict of vanilla: collapsed (kl 0.01, mi 0.004 of at most 7.60, au 0)",
        "verdict of bn: did not collapse (kl 3.00, mi 2.10 of at most 7.60, au 16)",
    ]

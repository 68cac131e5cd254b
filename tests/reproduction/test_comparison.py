"""Obtained beside printed: gaps and verdicts by hand, and the table at two widths."""

import json
import math

import pandas as pd
import pytest

from vaecli.core.errors import UsageError
from vaecli.reporting.formats import to_csv, to_json, to_markdown
from vaecli.reporting.terminal import Target
from vaecli.reproduction.comparison import (
    Compared,
    bound_gap,
    compare_published,
    compare_table,
    compared,
    told_apart,
    tolerance,
)
from vaecli.reproduction.comparison_table import comparison_text, comparison_view
from vaecli.reproduction.paper_tables import Printed, printed_figures, published_rows, read_table
from vaecli.runs.statistics import Interval

TRIALS = pd.DataFrame(
    {
        "experiment": "ptb",
        "corpus": "ptb",
        "method": "linear_anneal",
        "seed": [0, 1, 2],
        "status": ["done", "done", "failed"],
        "split": "test",
        "sentences": 10,
        "tokens": 220,
        "neg_elbo": [101.0, 102.0, None],
        "iw_nll": [100.0, 101.0, None],
        "excess_nll": [1.0, 1.5, None],
        "ppl_iw": [100.0, 102.0, None],
        "kl": [0.5, 0.7, None],
        "mi": [0.4, 0.4, None],
        "au": [1.0, 3.0, None],
        "rec": [100.5, 101.3, None],
    }
)


def test_the_gap_of_a_bound_by_hand():
    # the truth is 99 and 99.5, so the bounds are 2 and 2.5 above it
    assert bound_gap(TRIALS.head(2)) == [2.0, 2.5]
    (line,) = compared("a", TRIALS, [Printed("bound_gap", 2.0, "P")])
    assert line.obtained.mean == 2.25
    assert line.gap == 0.25


def test_what_is_allowed_by_hand():
    assert tolerance("ppl_iw", 100.47, 22.0) == pytest.approx(2.0094)
    assert tolerance("neg_elbo", 101.0, 22.0) == pytest.approx(math.log(1.02) * 22)
    assert (tolerance("kl", 3.0, 22.0), tolerance("mi_batch", 3.0, 22.0), tolerance("au", 3.0, 22.0)) == (1, 1, 2)
    with pytest.raises(UsageError, match="'seconds'"):
        tolerance("seconds", 1.0, 1.0)


def test_a_verdict_takes_seeds_and_estimator():
    # kl .5 and .7: mean .6, t interval of one degree 12.706 * .1 = 1.2706 on either side, 1 nat of the estimator
    (line,) = compared("a", TRIALS, [Printed("kl", 2.8, "P")])
    assert line.allowed == 1.0
    assert (round(line.gap, 9), line.verdict) == (-2.2, "unclear"), "print may lie 3.5 nats above, and 0.9"
    (line,) = compared("a", TRIALS, [Printed("kl", 2.9, "P")])
    assert line.verdict == "below"
    assert compared("a", TRIALS, [Printed("kl", 0.6, "P")])[0].verdict == "unclear", "two seeds tell nothing to a nat"
    three = TRIALS.assign(kl=[0.5, 0.6, 0.7], status="done")  # half: 4.303 * .1 / sqrt 3 = .248
    assert [compared("a", three, [Printed("kl", v, "P")])[0].verdict for v in (1.3, 1.4)] == ["within", "unclear"]
    one = TRIALS.head(1)  # a single seed has no interval
    assert [compared("a", one, [Printed("kl", v, "P")])[0].verdict for v in (1.4, 1.6)] == ["within", "below"]
    assert compared("a", one, [Printed("ppl_iw", 97.9, "P")])[0].verdict == "above"


def test_nothing_obtained_or_printed_has_no_verdict():
    waiting = TRIALS.assign(status="pending")
    (line,) = compared("a", waiting, [Printed("kl", 2.0, "P")])
    assert (line.obtained, line.gap, line.verdict) == (None, None, "")
    lines = compared("a", TRIALS, [])
    assert [(line.column, line.verdict) for line in lines] == [("ppl_iw", ""), ("kl", ""), ("mi", "")]
    assert compared("a", TRIALS.drop(columns="kl"), [Printed("kl", 2.0, "P")])[0].obtained is None


def test_a_row_s_protocols_and_variants_are_never_averaged():
    table = read_table(
        "t", {"title": "T", "about": "A", "rows": [{"method": "bn", "name": "ptb", "figures": {"kl": 2.0}}]}
    )
    both = pd.concat(
        [
            TRIALS.assign(method="bn", training_protocol="shared", variant=""),
            TRIALS.assign(method="bn+linear_anneal", training_protocol="published", variant="", kl=[4.0, 5.0, None]),
        ]
    )
    shared, published = compare_table(table, both, {"ptb": 1}, {"ptb": 1})
    assert (shared.row, shared.obtained.mean, shared.gap) == ("bn (shared)", pytest.approx(0.6), pytest.approx(-1.4))
    assert (published.row, published.obtained.mean, published.obtained.n) == ("bn (published)", 4.5, 2)
    wide = pd.concat([TRIALS.assign(variant=f"bn.gamma={gamma}", kl=gamma) for gamma in (0.5, 1.0)])
    lines = compare_table(table, wide, {"ptb": 1}, {"ptb": 1})
    assert [(line.row, line.obtained.mean) for line in lines] == [
        ("bn (bn.gamma=0.5)", 0.5),
        ("bn (bn.gamma=1.0)", 1.0),
    ]
    (one,) = compare_table(table, TRIALS, {"ptb": 1}, {"ptb": 1})
    assert one.row == "bn"
    (none,) = compare_table(table, TRIALS.head(0), {"ptb": 1}, {"ptb": 1})
    assert (none.row, none.obtained) == ("bn", None)


def test_variants_under_both_protocols_have_labels_of_their_own():
    """A paper's training may add remedies, so that the two protocols of a row are of two methods."""
    trials = pd.concat(
        [
            TRIALS.assign(method=method, training_protocol=protocol, variant=f"bn.gamma={gamma}")
            for method, protocol in (("bn", "shared"), ("bn+linear_anneal", "published"))
            for gamma in (0.5, 1.0)
        ]
    )
    assert [label for label, _ in told_apart("bn", trials)] == [
        "bn (shared, bn.gamma=0.5)",
        "bn (shared, bn.gamma=1.0)",
        "bn (published, bn.gamma=0.5)",
        "bn (published, bn.gamma=1.0)",
    ]


LINES = [
    Compared(
        "SA-VAE, oracle's decoder",
        "bound_gap",
        Interval(2, 0.66, 0.02, 0.5, 0.8),
        Printed("x", 0.5, "K", False),
        0.3,
        (4, 30),
    ),
    Compared("SA-VAE, oracle's decoder", "kl", Interval(1, 2.0), Printed("x", 5.0, "L"), 1.0, (4, 30)),
    Compared("bn", "mi", None, None, None, (30, 30)),
]


@pytest.mark.parametrize("width", [80, 200, None])
def test_the_table_says_it_all_at_any_width(width):
    text = comparison_text(comparison_view("Title", LINES, ["a note"]), Target(width))
    assert max(map(len, text.splitlines())) <= (width or 1000)
    for said in ("0.66 ±0.02", "0.50?", "+0.16", "within", "below", "-3.00", "from memory, unconfirmed", "a note"):
        assert said in text
    assert "4/30" in text
    assert ("not shown for want of width" in text) == (width == 80)
    assert text.count("SA-VAE, oracle's decoder  ") >= 1


@pytest.mark.parametrize("width", [80, None])
def test_where_nothing_is_in_print_a_row_has_one_line(width):
    def line(row, column, *figures):
        if not figures:
            return Compared(row, column, None, None, None, (8, 8))
        interval = Interval(len(figures), sum(figures) / len(figures), 0.02 if len(figures) > 1 else None, 0, 9)
        return Compared(row, column, interval, None, None, (8, 8))

    lines = [line("lm", "ppl_iw", 66.034), line("lm", "kl"), line("lm", "au"), line("lm", "probe_sampled")]
    lines += [line("bn", "ppl_iw", 67.98), line("bn", "kl", 2.8, 3.0), line("bn", "au")]
    lines += [line("bn", "probe_sampled", 0.6781), line("mim", "ppl_iw", 60815.48)]
    view = comparison_view("Title", lines, ["a note"])
    title, heads, _, *rows = comparison_text(view, Target(width)).splitlines()
    assert (title, heads.split()) == ("Title", ["row", "ppl_iw", "kl", "probe_sampled", "epochs"])
    assert [row.split() for row in rows[:2]] == [
        ["lm", "66.03", "-", "-", "8"],
        ["bn", "67.98", "2.90", "±0.02", "0.678", "8"],
    ]
    assert rows[2].split() == ["mim", "60815", "-", "-", "8"], "it takes no digits from the others"
    assert "a note" in "".join(rows)
    assert [r["figure"] for r in json.loads(to_json([view]))].count("au") == 2, "other programs get every figure"


def test_long_names_have_lines_of_their_own_where_there_is_no_room():
    long = "ae_pretrain+free_bits+linear_anneal"
    lines = [Compared(long, "neg_elbo", Interval(3, 102.41, 0.12, 102, 103), Printed("x", 101.2, "P"), 0.5)] * 2
    text = comparison_text(comparison_view("Title", lines), Target(60)).splitlines()
    assert text[3] == long
    assert text[4].split() == text[5].split() == ["neg_elbo", "102.41", "±0.12", "101.20", "+1.21", "above"]
    assert max(map(len, text)) <= 60


def test_the_table_for_other_programs():
    view = comparison_view("Title", LINES)
    values = json.loads(to_json([view]))
    assert values[0]["confirmed"] is False
    assert (values[1]["gap"], values[1]["verdict"], values[1]["epochs"]) == (-3.0, "below", 4)
    assert values[2]["printed"] is None
    assert (
        to_csv([view]).splitlines()[0].startswith("row,figure,obtained,sd,seeds,printed,confirmed,gap,allowed,verdict")
    )
    assert "| 0.66 ±0.02 |" in to_markdown(view)


def test_a_ceiling_is_marked_and_is_not_below_what_is_printed():
    """log 2,000 = 7.60: whoever reaches it may know more."""
    trials = TRIALS.assign(status="done", mi=7.59, sentences=2000, mi_ceiling=float("nan"), au=9.0, tokens=40000)
    printed = [Printed("mi", value, "P") for value in (9.1, 7.0, 5.0)] + [Printed("au", 32.0, "P")]
    lines = compared("mim", trials, printed)
    assert [(line.at_least, line.verdict) for line in lines] == [
        (True, ""),
        (True, "within"),
        (True, "above"),
        (False, "below"),
    ]
    assert not compared("mim", trials.assign(mi=7.0), printed)[0].at_least
    views = [comparison_view("Title", own) for own in (lines, compared("mim", trials, []))]
    for view in views:
        assert "| ≥7.59" in to_markdown(view)
        assert "at its ceiling" in view.notes[0] + view.notes[1]
    assert [record["at_ceiling"] for record in json.loads(to_json(views[:1]))] == [True, True, True, False]


def test_published_figures_beside_any_experiment():
    lines = compare_published(TRIALS)
    assert {line.column for line in lines} >= {"neg_elbo", "ppl_iw", "kl", "au"}
    sources = {line.printed.source for line in lines}
    assert "Li C. et al. 2020 (Optimus), Table 8, monotonic annealing" in sources
    assert not [source for source in sources if "Yahoo" in source]
    ppl = [x for x in lines if x.column == "ppl_iw" and "Optimus" in x.printed.source]
    assert [(x.printed.value, x.verdict) for x in ppl] == [(101.40, "unclear")], "two seeds, 100 and 102"


def sources_of(method, protocol, variant="", corpus="yahoo"):
    """The sources of what is in print for a method that was trained under a protocol."""
    frame = TRIALS.assign(corpus=corpus, method=method, training_protocol=protocol, variant=variant)
    return {line.printed.source for line in compare_published(frame)}


def test_a_run_as_published_is_what_tables_call_by_the_name_without_its_companions():
    as_trained = sources_of("linear_anneal+skip", "published", "linear_anneal.share=1.0")
    assert as_trained == {"Zhu et al. 2020, Tables 1 and 8", "Zhang et al. 2022, printed as skip"}
    # of the same remedies under the protocol that all methods share, nobody says that they are that row
    assert sources_of("linear_anneal+skip", "shared") == {"Zhu et al. 2020, Tables 1 and 8"}
    assert sources_of("skip", "shared") == {"Zhang et al. 2022"}


def test_hyper_parameters_decide_there_too():
    sources = sources_of("bn+linear_anneal", "published", "bn.gamma=1.2")
    assert sources == {"Zhang et al. 2022, printed as bn, gamma=1.2"}


def test_a_row_that_says_that_it_is_without_them_is_no_such_row():
    sources = sources_of("lagging+linear_anneal", "published", "linear_anneal.start=0.1")
    assert "He et al. 2019, Table 1, with annealing" in sources
    assert not [source for source in sources if "no annealing" in source]
    assert "He et al. 2019, Table 1, no annealing" in sources_of("lagging", "shared")


def figures_of_test(method, variant="", split="test"):
    """What is in print for a method on Penn Treebank, by source."""
    frame = TRIALS.assign(method=method, variant=variant, split=split)
    return {line.printed.source: line for line in compare_published(frame) if line.column in ("iw_nll", "neg_elbo")}


def test_figures_of_test_stand_beside_none_of_train_and_the_other_way_round():
    bowman = {split: set() for split in ("test", "train")}
    for split, sources in bowman.items():
        lines = figures_of_test("sigmoid_anneal+word_dropout", "word_dropout.rate=0.38", split)
        sources |= {source.partition(", standard decoder; ")[2].partition(";")[0] for source in lines}
    assert bowman == {"test": {"test"}, "train": {"train"}}


def test_a_language_model_without_word_dropout_is_not_that_of_bowman_et_al():
    assert set(figures_of_test("lm")) == {"Li C. et al. 2020 (Optimus), Table 8, LSTM-LM"}
    (source,) = figures_of_test("lm+word_dropout", "word_dropout.rate=0.34")
    assert "word-keep .66" in source


def test_no_figure_of_a_transformer_stands_beside_ours():
    assert "Texar-PyTorch, example, README, LSTM decoder" in figures_of_test("linear_anneal")
    assert not [source for source in figures_of_test("linear_anneal") if "Transformer" in source]


def test_a_likelihood_over_other_tokens_has_a_gap_and_no_verdict():
    """119 of Bowman et al. is 101 nats of 21.1 words; 22 tokens of ours at 101 nats are a perplexity of 98.6."""
    frame = TRIALS.assign(
        method="sigmoid_anneal+word_dropout", variant="word_dropout.rate=0.38", ppl_elbo=[98.6, 98.6, None]
    )
    lines = {line.column: line for line in compare_published(frame)}
    assert {name: line.verdict for name, line in lines.items()} == {
        "neg_elbo": "",
        "ppl_elbo": "",
        "rec": "",
        "kl": "unclear",
    }
    assert lines["ppl_elbo"].gap == pytest.approx(-20.4)
    view = comparison_view("Title", list(lines.values()))
    assert "no verdict on a likelihood of source 1, which counts other tokens than ours" in view.notes
    assert not [note for note in view.notes if "no sentences and tokens" in note]


def test_sources_that_count_other_tokens_are_known_by_their_notes():
    papers = {row["paper"] for row in published_rows() for figure in printed_figures(row) if not figure.same_tokens}
    assert papers == {
        "Bowman et al. 2016",
        "Livne et al. 2020 (sentenceMIM)",
        "Sentence-VAE, code",
        "Xu & Durrett 2018, runs of users",
    }


def test_a_corpus_that_nothing_in_print_is_of():
    with pytest.raises(UsageError, match=r"nothing in print is of these methods on mine; .*PTB"):
        compare_published(TRIALS.assign(corpus="mine"))


@pytest.mark.parametrize(
    "trials",
    [
        TRIALS.drop(columns="tokens"),
        TRIALS.drop(columns="sentences"),
        TRIALS.assign(sentences=0),
        TRIALS.assign(tokens=float("nan")),
    ],
)
def test_an_nll_of_sentences_of_unknown_length_has_a_gap_and_no_verdict(trials):
    nll, kl = compared("a", trials, [Printed("neg_elbo", 1.0, "P"), Printed("kl", 0.5, "P")])
    assert (nll.gap, nll.allowed, nll.verdict) == (pytest.approx(100.5), None, "")
    assert kl.verdict == "unclear"
    assert any("no sentences and tokens" in note for note in comparison_view("Title", [nll, kl]).notes)
    assert not any("tokens" in note for note in comparison_view("Title", compared("a", TRIALS, [nll.printed])).notes)


@pytest.mark.parametrize("width", [8, 20, 30, 40, 50])
def test_a_table_that_fits_nowhere_is_continued_below(width):
    text = comparison_text(comparison_view("Title", compare_published(TRIALS)), Target(width))
    assert max(map(len, text.splitlines())) <= width
    if width >= 30:
        for word in ("linear_anneal", "neg_elbo", "101.40", "gap", "within"):
            assert word in text


def test_large_figures_are_powers_of_ten_and_none_is_minus_zero():
    lines = [Compared("a", "kl", Interval(1, value), Printed("kl", 0.0, "P"), 1.0) for value in (1e300, -0.001)]
    cells = [[cell.text for cell in row[2:5]] for row in comparison_view("Title", lines).rows]
    assert cells == [["1e+300", "0.00", "+1e+300"], ["0.00", "0.00", "+0.00"]]


def test_a_setting_that_is_no_number_is_not_the_printed_one():
    with pytest.raises(UsageError, match=r"nothing in print on yahoo is of bn at these settings; in print there: .*bn"):
        compare_published(TRIALS.assign(corpus="yahoo", method="bn", variant="bn.gamma=abc"))


def test_what_has_no_figure_in_print_is_told_from_what_has_no_corpus():
    with pytest.raises(UsageError, match=r"nothing in print on ptb is of vanilla at these settings; .*linear_anneal"):
        compare_published(TRIALS.assign(method="vanilla"))
    with pytest.raises(UsageError, match="don't name their corpus"):
        compare_published(TRIALS.drop(columns="corpus"))


def test_rows_of_two_experiments_are_told_apart():
    both = pd.concat([TRIALS, TRIALS.assign(experiment="second")], ignore_index=True)
    rows = dict.fromkeys(line.row for line in compare_published(both))
    assert list(rows) == ["linear_anneal, experiment ptb", "linear_anneal, experiment second"]

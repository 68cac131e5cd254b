"""What information costs: curves and duels by hand, and the figures in the sentences of docs/anticollapse.md."""

import csv
import re
from pathlib import Path

import pandas as pd
import pytest

from experiments.anticollapse.frontier import (
    OURS,
    PTB,
    RIVALS,
    Point,
    corpus_lines,
    curve,
    duel_table,
    information_at,
    read_rows,
)
from vaecli.runs.statistics import holm, interval, t_test

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "anticollapse.md").read_text(encoding="utf-8")
PROSE = " ".join(TEXT.split("<!-- frontier: begin -->")[0].split() + TEXT.split("<!-- frontier: end -->")[1].split())


def table(tmp_path):
    """Two seeds of vanilla, a rival with two settings and one of ours."""
    rows = [("vanilla", "", 0, 24.0, 0.0), ("vanilla", "", 1, 25.0, 0.0)]
    rows += [("du", "", 0, 25.0, 2.0), ("du", "", 1, 26.0, 2.0)]
    rows += [("du", "du.gamma=0.3", 0, 24.5, 1.5), ("du", "du.gamma=0.3", 1, 25.5, 0.5)]
    rows += [("info_price", "", 0, 24.25, 1.0), ("info_price", "", 1, 25.75, 1.25)]
    frame = pd.DataFrame(rows, columns=["method", "variant", "seed", "neg_elbo", "mi"])
    frame.assign(status="done", kl=frame["mi"], marginal_kl=0.0, au=1).to_csv(tmp_path / "results.csv", index=False)
    return read_rows(tmp_path / "results.csv", None, None)


def test_curves_by_hand(tmp_path):
    rows = table(tmp_path)
    points = curve(rows, "du")
    assert points == [Point(0, 0), Point(0.5, 1.0), Point(1.0, 2.0)]
    assert [information_at(points, price) for price in (0.25, 0.75, 1.0, 1.1)] == [0.5, 1.5, 2.0, None]
    assert curve(rows, "du", 0)[1] == Point(0.5, 1.5)
    # ours costs 0.5 in the mean and informs by 1.125, where du informs by 1.0; on seed 0 it informs by 1.0 for 0.25,
    # where du does by 0.75, and on seed 1 by 1.25 for 0.75, where du does as much
    (line,) = duel_table(rows[rows["method"].isin(["vanilla", "du", "info_price"])]).splitlines()[2:]
    assert "| 0.50 | 1.12 |" in " ".join(line.split())
    assert "1.00, less on 1 of 2" in line


def test_what_is_no_dearer_than_vanilla_has_no_ratio(tmp_path):
    rows = table(tmp_path)
    rows.loc[rows["method"] == "info_price", "price"] = -0.25
    (line,) = [
        line for line in corpus_lines(rows).splitlines() if line.startswith("| `info_price`") and "-0.25" in line
    ][:1]
    assert [cell.strip() for cell in line.split("|")][7] == "-"
    # and at that price a rival's curve has nothing
    assert "0.00, less on 2 of 2" in duel_table(rows)
    # nor where prices of -0.1 and 0.2 have the mean 0.05 and the standard error 0.15
    rows.loc[rows["method"] == "info_price", "price"] = [-0.1, 0.2]
    assert re.search(r"`info_price` .* 0\.05 \| +- \|", corpus_lines(rows))


def test_a_setting_that_is_cheaper_than_vanilla_is_on_its_curve_before_nothing_for_nothing(tmp_path):
    rows = table(tmp_path)
    rows.loc[rows["setting"] == "du (du.gamma=0.3)", "price"] = -0.25
    points = curve(rows, "du")
    assert points == [Point(-0.25, 1.0), Point(0.0, 0.0), Point(1.0, 2.0)]
    assert [information_at(points, price) for price in (-0.25, -0.125, 0.0, 0.25)] == [1.0, 0.5, 0.0, 0.5]


def test_every_setting_has_a_row(tmp_path):
    text = corpus_lines(table(tmp_path))
    assert "`du (du.gamma=0.3)`" in text
    assert "8 trials" in text
    assert "`bow` there" not in text  # a rival that was not run


ROWS = read_rows()
PTB_ROWS = read_rows(PTB, None, None)


def test_the_grid_on_penn_treebank_is_whole():
    assert set(PTB_ROWS["corpus"]) == {"ptb"}
    counts = PTB_ROWS.groupby("method")["seed"].agg(lambda seeds: sorted(seeds))
    assert set(counts.index) == {"vanilla", "soft_free_bits", "du", "bow", *OURS}
    assert all(seeds == [0, 1, 2, 3, 4] for seeds in counts)


def test_what_a_table_lacks_stands_in_from_the_grid_of_all_methods(tmp_path):
    table(tmp_path)
    rows = read_rows(tmp_path / "results.csv", None)
    assert len(rows[(rows["method"] == "du") & rows["variant"].isna()]) == 3  # seeds 0 and 1 of its own, 2 of the grid
    assert len(rows[rows["method"] == "bow"]) == 3
    assert not set(rows["method"]) - {"vanilla", *RIVALS, *OURS}


def test_the_defaults_of_both_were_run_on_seeds_that_had_no_part_in_choosing_them():
    defaults = ROWS[ROWS["variant"].isna()]
    for method in (*OURS, *RIVALS, "vanilla"):
        assert {0, 1, 2} <= set(defaults.loc[defaults["method"] == method, "seed"])
    assert set(ROWS["seed"]).isdisjoint({10, 11})


def test_on_penn_treebank_both_have_the_lowest_iw_nll():
    assert "Both have the lowest `iw_nll` of the six" in PROSE
    assert set(PTB_ROWS.groupby("method")["iw_nll"].mean().nsmallest(2).index) == set(OURS)


def figures_in_prose():
    """``(method, name, text)`` of "`method` informs by 2.1" and "`method` pays 0.5", of Penn Treebank after "there"."""
    return re.findall(r"`(\w+)` (informs by|pays|there informs by|there pays) (-?[\d.]+\d)", PROSE)


def test_there_are_figures_in_the_sentences():
    assert len(figures_in_prose()) >= 4


@pytest.mark.parametrize(("method", "what", "text"), figures_in_prose())
def test_a_figure_in_a_sentence_is_that_of_the_table(method, what, text):
    rows = PTB_ROWS if what.startswith("there") else ROWS
    own = rows[(rows["method"] == method) & rows["variant"].isna()]
    value = own["price" if what.endswith("pays") else "information"].mean()
    assert text == f"{value:.2f}"


def test_a_price_on_penn_treebank_has_an_interval_and_a_likelihood_its_test():
    with (ROOT / "experiments" / "anticollapse" / "ptb" / "results.csv").open(encoding="utf-8", newline="") as file:
        trials = {(row["method"], row["seed"]): row for row in csv.DictReader(file)}
    others = sorted({method for method, _ in trials} - {"vanilla"})

    def gaps(method, name):
        return [float(trials[method, s][name]) - float(trials["vanilla", s][name]) for s in "01234"]

    corrected = dict(zip(others, holm([t_test(gaps(method, "iw_nll")) for method in others]), strict=True))
    for method, p_value in (("anticollapse", "0.005"), ("info_price", "0.06")):
        price, gain = (interval(gaps(method, name)) for name in ("neg_elbo", "iw_nll"))
        said = re.search(rf"`{method}` there pays (\S+), (?:with .*? seeds )?from (\S+) to (\d\.\d\d)", PROSE)
        assert said.groups() == tuple(f"{x:z.2f}" for x in (price.mean, price.low, price.high))
        told = f"{-gain.mean:.2f}", f"{-gain.high:.2f}", f"{-gain.low:.2f}"
        said = re.search(
            rf"that of `{method}` (?:is )?(\S+?)(?: nats below vanilla's)?, from (\S+) to (\d\.\d\d)", PROSE
        )
        assert said.groups() == told
        assert f"{corrected[method]:.{len(p_value) - 2}f}" == p_value

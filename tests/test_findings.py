"""The figures of docs/findings.md are those of experiments/all: every row of its tables, and those in its sentences."""

import csv
import re
from pathlib import Path

import pytest

from vaecli.catalogue.update_times import load_update_times
from vaecli.metrics.verdict import verdict
from vaecli.remedies import REMEDIES
from vaecli.runs.statistics import holm, t_test

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
PROSE = " ".join(TEXT.split())


def rows_of(name):
    with open(ROOT / "experiments" / "all" / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


SUMMARY = {row["method"]: row for row in rows_of("summary.csv")}
TRIALS = {(row["method"], row["seed"]): row for row in rows_of("results.csv")}


def mean(method, name):
    return float(SUMMARY[method][f"{name}_mean"])


def rounded(value, places):
    text = f"{value:.{places}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def figure(method, head):
    """What a cell under a head has to say of a method."""
    if head == "share":
        return f"{rounded(100 * mean(method, 'mi') / mean(method, 'kl'), 0)} %"
    if head == "neg_elbo above vanilla":
        return rounded(mean(method, "neg_elbo") - mean("vanilla", "neg_elbo"), 1)
    return rounded(mean(method, head), 2)


def cells():
    """``(method, head, cell)`` of every figure in the tables."""
    heads = []
    for line in TEXT.splitlines():
        row = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not row or set(row[0]) <= set("-:"):
            continue
        if row[0] == "method":
            heads = row[1:]
            continue
        for method in re.findall(r"`(\w+)`", row[0]):
            yield from ((method, head, cell) for head, cell in zip(heads, row[1:], strict=True))


CELLS = list(cells())
INLINE = re.findall(r"`(\w+)` \((kl|mi|neg_elbo|iw_nll) ([\d.]+)", PROSE)
IN_LIKELIHOOD = re.findall(
    r"`(\w+)`,? (?:shows |whose code carries nothing, )?(2\d\.\d\d)", PROSE.split("Nobody is near")[0]
)


def test_there_are_tables_and_sentences_to_look_up():
    assert len(CELLS) > 50
    assert {head for _, head, _ in CELLS} == {"kl", "mi", "share", "neg_elbo above vanilla"}
    assert len(INLINE) >= 3
    assert len(IN_LIKELIHOOD) >= 7


@pytest.mark.parametrize(("method", "head", "cell"), CELLS)
def test_a_cell_is_the_mean_of_the_table(method, head, cell):
    assert cell == figure(method, head)


@pytest.mark.parametrize(("method", "name", "value"), INLINE)
def test_a_figure_in_a_sentence_is_that_of_the_table(method, name, value):
    assert value == rounded(mean(method, name), len(value.partition(".")[2]))


@pytest.mark.parametrize(("method", "value"), IN_LIKELIHOOD)
def test_the_likelihoods_are_those_of_the_table(method, value):
    assert value == rounded(mean(method, "iw_nll"), 2)


def test_who_collapsed_on_all_seeds_and_nobody_else():
    said = re.search(r"Collapsed on all seeds \(kl or mi below 0\.1\): (.*?)\. - ", PROSE)
    named = set(re.findall(r"`(\w+)`", said[1]))
    collapsed = {
        method
        for method in SUMMARY
        if all(
            TRIALS[method, seed][name]
            and min(float(TRIALS[method, seed]["kl"] or 9), float(TRIALS[method, seed]["mi"])) < 0.1
            for seed in "012"
            for name in ("kl", "mi")
        )
    }
    assert named == collapsed


@pytest.mark.parametrize(
    ("method", "name", "said"),
    [
        ("control", "kl", "5.11, 5.32 and 5.05"),
        ("control", "kl_weight", "0.37, 0.35 and 0.36"),
        ("target_kl", "kl", "5.00, 4.99 and 4.78"),
        ("mdr", "kl", "4.99, 3.47 and 1.81"),
        ("bn", "kl", "3.03, 3.05 and 3.06"),
        ("dg", "kl", "5.87, 3.13 and 2.09"),
        ("dg", "mi", "2.38, 1.27 and 0.78"),
        ("sigmoid_anneal", "kl", "2.03, 0.18 and 0.83"),
    ],
)
def test_figures_of_three_seeds(method, name, said):
    values = [rounded(float(TRIALS[method, seed][name]), 2) for seed in "012"]
    assert said == f"{values[0]}, {values[1]} and {values[2]}"
    assert said in PROSE


def test_every_method_ran_with_three_seeds():
    assert set(SUMMARY) == set(REMEDIES)
    assert len(TRIALS) == 3 * len(REMEDIES)
    assert {row["status"] for row in TRIALS.values()} == {"done"}
    assert f"all {len(REMEDIES)} methods" in PROSE


def with_a_nat():
    """The methods whose code holds a nat or more and that have a kl, the least of a figure first."""
    return [method for method, row in SUMMARY.items() if row["kl_mean"] and mean(method, "mi") >= 1]


def test_the_best_likelihoods_of_a_code_with_a_nat_are_named_in_their_order():
    said = re.search(r"carry a nat or more of information, the best are (.*?): 0\.1 to 0\.2 above", PROSE)
    named = re.findall(r"`(\w+)`", said[1])
    ordered = sorted(with_a_nat(), key=lambda method: mean(method, "iw_nll"))
    assert named == ordered[: len(named)]
    above = [rounded(mean(method, "iw_nll") - mean("vanilla", "iw_nll"), 1) for method in named]
    assert (above[0], above[-1]) == ("0.1", "0.2")


def test_the_likelihoods_of_the_best_are_compared_with_vanilla_seed_by_seed():
    said = re.search(r"carry a nat or more of information, the best are (.*?): 0\.1 to 0\.2 above", PROSE)
    gaps = {
        method: [float(TRIALS[method, seed]["iw_nll"]) - float(TRIALS["vanilla", seed]["iw_nll"]) for seed in "012"]
        for method in re.findall(r"`(\w+)`", said[1])
    }
    above = sum(gap > 0 for own in gaps.values() for gap in own)
    assert f"lie above vanilla in {above} of {3 * len(gaps)} pairs" in PROSE
    assert sum(min(own) > 0 for own in gaps.values()) == 6
    assert "on all three seeds in six of them" in PROSE
    corrected = holm([t_test(own) for own in gaps.values()])
    assert f"the least p-value of nine paired t-tests is {min(corrected):.2f} after Holm (`du`)" in PROSE
    assert list(gaps)[corrected.index(min(corrected))] == "du"


def test_a_warm_up_alone_keeps_a_code_in_longer_runs():
    said = re.search(r"a mi of ([\d.]+) and ([\d.]+) after 12 epochs, ([\d.]+) and ([\d.]+) after 20", PROSE)
    protocols = ROOT / "experiments" / "protocols"
    methods = ("linear_anneal", "cyclical")
    with open(protocols / "results.csv", encoding="utf-8", newline="") as file:
        twelve = {
            r["method"]: float(r["mi"]) for r in csv.DictReader(file) if r["training_protocol"] == "shared" and r["mi"]
        }
    with open(protocols / "sweep" / "results.csv", encoding="utf-8", newline="") as file:
        own = [r for r in csv.DictReader(file) if "learning_rate=0.008" in r["variant"] and "epochs=20" in r["variant"]]
    twenty = {r["method"]: float(r["mi"]) for r in own}
    assert said.groups() == tuple(rounded(by[name], 2) for by in (twelve, twenty) for name in methods)


def test_the_bounds_of_a_code_with_a_nat_lie_between_the_two_that_are_named():
    said = re.search(r"with a mi of 1 or more from ([\d.]+) \(`(\w+)`\) to ([\d.]+) \(`(\w+)`\)", PROSE)
    bounds = {method: mean(method, "neg_elbo") for method in with_a_nat() if method != "historyless"}
    least, most = min(bounds, key=bounds.__getitem__), max(bounds, key=bounds.__getitem__)
    assert said.groups() == (rounded(bounds[least], 2), least, rounded(bounds[most], 2), most)


def test_whose_verdict_depends_on_the_seed():
    said = re.search(r"## What depends on the seed (.*?) get other verdicts on other seeds", PROSE)
    named = set(re.findall(r"`(\w+)`", said[1]))
    assert named == {method for method in SUMMARY if len({verdict(TRIALS[method, seed]) for seed in "012"}) > 1}


def test_on_how_many_frontiers_of_single_seeds_they_are():
    counts = dict.fromkeys(("control", "hr", "soft_free_bits", "du", "bow", "critic"), 0)
    for seed in "012":
        own = [row for (_, s), row in TRIALS.items() if s == seed and row["kl"]]
        points = {row["method"]: (float(row["kl"]), float(row["rec"])) for row in own}
        for name in counts:
            kl, rec = points[name]
            counts[name] += not any(other[0] <= kl and other[1] < rec for other in points.values())
    assert list(counts.values()) == [3, 3, 2, 2, 2, 0]
    assert "`control` and `hr` are on all, `soft_free_bits`, `du` and `bow` on two, and `critic` on none." in PROSE


def test_who_is_on_the_frontier():
    said = re.search(r"All of ((?:`\w+`[, and]*)+) are on the rate-distortion frontier; `bn` is just inside it", PROSE)
    points = {method: (mean(method, "kl"), mean(method, "rec")) for method, row in SUMMARY.items() if row["kl_mean"]}
    inside = {
        method
        for method, (kl, rec) in points.items()
        if any(other[0] <= kl and other[1] < rec for other in points.values())
    }
    assert "bn" in inside
    assert not inside & set(re.findall(r"`(\w+)`", said[1]))


@pytest.mark.parametrize("method", ["lagging", "semi_amortized"])
def test_what_an_update_of_the_two_takes_is_what_was_measured(method):
    said = re.search(r"`lagging` takes (\d+) times that of vanilla .*? one of `semi_amortized` (\d+) times", PROSE)
    told = dict(zip(("lagging", "semi_amortized"), said.groups(), strict=True))
    assert told[method] == f"{load_update_times()[method].ratio:.0f}"

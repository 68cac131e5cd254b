"""The page of findings by protocol: what a table says by hand, and every figure of the committed page in its CSV."""

import csv
import re
from pathlib import Path

import pytest
from reporting.frames import table, trial

from experiments.protocols import side_by_side as grid
from vaecli.remedies import REMEDIES

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "findings_by_protocol.md").read_text(encoding="utf-8").split("<!-- sweep: begin -->")[0]
EXAMPLE = (ROOT / "docs" / "protocols.md").read_text(encoding="utf-8")
OWN = {"training_protocol": "published", "variant": 'training.protocol="published"'}
SHARED = {"training_protocol": "shared", "variant": ""}
NEEDLE = r"`([\w+]+)`: .*? \(([^)]*)\) under the shared protocol, .*? \(([^)]*)\) under its paper's, `([\w+]+)`"


def both():
    """mim turns on one seed of two, lagging on its only one and under a longer name, vanilla never."""
    return table(
        trial("vanilla", 0, rec=24.0, kl=0.0, mi=0.0, **SHARED),
        trial("vanilla", 0, rec=26.0, kl=0.02, mi=0.0, **OWN),
        trial("mim", 0, rec=24.0, kl=72.0, mi=0.0, **SHARED),
        trial("mim", 1, rec=24.2, kl=72.2, mi=0.0, **SHARED),
        trial("mim", 0, rec=9.0, kl=40.0, mi=7.5, **OWN),
        trial("mim", 1, rec=24.0, kl=41.0, mi=0.01, **OWN),
        trial("lagging", 0, rec=24.0, kl=0.01, mi=0.01, **SHARED),
        trial("lagging+linear_anneal", 0, rec=22.0, kl=2.0, mi=1.8, **OWN),
        trial("bow", 0, rec=22.0, kl=2.0, mi=1.8, **SHARED),
        trial("skip", 0, rec=22.0, kl=2.0, mi=1.8, status="failed", **SHARED),
    )


def test_a_verdict_turns_where_seeds_of_both_protocols_differ():
    rows = {pair.method: pair for pair in grid.pairs(both())}
    assert list(rows) == [name for name in REMEDIES if name in rows], "the order is that of the table of methods"
    assert {name: pair.turns for name, pair in rows.items()} == {
        "vanilla": "",
        "mim": "turns 1/2",
        "lagging": "turns",
        "bow": "",
    }
    assert rows["lagging"].published.method == "lagging+linear_anneal"


def test_the_page_has_a_row_a_method_and_a_sentence_a_turn():
    text = grid.page_lines(both())
    assert "9 trials of 4 methods, 10 begun, seeds 0 (0, 1 of `mim`); 3 methods under both protocols." in text
    assert (
        "| `vanilla` | collapsed | 0.00 | 0.00 | 24.00 | collapsed | 0.02 | 0.00 | 26.02 | sgd 1, batches of 32 |  |"
        in text
    )
    assert "| `bow` | informative | 2.00 | 1.80 | 24.00 |  |  |  |  |  |  |" in text
    told = "- `mim`: collapsed (kl 72.10, mi 0.00, neg_elbo 96.20) under the shared protocol, saturated 1/2, collapsed "
    assert (
        told + "1/2 (kl 40.50, mi ≥3.75, neg_elbo 57.00) under its paper's, `mim` by adam 0.001, batches of 20." in text
    )
    assert "- collapsed under both: `vanilla`." in text
    missing = text.split("### What is missing")[1]
    assert "`bow`" in missing.split("Not run")[0], "it has no recipe"
    assert "`skip`" in missing.split("Not run")[1], "a trial that failed has no figures"


def test_before_the_grid_the_page_says_how_it_is_run():
    assert grid.page_lines(None) == grid.example_line(None) == grid.example_line(both(), "beta") == grid.NOT_RUN
    assert grid.read_grid(ROOT / "there is none.csv") is None


def test_the_stages_have_each_method_once_a_protocol_and_the_recipes_alone_twice():
    trials = [(m, protocol) for stage in grid.stages() for m in stage.methods for protocol in stage.protocols]
    assert len(trials) == len(set(trials))
    assert {m for m, protocol in trials if protocol == "shared"} == set(REMEDIES)
    assert {m for m, protocol in trials if protocol == "published"} == {m for m in REMEDIES if grid.has_recipe(m)}
    assert all(
        line.startswith(("#", "vae compare experiments/protocols/protocols.toml --methods")) for line in grid.commands()
    )


def committed():
    """The means of each finished method by protocol, straight from the file."""
    groups = {}
    if grid.RESULTS.exists():
        with grid.RESULTS.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["status"] == "done":
                    groups.setdefault((row["method"], row["training_protocol"]), []).append(row)
    return {
        key: {
            name: sum(float(r[name]) for r in rows) / len(rows) for name in grid.FIGURES if all(r[name] for r in rows)
        }
        for key, rows in groups.items()
    }


MEANS = committed()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")]


def shown(means, name):
    return f"{means[name]:z.2f}" if name in means else ""


def test_the_committed_page_has_every_trial_of_the_committed_table_and_no_other():
    if not MEANS:
        assert not ROWS
        assert grid.NOT_RUN in PAGE
        assert grid.NOT_RUN in EXAMPLE
        return
    assert len(ROWS) == len({row[0] for row in ROWS})
    assert sum(map(bool, MEANS.values())) == sum(any(row[start : start + 3]) for row in ROWS for start in (2, 6))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_cell_is_the_mean_of_the_committed_table(row):
    method = row[0].strip("`")
    for protocol, start in (("shared", 2), ("published", 6)):
        cells = [cell.removeprefix("≥") for cell in row[start : start + 3]]
        if any(cells):
            names = [key for key in MEANS if key[1] == protocol and set(method.split("+")) <= set(key[0].split("+"))]
            assert cells in [[shown(MEANS[key], name) for name in grid.FIGURES] for key in names]


@pytest.mark.parametrize("claim", [*re.findall(NEEDLE, PAGE)], ids=lambda claim: claim[0])
def test_a_figure_in_a_sentence_is_that_of_the_committed_table(claim):
    method, shared, published, whole = claim
    for key, told in (((method, "shared"), shared), ((whole, "published"), published)):
        known = [f"{name} {shown(MEANS[key], name)}" for name in grid.FIGURES if shown(MEANS[key], name)]
        assert told.replace("≥", "") == ", ".join(known)


def test_the_example_has_the_figures_of_the_committed_table():
    if MEANS and ("mim", "shared") in MEANS and ("mim", "published") in MEANS:
        for protocol in ("shared", "published"):
            for name in grid.FIGURES:
                assert f"{shown(MEANS['mim', protocol], name)}" in EXAMPLE.replace("≥", "")


def test_pooling_is_published_with_another_warm_up_and_nothing_else():
    assert "(that of `pooling` in its warm-up alone)" in re.sub(r"\s+", " ", PAGE)
    with grid.RESULTS.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if "pooling" in row["method"].split("+")]
    told = {(row["training_protocol"], row["method"]): row["variant"] for row in rows}
    assert told == {
        ("shared", "pooling"): "",
        ("published", "linear_anneal+pooling"): 'training.protocol="published"',
    }

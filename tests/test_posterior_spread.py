"""The committed figures behind the picture of posteriors, and the page's table of them."""

import re
from pathlib import Path

import pandas as pd
import pytest

from experiments.posterior_spread import (
    BESIDE,
    DIAGONAL,
    EVERY,
    LINE,
    ORIGIN,
    SHOWN,
    TOY,
    every_lines,
    position,
    positions,
    spread_lines,
)
from vaecli.engines.run_grid import open_experiment
from vaecli.reproduction import posterior_grid
from vaecli.reproduction.grids import Request
from vaecli.reproduction.paper_tables import load_table
from vaecli.reproduction.posterior_grid import grid_of, spread_view
from vaecli.settings import layers
from vaecli.training import fit


def test_the_table_of_the_page_has_a_row_a_method():
    looks = [("vanilla", 0, n, n / 50, 0.0, n / 50) for n in SHOWN]
    frame = pd.DataFrame(looks, columns=["method", "seed", "updates", "exact_sd", "encoder_sd", "distance"])
    assert spread_lines(frame).splitlines()[-1] == (
        "| `vanilla` | 1.00 | 4.00 | 8.00 | 0.00 | 0.00 | 0.00 | 1.00 | 4.00 | 8.00 |"
    )


def test_the_committed_figures_are_of_the_table_s_settings():
    settings = grid_of(Request(load_table("he2019-toy"))).settings
    frame, results = pd.read_csv(TOY / "spread.csv"), pd.read_csv(TOY / "results.csv")
    assert list(dict.fromkeys(frame["method"])) == list(settings.methods)
    assert list(results["method"]) == list(settings.methods)
    assert set(results["status"]) == {"done"}
    every = settings.config("vanilla", 0).evaluation.posteriors_every
    for _, own in frame.groupby("method"):
        assert own["updates"].tolist() == list(range(0, SHOWN[-1] + 1, every))


def test_the_encoder_of_vanilla_lags_and_that_of_lagging_does_not():
    """The finding of the paper, in the committed figures."""
    frame = pd.read_csv(TOY / "spread.csv").set_index(["method", "updates"])
    vanilla, lagging = (frame.loc[(method, 100)] for method in ("vanilla", "lagging"))
    assert vanilla["encoder_sd"] < 0.6 * vanilla["exact_sd"]
    assert lagging["encoder_sd"] > 0.8 * lagging["exact_sd"]
    assert lagging["exact_sd"] > 2 * vanilla["exact_sd"]


@pytest.mark.parametrize(
    ("figures", "where"),
    [
        ((0.29, 0.0, 5.0), ORIGIN),  # the KL may be large: means far away, all alike
        ((0.8, 0.39, 0.2), LINE),
        ((0.8, 0.41, 0.39), DIAGONAL),
        ((0.8, 0.8, 0.4), BESIDE),
        ((0.8, 2.0, 1.3), BESIDE),
    ],
)
def test_where_sentences_lie(figures, where):
    assert position(*figures) == where


def test_a_method_lies_where_its_last_look_is():
    columns = ["method", "seed", "updates", "exact_sd", "encoder_sd", "distance"]
    looks = [("bn", 0, 0, 0.1, 0.6, 0.6), ("bn", 0, 400, 0.6, 0.6, 0.1), ("ivae", 0, 400, 0.6, 0.1, 0.5)]
    frame = pd.DataFrame(looks, columns=columns)
    assert positions(frame) == {"bn": DIAGONAL, "ivae": LINE}
    results = pd.DataFrame({"method": ["bn", "ivae"], "verdict": ["informative", None]})
    lines = every_lines(frame, results).splitlines()
    assert lines[0] == "2 methods, seed 0, 400 updates at most:"
    assert lines[5].endswith("| `bn` | informative 1 |")
    assert lines[6].endswith("| `ivae` | no verdict 1 |")


def test_what_the_page_says_of_every_method():
    """Its words on the committed grid, and the six of the first picture once more."""
    frame, results = pd.read_csv(EVERY / "spread.csv"), pd.read_csv(EVERY / "results.csv").set_index("method")
    assert set(results["status"]) == {"done"}
    assert round(results["seconds"].sum() / 60) == 31
    lying, verdict = positions(frame), results["verdict"]
    assert {verdict[m] for m in lying if lying[m] == ORIGIN} == {"collapsed"}
    on = [m for m in lying if lying[m] == DIAGONAL]
    assert [m for m in on if verdict[m] != "informative"] == ["cyclical"]
    assert [m for m in lying if lying[m] == LINE] == ["ae", "mdr", "target_kl", "tilted"]
    assert lying["mi_constraint"] == ORIGIN
    last = frame.groupby("method").tail(1).set_index("method")
    assert round(last.loc["ae", "distance"]) == 8
    held = ["free_bits", "soft_free_bits", "control", "hr", "twr", "mu_forcing"]
    assert {lying[m] for m in held} == {BESIDE}
    assert (last.loc[held, "encoder_sd"] > last.loc[held, "exact_sd"]).all()
    page = (Path(__file__).parents[1] / "docs" / "posterior_picture.md").read_text(encoding="utf-8")
    told = re.sub(r"\s+", " ", page.split("<!-- every: end -->")[1])
    kl = {m: f"{results.loc[m, 'kl']:.2f}" for m in ("mi_constraint", "mdr", "target_kl", "tilted")}
    assert f"`mi_constraint` pays {kl['mi_constraint']} nats" in told
    assert f"pay {kl['mdr']}, {kl['target_kl']} and {kl['tilted']} nats" in told
    assert f"`cyclical` has an mi of {results.loc['cyclical', 'mi']:.2f}" in told
    assert results.loc[["mdr", "target_kl", "tilted"], "mi"].abs().max() < 0.03
    six = pd.read_csv(TOY / "spread.csv").set_index(["method", "updates"])
    for (method, updates), figures in six.iterrows():
        again = frame[(frame["method"] == method) & (frame["updates"] == updates)].iloc[0]
        assert (
            abs(again[["exact_sd", "encoder_sd", "distance"]] - figures[["exact_sd", "encoder_sd", "distance"]]).max()
            < 0.05
        )


def looks_of(*rows):
    return pd.DataFrame(rows, columns=["method", "seed", "updates", "exact_sd", "encoder_sd", "distance"])


def test_a_spread_without_a_figure_leaves_its_cell_and_no_other_empty():
    frame = pd.DataFrame({"method": "bn", "seed": [0, 1], "status": ["done", "diverged"], "corpus": "mixture"})
    nan = float("nan")
    view = spread_view(load_table("he2019-toy"), frame, looks_of(("bn", 0, 400, 0.5, nan, 0.25)))
    assert [cell.text for cell in view.rows[0]] == ["bn", "400", "0.50", "-", "0.25"]
    assert "1 trial diverged; --retry runs such again" in view.notes


def test_last_looks_at_several_updates_are_told():
    frame = pd.DataFrame({"method": "bn", "seed": [0, 1], "status": "done", "corpus": "mixture"})
    looks = looks_of(("bn", 0, 400, 0.5, 0.5, 0.25), ("bn", 1, 100, 0.5, 0.5, 0.25))
    assert spread_view(load_table("he2019-toy"), frame, looks).rows[0][1].text == "100 to 400"


def test_every_method_is_built_once_with_what_each_protocol_adds(tmp_path, monkeypatch):
    """A method is left out where any of what is trained of it doesn't fit, and nothing is built that has been."""
    built, table = [], load_table("he2019-toy")

    def build_problem(config, corpus):
        built.append((config.method, str(config.model)))  # a recipe may begin with other weights
        return "too wide" if config.method == "linear_anneal+skip" else ""

    monkeypatch.setattr(posterior_grid, "build_problem", build_problem)
    monkeypatch.setattr(fit, "build_problem", build_problem)
    monkeypatch.setattr(layers, "loaded_names", lambda: ["lm", *(row.method for row in table.rows)])
    sizes = tuple(f"corpus.{part}_size=20" for part in ("train", "valid", "test"))
    sets = (*sizes, "training.protocol=shared,published")
    grid = grid_of(Request(table, ("all",), sets=sets))
    assert set(grid.left_out) == {"lm", "skip"}
    assert grid.built == {method for method, _ in built} - {"skip", "linear_anneal+skip"}
    assert grid.built > {"vanilla", "bn"}, "bn's paper adds a warm-up"
    open_experiment(grid.settings, tmp_path, built=grid.built)
    assert len(built) == len(set(built))
    fewer = grid.built - {"bn+linear_anneal"}
    open_experiment(grid.settings, tmp_path, built=fewer)
    assert built[-1][0] == "bn+linear_anneal"

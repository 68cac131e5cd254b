"""The committed figures behind the picture of posteriors, and the page's table of them."""

import pandas as pd

from experiments.posterior_spread import SHOWN, TOY, spread_lines
from vaecli.reproduction.grids import Request
from vaecli.reproduction.paper_tables import load_table
from vaecli.reproduction.posterior_grid import grid_of, spread_view


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

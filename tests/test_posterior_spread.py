"""The figures behind the picture of posteriors, and those that are committed."""

import pandas as pd
import pytest
import torch
from reporting.experiments import write_runs

from experiments.posterior_spread import SHOWN, TOY, spread_lines, spread_table
from vaecli.runs.posterior_file import PosteriorFile
from vaecli.settings.resolve import load_settings
from vaecli.training.posterior_watch import PosteriorLook


def test_a_row_a_method_and_look(tmp_path):
    folder = write_runs(tmp_path, ("bn", 0), ("vanilla", 0))
    for method, scale in (("bn", 1.0), ("vanilla", 0.0)):
        file = PosteriorFile(folder / method / "seed-0")
        for updates in SHOWN:
            exact = torch.tensor([-1.0, 1.0]) * updates / 50
            file.append(PosteriorLook(updates, torch.tensor([1, 2]), ("", ""), scale * exact, exact))
    frame = spread_table(folder)
    assert frame["method"].tolist() == ["bn"] * len(SHOWN) + ["vanilla"] * len(SHOWN)
    last = frame.iloc[-1]
    assert (last["exact_sd"], last["encoder_sd"], last["distance"]) == pytest.approx((8.0, 0.0, 8.0))
    assert spread_lines(frame).splitlines()[-1] == (
        "| `vanilla` | 1.00 | 4.00 | 8.00 | 0.00 | 0.00 | 0.00 | 1.00 | 4.00 | 8.00 |"
    )


def test_the_committed_figures_are_of_the_committed_settings():
    settings = load_settings(TOY / "he2019-toy.toml")
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

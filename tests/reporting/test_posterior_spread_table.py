"""The spread of the means of posteriors, by method, seed and look."""

import pytest
import torch
from reporting.experiments import write_runs

from vaecli.reporting.picture import runs_of
from vaecli.reporting.pictures.posterior_spread import last_looks, spread_table
from vaecli.reporting.read_results import load_results
from vaecli.runs.posterior_file import PosteriorFile
from vaecli.training.posterior_watch import PosteriorLook


def test_a_row_a_method_seed_and_look(tmp_path):
    folder = write_runs(tmp_path, ("bn", 0), ("vanilla", 0), ("vanilla", 1), ("vanilla", 2))
    for path, scale in (("bn/seed-0", 1.0), ("vanilla/seed-0", 0.0), ("vanilla/seed-2", 0.5)):
        for updates in (50, 400):
            exact = torch.tensor([-1.0, 1.0]) * updates / 50
            PosteriorFile(folder / path).append(
                PosteriorLook(updates, torch.tensor([1, 2]), ("", ""), scale * exact, exact)
            )
    results = load_results(folder)
    frame = spread_table(runs_of(results.frame, results.contexts, "x"))
    keys = [("bn", 0), ("vanilla", 0), ("vanilla", 2)]  # seed 1 has looked at nothing
    assert list(zip(frame["method"], frame["seed"], strict=True)) == [key for key in keys for _ in range(2)]
    last = last_looks(frame)
    assert last["updates"].tolist() == [400] * 3
    # means at -8 and 8 have the deviation 8; those of an encoder at half of them lie 4 off
    assert last.iloc[1][["exact_sd", "encoder_sd", "distance"]].tolist() == pytest.approx([8.0, 0.0, 8.0])
    assert last.iloc[2][["exact_sd", "encoder_sd", "distance"]].tolist() == pytest.approx([8.0, 4.0, 4.0])


def test_no_looks_make_an_empty_table(tmp_path):
    folder = write_runs(tmp_path, ("bn", 0))
    results = load_results(folder)
    assert len(spread_table(runs_of(results.frame, results.contexts, "x"))) == 0

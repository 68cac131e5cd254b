"""Trials side by side get fewer threads than one alone: the figures must not show it."""

import json

import pytest
import torch
from typer.testing import CliRunner

from vaecli.cli.app import app


@pytest.fixture
def threads_restored():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads_restored")
def test_figures_do_not_depend_on_the_number_of_threads(tmp_path):
    sizes = {"corpus.train_size": 200, "corpus.valid_size": 20, "corpus.test_size": 20, "training.epochs": 1}
    sizes |= {"evaluation.iw_samples": 5}
    figures = []
    for threads in (1, 2):
        sets = [a for k, v in {**sizes, "training.threads": threads}.items() for a in ("--set", f"{k}={v}")]
        out = tmp_path / str(threads)
        result = CliRunner().invoke(app, ["train", "--method", "bn", "--out", str(out), *sets])
        assert result.exit_code == 0, result.output
        assert torch.get_num_threads() == threads
        values = json.loads((out / "synthetic/bn/seed-0/metrics.json").read_text())["values"]
        figures.append([values[name] for name in ("rec", "kl", "iw_nll", "mi", "marginal_kl")])
    # equal to the bit where this was written; another processor may split its sums otherwise
    assert figures[0] == pytest.approx(figures[1], rel=1e-4)

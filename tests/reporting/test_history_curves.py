"""Training curves: what is read from history.csv."""

import pytest
from reporting.experiments import write_runs

from vaecli.core.errors import UsageError
from vaecli.reporting.pictures.history_curves import curve_columns, history_curves, mean_curve, run_curves
from vaecli.reporting.pictures.run_paths import method_runs
from vaecli.reporting.read_results import load_results


def curves_of(folder):
    results = load_results(folder)
    return history_curves(method_runs(results.frame, results.contexts["e"], "--kind curves"))


def test_numbers_are_curves_and_the_rest_is_left_out():
    rows = [
        {"epoch": 1, "phase": "warm", "kl": 0.5, "loss": float("inf"), "best": 1},
        {"epoch": 2, "phase": "warm", "kl": None, "loss": 3.0, "best": 0},
    ]
    assert run_curves(rows) == {"kl": ((1.0, 0.5),), "loss": ((2.0, 3.0),)}


def test_the_mean_ends_where_the_first_seed_does():
    assert mean_curve([((1, 2.0), (2, 4.0)), ((1, 4.0),)]) == ((1, 3.0),)


def test_every_column_is_read_the_leading_ones_first(tmp_path):
    rows = [{"epoch": n, "train_nll": 9.0, "kl_weight": n / 2, "neg_elbo": 30.0 - n, "odd": 1.0} for n in (1, 2)]
    methods = curves_of(write_runs(tmp_path, ("bn", 0), ("bn", 1), ("vanilla", 0), history=rows))
    assert [m.label for m in methods] == ["bn", "vanilla"]
    assert sorted(methods[0].seeds["neg_elbo"]) == [0, 1]
    assert methods[0].mean["kl_weight"] == ((1, 0.5), (2, 1.0))
    assert curve_columns(methods) == ["neg_elbo", "kl_weight", "train_nll", "odd"]


def test_no_epoch_yet_is_said(tmp_path):
    with pytest.raises(UsageError, match="no run here has finished an epoch"):
        curves_of(write_runs(tmp_path, ("bn", 0)))

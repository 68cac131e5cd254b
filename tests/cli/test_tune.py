"""`vae tune` as a user meets it."""

import json
from pathlib import Path

import pytest
from support import TINY, write_corpus
from typer.testing import CliRunner

from vaecli.cli.app import app
from vaecli.core.errors import UsageError
from vaecli.settings.resolve import load_settings

pytest.importorskip("optuna")
SMALL = [f"--set={key}={value}" for key, value in TINY.items()]


@pytest.fixture
def vae(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_corpus(tmp_path / "toy")

    def run(*words):
        result = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False, env={"COLUMNS": "160"})
        assert result.exit_code == 0, result.output
        return result

    return run


def test_a_search_from_the_command_to_the_file_of_its_best(vae):
    result = vae("tune", "bn", "--data", "toy", "--trials", "2", "--json", "--no-prune", *SMALL)
    trials = json.loads(result.stdout)
    assert [trial["status"] for trial in trials] == ["done", "done"]
    assert trials[0]["settings"] == {"bn.gamma": 0.6}
    assert (Path("runs/tune-toy/results.csv")).read_text().count("\n") == 3
    best = min(trials, key=lambda trial: trial["figures"]["neg_elbo"])
    settings = load_settings(Path("runs/tune-toy/tune/bn.toml"))
    assert settings.config("bn", 0).hyper["bn"]["gamma"] == best["settings"]["bn.gamma"]
    assert settings.config("bn", 0).training.epochs == 2
    again = vae("tune", "bn", "--data", "toy", "--trials", "2", "--no-prune", *SMALL)
    assert again.stdout.splitlines()[2].split()[:4] == ["bn", "2", "done", "4"]
    assert "vae compare runs/tune-toy/tune/bn.toml --seeds 0-2" in again.stderr
    assert "vae compare --methods bn --protocol shared,tuned --seeds 0-2" in again.stderr
    assert "another search" not in again.stderr
    assert searched_ranges() == {"bn.gamma": "0.3..1.0"}
    tuned = ["--method", "bn", "--protocol", "tuned", "--dry-run"]
    vae("train", *tuned, "--data", "toy", *SMALL)
    options = {"corpus": {"data": "toy"}, "training": {"protocol": "tuned"}}
    tuned_settings = load_settings(methods=["bn"], options=options, values=TINY, searches=Path("runs"))
    assert tuned_settings.config("bn", 0).hyper["bn"]["gamma"] == best["settings"]["bn.gamma"]
    # its one trial, of the default, is there already
    other = vae("tune", "bn", "--data", "toy", "--trials", "1", "--range", "bn.gamma=0.5..0.75", *SMALL)
    assert "bn: bn.gamma 0.5..0.75 by neg_elbo" in other.stderr
    assert "another search than the last one here (bn.gamma 0.5..0.75 instead of 0.3..1.0)" in " ".join(
        other.stderr.split()
    )
    assert searched_ranges() == {"bn.gamma": "0.5..0.75"}
    assert "#   bn.gamma = 0.5..0.75\n" in Path("runs/tune-toy/tune/bn.toml").read_text()


def searched_ranges():
    return json.loads(Path("runs/tune-toy/tune/searches.json").read_text())["searches"]["bn"]["ranges"]


def test_a_dry_run_says_what_would_be_searched(vae):
    result = vae("tune", "bn", "free_bits", "--range", "learning_rate=1e-3..1e-2:log", "--dry-run", *SMALL)
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["bn", "bn.gamma", "0.3", "to", "1"] in rows
    assert ["free_bits", "training.learning_rate", "0.001", "to", "0.01,", "logarithmic"] in rows
    assert "40 epochs for each method, 20 trials of 2" in result.stderr
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["vanilla"], "vanilla declares no range to search; --range training.learning_rate="),
        (["mim"], r"mim declares no range to search; --range mim\.\w+=LOW..HIGH searches one of its own, --range tr"),
        (["bn", "--set", "bn.gamma=0.3,0.5"], "--range bn.gamma=LOW..HIGH"),
        (["bn", "--objective", "nll"], "unknown objective"),
        (["bn", "--range", "bn.gamma=-1..0.5"], "--range bn.gamma: input should be greater than 0, got -1"),
        (["bn", "--range", "training.optimizer=adam,foo"], "--range training.optimizer: .* got 'foo'"),
        (["bn", "--set", "bn.gamma=1.5"], "--set bn.gamma=1.5: bn.gamma is searched over 0.3 to 1, without 1.5"),
        (["bn", "--set", "training.seed=4"], "--set training.seed=4: --seed 0 says the seeds too; keep one"),
        (["bm"], "did you mean 'bn'"),
    ],
)
def test_what_no_search_comes_of(vae, words, message):
    with pytest.raises(UsageError, match=message):
        vae("tune", *words)

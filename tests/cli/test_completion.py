"""What a shell completes, as its script asks for it."""

import os
import subprocess
import sys

import pytest

from vaecli.cli.completion import complete_columns, complete_key, complete_methods, complete_preset, complete_run

HEAVY = ("torch", "pandas")


def completed(words, cwd, last):
    """The lines that bash gets for a command line."""
    environment = {
        **os.environ,
        "_VAE_COMPLETE": "complete_bash",
        "COMP_WORDS": f"vae {words} {last}",
        "COMP_CWORD": str(len(words.split()) + 1),
    }
    command = [sys.executable, "-c", "import sys; sys.argv[0] = 'vae'; from vaecli.__main__ import main; main()"]
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)
    assert result.stderr == ""
    return result.stdout.split()


@pytest.fixture
def runs(tmp_path):
    for path in ("ptb/bn/seed-0", "ptb/bn/seed-1", "ptb/vanilla/seed-0"):
        (tmp_path / "runs" / path).mkdir(parents=True)
        (tmp_path / "runs" / path / "run.json").write_text("{}")
    (tmp_path / "runs" / "ptb" / "results.csv").touch()
    (tmp_path / "runs" / "notes").mkdir()
    (tmp_path / "experiment.toml").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "last", "values"),
    [
        ("train --method", "lin", ["linear_anneal"]),
        ("compare --methods", "bn,vani", ["bn,vanilla"]),
        ("compare --preset", "y", ["yahoo", "yelp"]),
        ("watch", "runs/p", ["runs/ptb"]),
        ("config diff", "runs/ptb/v", ["runs/ptb/vanilla/seed-0"]),
        ("train --resume", "runs/ptb/v", ["runs/ptb/vanilla/seed-0"]),
        ("train", "exp", ["experiment.toml"]),
        ("train --tracker", "tensorboard,ml", ["tensorboard,mlflow"]),
        ("compare --engine", "l", ["local"]),
        ("reproduce", "ki", ["kim2018"]),
        ("reproduce", "he", ["he2019-toy"]),
        ("reproduce he2019-toy --rows", "bn,al", ["bn,all"]),
        ("reproduce kim2018 --rows", "vae-oracle,svi-o", ["vae-oracle,svi-oracle"]),
        ("tune bn --range", "bn.g", ["bn.gamma="]),
        ("tune bn --objective", "hy", ["hypervolume"]),
        ("methods", "ne", ["new"]),
        ("generate", "runs/ptb/bn/", ["runs/ptb/bn/seed-0", "runs/ptb/bn/seed-1"]),
    ],
)
def test_bash_gets_values(runs, words, last, values):
    assert completed(words, runs, last) == values


def test_lists_go_on_behind_their_last_comma_or_plus():
    assert complete_methods("bn+linear") == ["bn+linear_anneal"]
    assert complete_methods("bn,bn") == ["bn,bn_scale", "bn,bn_vae"], "not what is there already"
    assert complete_columns("kl,neg_elbo,mi_c") == ["kl,neg_elbo,mi_ceiling"]
    assert complete_preset("q") == ["quick"]


def test_keys_are_completed_in_two_steps():
    assert complete_key("train") == ["training."]
    assert complete_key("training.e") == ["training.epochs", "training.early_warning"]
    assert complete_key("bn.") == ["bn.gamma", "bn.eps"]
    assert complete_key("nothing.") == []


def test_runs_are_looked_for_where_experiments_are_kept(runs, monkeypatch):
    monkeypatch.chdir(runs)
    assert complete_run("") == ["runs/ptb/bn/seed-0", "runs/ptb/bn/seed-1", "runs/ptb/vanilla/seed-0"]
    assert complete_run("runs/ptb/v") == ["runs/ptb/vanilla/seed-0"]
    assert complete_run("elsewhere/") == []
    monkeypatch.setenv("VAE_OUT", "")  # which is none, as every command takes it
    assert complete_run("") == ["runs/ptb/bn/seed-0", "runs/ptb/bn/seed-1", "runs/ptb/vanilla/seed-0"]
    monkeypatch.setenv("VAE_OUT", "elsewhere")
    assert complete_run("") == []


def test_names_wait_for_no_heavy_library(runs):
    code = (
        "import sys; from vaecli.cli.completion import complete_methods, complete_run, complete_key, complete_columns; "
        "complete_methods('b'); complete_run(''); complete_key('training.'); complete_columns('k'); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=runs, capture_output=True, text=True, timeout=60)
    assert result.stdout.strip() == "[]", result.stderr

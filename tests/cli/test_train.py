"""`vae train` as a user meets it: a tiny real run on a folder of text, its files, and what goes wrong."""

import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
import warnings

import pytest
from command import vae

from vaecli.cli.live import Silent
from vaecli.cli.train import _finished, _print, _run
from vaecli.runs.folder import RunFolder
from vaecli.runs.start import prepare_run
from vaecli.settings.resolve import load_settings

SENTENCES = ["the cat sat on the mat", "a dog ran", "the dog sat", "a cat ran on", "the mat ran", "a dog sat on a cat"]
SMALL = [
    *("--set", "model.embedding_size=4", "--set", "model.encoder_size=4", "--set", "model.decoder_size=4"),
    *("--set", "model.latent_size=2", "--set", "training.batch_size=4", "--epochs", "2", "--iw-samples", "3"),
]


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "toy"
    folder.mkdir()
    for name in ("train", "valid", "test"):
        (folder / f"{name}.txt").write_text("\n".join(SENTENCES * 3) + "\n")
    return folder


def test_a_run_writes_what_it_promises(corpus, tmp_path):
    result = vae("train", "--method", "bn", "--data", corpus, *SMALL, "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    values = json.loads(result.stdout)
    assert values["rec"] + values["kl"] == pytest.approx(values["neg_elbo"])
    folder = tmp_path / "runs" / "toy" / "bn" / "seed-0"
    assert json.loads((folder / "run.json").read_text())["status"] == "done"
    assert json.loads((folder / "metrics.json").read_text())["values"]["iw_samples"] == 3
    with open(folder / "history.csv") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    assert (folder / "config.toml").exists()
    assert (folder / "vocab.json").exists()
    assert "18 sentences" in result.stderr

    again = vae("train", "--method", "bn", "--data", corpus, *SMALL, cwd=tmp_path)
    assert again.returncode == 2
    assert "--overwrite" in again.stderr
    assert "Traceback" not in again.stderr


def test_a_run_of_two_stages_is_shown_with_an_epoch_of_each(monkeypatch, corpus, tmp_path):
    """One is planned, and each stage has one at least: the display said ``epoch 2/1``."""
    values = {"corpus.data": str(corpus), "training.epochs": 1, "model.latent_size": 2}
    settings = load_settings(values=values, methods=["ae_pretrain"], experiment="x")
    folder, text = prepare_run(settings, tmp_path)
    monkeypatch.setattr("warnings.showwarning", warnings.showwarning)
    monkeypatch.setattr("vaecli.runs.trial.run_trial", lambda *rest: None)
    display = Silent()
    _run(folder, text, display, True, False)
    assert display.epochs == 2


def test_the_path_of_a_finished_run_can_not_steer_the_terminal(capsys, tmp_path):
    _finished(RunFolder(tmp_path / "\x1b[2J" / "bn" / "seed-0"))
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert told.splitlines()[0].endswith(
        "seed-0: this run is done; these are its figures, and more --epochs go on with it"
    )
    assert "vae: warning: " in told


def test_a_perplexity_that_overflows_is_json(capsys, tmp_path):
    _print(RunFolder(tmp_path), {"ppl_iw": math.inf, "kl": 1.5, "mi": None}, as_json=True)

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    assert json.loads(capsys.readouterr().out, parse_constant=refuse) == {"ppl_iw": "inf", "kl": 1.5, "mi": None}


def test_the_same_seed_gives_the_same_figures(corpus, tmp_path):
    results = [
        vae("train", "--data", corpus, *SMALL, "--json", "-q", "--name", name, cwd=tmp_path).stdout for name in "ab"
    ]
    first, second = (json.loads(r) for r in results)
    for timing in ("seconds", "tokens_per_second", "peak_memory_mb"):
        first.pop(timing), second.pop(timing)
    assert first == second


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--method", "bnn"], 2, "did you mean 'bn'?"),
        (["--method", "bn+bn_scale"], 2, "posterior"),
        (["--preset", "ptp"], 2, "did you mean 'ptb'?"),
        (["--set", "model.latent=3"], 2, "latent_size"),
        (["--set", "bn.gama=0.5", "--method", "bn"], 2, "gamma"),
        (["--set", "bn.gamma=-7", "--method", "bn"], 2, "greater than 0"),
        (["--device", "cuda:9"], 2, "cuda:9"),
        (["--data", "nowhere"], 3, "nowhere"),
        (["--no-such-option"], 2, "no-such-option"),
        (["--method", "bnn"], 2, "(--method)"),
    ],
)
def test_mistakes_are_one_error_with_the_way_out(tmp_path, words, code, said):
    result = vae("train", *words, cwd=tmp_path)
    assert result.returncode == code, result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "runs").exists()


def test_a_method_that_can_not_be_built_leaves_nothing(corpus, tmp_path):
    small = [word.replace("latent_size=2", "latent_size=1") for word in SMALL]
    command = [sys.executable, "-m", "vaecli", "train", "--method", "vmf", "--data", str(corpus), *small]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 2
    said = [line for line in result.stderr.splitlines() if not line.startswith("still ")]  # of a busy machine
    assert said[-1] == "vae: vmf: 'vmf' needs a sphere: model.latent_size is 1; make it 2 or more"
    assert said[:-1] == ["importing torch", f"reading {corpus}", "building vmf"]
    assert not (tmp_path / "runs").exists()


def test_a_signal_saves_and_resume_goes_on(corpus, tmp_path):
    words = ["train", "--data", corpus, *SMALL, "--set", "training.epochs=400", "--set", "training.patience=400"]
    environment = {**os.environ, "NO_COLOR": "1"}
    command = [sys.executable, "-m", "vaecli", *map(str, words)]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    history = tmp_path / "runs" / "toy" / "vanilla" / "seed-0" / "history.csv"
    deadline = time.monotonic() + 60
    while not history.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143, said
    assert "--resume" in said
    run = json.loads((history.parent / "run.json").read_text())
    assert run["status"] == "interrupted"

    rows_before = len(history.read_text().splitlines())
    process = subprocess.Popen([*command, "--resume"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(history.read_text().splitlines()) <= rows_before and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    with open(history) as file:
        epochs = [int(row["epoch"]) for row in csv.DictReader(file)]
    assert epochs == list(range(1, len(epochs) + 1))
    assert len(epochs) > rows_before - 1


def files_in(folder):
    """All but the index, which only remembers what was read of the others."""
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".index.json"}


def test_another_corpus_gets_an_experiment_of_its_own(corpus, tmp_path):
    """Two folders of one name, or one whose text has changed, never share a table."""
    arguments = ("--data", corpus, *SMALL, "-q")
    assert vae("train", *arguments, cwd=tmp_path).returncode == 0
    before = files_in(tmp_path / "runs")
    other = tmp_path / "elsewhere" / "toy"
    other.mkdir(parents=True)
    for name in ("train", "valid", "test"):
        (other / f"{name}.txt").write_text("\n".join(["another text", *SENTENCES]) + "\n")
    for command in (("train", "--method", "bn"), ("compare", "--methods", "bn,lm")):
        refused = vae(*command, "--data", other, *SMALL, "-q", cwd=tmp_path)
        assert refused.returncode == 2
        fingerprint = json.loads((tmp_path / "runs/toy/vanilla/seed-0/run.json").read_text())["corpus"]["fingerprint"]
        assert fingerprint[:12] in refused.stderr
        assert "--name" in refused.stderr
    assert vae("train", "--method", "bn", "--data", other, *SMALL, "-q", "--name", "two", cwd=tmp_path).returncode == 0

    (corpus / "train.txt").write_text("\n".join(SENTENCES * 4) + "\n")
    for command in (("train", "--resume"), ("train", "--method", "bn")):
        changed = vae(*command, *arguments, cwd=tmp_path)
        assert changed.returncode == 2
        assert "has changed since" in changed.stderr
    after = files_in(tmp_path / "runs" / "toy")
    assert {path: data for path, data in after.items() if "lock" not in path.name} == {
        path: data for path, data in before.items() if "lock" not in path.name
    }
    assert vae("train", *arguments, "--overwrite", cwd=tmp_path).returncode == 0


def test_a_run_is_trained_again_from_its_file_and_gone_on_with_from_its_folder(corpus, tmp_path):
    first = vae("train", "--method", "bn", "--data", corpus, *SMALL, "--json", "-q", cwd=tmp_path)
    run = tmp_path / "runs" / "toy" / "bn" / "seed-0"
    again = vae("train", run / "config.toml", "--name", "again", "--json", "-q", cwd=tmp_path)
    figures = [json.loads(result.stdout) for result in (first, again)]
    for timing in ("seconds", "tokens_per_second", "peak_memory_mb"):
        for values in figures:
            del values[timing]
    assert figures[0] == figures[1]
    there = vae("train", run / "config.toml", "-q", cwd=tmp_path)
    assert (there.returncode, "--overwrite" in there.stderr) == (2, True)

    run.rename(tmp_path / "moved")  # wherever it lies
    more = vae("train", "--resume", tmp_path / "moved", "--epochs", "3", "-q", "--json", cwd=tmp_path)
    assert json.loads(more.stdout)["epochs"] == 3
    done = vae("train", tmp_path / "moved", "--resume", cwd=tmp_path)
    assert "this run is done" in done.stderr
    environment = {"VAE_DEVICE": "cuda:7", "VAE_DATA": "elsewhere"}
    assert vae("train", "--resume", tmp_path / "moved", cwd=tmp_path, variables=environment).returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["folder"], "folder is a folder: --resume goes on with its run"),
        (["folder", "--resume", "--name", "x"], "--name: the run folder is gone on with as it is and where it is"),
        (["folder", "--resume", "--out", "x"], "--out: the run folder"),
        (["folder", "--resume"], "there is no run of vae here"),
        (["empty", "--resume"], "empty is the folder of no run"),
        (["none.toml"], "none.toml: can't read it"),
        (["two.toml"], "a run is of one method, got bn, beta: name it with --method"),
        (["two.toml", "--method", "bn"], "a run has one seed, got 0,1: name it with --seed"),
    ],
)
def test_what_no_run_comes_of(tmp_path, words, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder" / "config.toml").write_text('methods = ["bn"]\n')
    (tmp_path / "two.toml").write_text('methods = ["bn", "beta"]\nseeds = "0-1"\n')
    result = vae("train", *words, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr


def test_a_dry_run_says_the_size_and_trains_nothing(corpus, tmp_path):
    result = vae("train", "--method", "bn", "--data", corpus, *SMALL, "--dry-run", "--seed", "3", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    head, row = result.stdout.splitlines()
    assert head.split() == ["method", "seed", "parameters", "time", "at", "most", "state"]
    assert row.split()[:2] == ["bn", "3"]
    assert int(row.split()[2].replace(",", "")) > 100
    assert "in runs/toy/bn/seed-3" in result.stderr
    assert not (tmp_path / "runs").exists()

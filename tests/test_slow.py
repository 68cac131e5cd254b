"""Long checks, run by `make slow`: the lesson of the embedded corpus, runs killed again and again, plain kernels."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vaecli.kernels.switch import VARIABLE

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent
TIMINGS = ("seconds", "tokens_per_second", "peak_memory_mb")


def vae(*words, cwd, check=True):
    environment = {**os.environ, "NO_COLOR": "1"}
    command = [sys.executable, "-m", "vaecli", *map(str, words)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=check)


def figures(folder):
    values = json.loads((folder / "metrics.json").read_text())["values"]
    return {name: value for name, value in values.items() if name not in TIMINGS}


def test_vanilla_collapses_and_bn_does_not(tmp_path):
    result = vae("compare", "--methods", "vanilla,bn", "--json", "-q", cwd=tmp_path)
    rows = {row["method"]: row for row in json.loads(result.stdout)}
    assert rows["vanilla"]["kl"] < 0.1
    assert rows["vanilla"]["au"] == 0
    assert rows["bn"]["kl"] > 16 * 0.6**2 / 2
    assert rows["bn"]["mi"] > 1
    for row in rows.values():
        # no model is better than the truth, beyond what sampling sentences explains
        assert row["excess_nll"] > -3 * row["excess_nll_se"]


def test_a_run_killed_at_random_points_ends_as_the_unbroken_one(tmp_path):
    words = ["train", "--method", "bn+linear_anneal", "--iw-samples", "2", "-q"]
    words += ["--set", "corpus.train_size=400", "--set", "corpus.valid_size=50", "--set", "corpus.test_size=50"]
    words += ["--set", "training.epochs=60", "--set", "training.patience=60"]
    vae(*words, "--name", "whole", cwd=tmp_path)
    command = [sys.executable, "-m", "vaecli", *words, "--name", "broken"]
    chance = random.Random(0)
    done = tmp_path / "runs" / "broken" / "bn+linear_anneal" / "seed-0"
    kills = 0
    while kills < 25:
        resume = ["--resume"] if (done / "config.toml").exists() else []
        process = subprocess.Popen(
            [*command, *resume], cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        started = time.monotonic()
        while process.poll() is None and time.monotonic() - started < 3 + chance.random() * 2:
            time.sleep(0.01)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    if not (done / "metrics.json").exists():
        vae(*words, "--name", "broken", "--resume", cwd=tmp_path)
    assert kills > 0
    assert figures(done) == figures(tmp_path / "runs" / "whole" / "bn+linear_anneal" / "seed-0")


def test_the_whole_suite_passes_on_the_plain_twins():
    """All but these long checks; what asserts how a fast operation works is skipped there, and says so."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "-p", "no:cacheprovider"]
    environment = {**os.environ, VARIABLE: "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2_000:]


def test_mim_informs_with_its_papers_rate_and_keeps_one_needle_with_all_others(tmp_path):
    """mi after three epochs: 1e-5 nats at Adam 8e-3, 7.5 of at most 7.6 at the paper's 1e-3, clip and batches."""
    words = ["compare", "--methods", "mim", "--protocol", "shared,published", "--epochs", "3", "--iw-samples", "0"]
    result = vae(*words, "--jobs", "1", "--set", "training.threads=1", "--json", "-q", cwd=tmp_path)
    rows = {row["training_protocol"]: row for row in json.loads(result.stdout)}
    assert rows["shared"]["mi"] < 0.1
    assert rows["published"]["mi"] > 3
    assert rows["shared"]["protocol"] == rows["published"]["protocol"], "one table, two rows"

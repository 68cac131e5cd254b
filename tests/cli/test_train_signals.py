"""Signals to a real `vae train`: it saves, says so, and ends with 128 plus the signal's number."""

import json
import signal
import subprocess
import sys
import time

import pytest

QUICK = [signal.SIGHUP]
MORE = [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2]


def wait_until(condition, process):
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("number", [*QUICK, *(pytest.param(n, marks=pytest.mark.slow) for n in MORE)])
def test_a_signal_saves_and_ends_as_interrupted(tmp_path, number):
    words = ["train", "--method", "bn", "-q", "--out", str(tmp_path), "--set", "training.epochs=500"]
    words += [f"--set=corpus.{part}_size=100" for part in ("train", "valid", "test")]
    command = [sys.executable, "-m", "vaecli", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    folder = tmp_path / "synthetic" / "bn" / "seed-0"
    try:
        wait_until(lambda: (folder / "history.csv").exists(), process)
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 128 + number
    assert "the checkpoint is saved; --resume, or `vae compare` again, goes on from there" in told
    assert "Traceback" not in told
    run = json.loads((folder / "run.json").read_text())
    assert run["status"] == "interrupted"
    assert run["message"] in told

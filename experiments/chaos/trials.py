"""The trials that are killed: their settings, the commands that start them, and what their folders say of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import vaecli
from vaecli.training.checkpoint import LAST

METHODS = (
    "vanilla",
    "bn+linear_anneal",
    "lagging",
    "semi_amortized",
    "info_js",
    "ae_pretrain",
    "geco",
    "free_bits+word_dropout",
)
"""Plain, with statistics, with an inner loop, with a refined posterior, with a critic, with two phases, with a
controller, with noise of its own."""

EPOCHS = {"lagging": 3, "semi_amortized": 6}
"""Fewer for methods whose updates take long."""
OTHERS = 60

SETTINGS = {
    "corpus.train_size": 1200,
    "corpus.valid_size": 100,
    "corpus.test_size": 300,
    "model.embedding_size": 32,
    "model.encoder_size": 32,
    "model.decoder_size": 32,
    "training.patience": 99,
    "training.save_every": 0.002,
    "training.threads": 1,
    "evaluation.iw_samples": 300,
    "evaluation.batch_size": 20,
    "evaluation.extra": "gaps,decoder_use",
    "evaluation.sentences": 80,
}
"""Long enough for a dozen kills of every run, and saved some thousand times more often than by default."""


def epochs(method: str) -> int:
    """Of a method's runs."""
    return EPOCHS.get(method, OTHERS)


def settings(name: str) -> list[str]:
    """The options of every command."""
    return ["--name", name, *(f"--set={key}={value}" for key, value in SETTINGS.items())]


def grid_file(folder: Path) -> str:
    """The grid, with epochs of each method's own."""
    lines = [f"methods = {json.dumps(list(METHODS))}", f"training.epochs = {OTHERS}"]
    lines += [f'override."{method}".training.epochs = {count}' for method, count in EPOCHS.items()]
    (folder / "grid.toml").write_text("\n".join(lines) + "\n")
    return "grid.toml"


def vae(folder: Path, *words: str) -> list[str]:
    """A command line."""
    return [sys.executable, "-m", "vaecli", *words, "--out", "runs", "-q"]


def start(folder: Path, command: list[str]) -> subprocess.Popen[bytes]:
    """Starts a command in a process group of its own, its words in a log."""
    root = str(Path(vaecli.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    with open(folder / "log.txt", "ab") as log:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, process_group=0)


def run_folder(folder: Path, name: str, method: str) -> Path:
    return folder / "runs" / name / method / "seed-0"


def status(run: Path) -> str:
    """Of a run, as its file says it."""
    try:
        return str(json.loads((run / "run.json").read_text())["status"])
    except (OSError, ValueError, KeyError):
        return ""


def rows(run: Path) -> int:
    """Validations so far."""
    try:
        return (run / "history.csv").read_bytes().count(b"\n") - 1
    except OSError:
        return 0


def saved(run: Path) -> float:
    """When the last checkpoint was written."""
    try:
        return (run / "checkpoint" / LAST).stat().st_mtime
    except OSError:
        return 0.0

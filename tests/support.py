"""Tiny corpora, models, terms and clocks for the tests: ``from support import tiny_model``."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

import vaecli.remedies
from vaecli.core.plugins import Plugin
from vaecli.corpus.types import Split
from vaecli.kernels.switch import runs_plain
from vaecli.metrics.scoring import EXACT, Scoring, ScoringPrecision
from vaecli.model.vae import VAE
from vaecli.remedies import make_method
from vaecli.testing.tiny import VOCABULARY_SIZE as VOCABULARY_SIZE
from vaecli.testing.tiny import clock as clock
from vaecli.testing.tiny import make_terms as make_terms
from vaecli.testing.tiny import tiny_batch as tiny_batch
from vaecli.testing.tiny import tiny_shape as tiny_shape
from vaecli.testing.tiny import tiny_split as tiny_split

fast_only = pytest.mark.skipif(
    runs_plain(), reason="asserts how a fast operation works, where VAE_PLAIN_KERNELS=1 runs its plain twin"
)
"""Marks a test of a fast operation's own ways; what holds for both implementations is tested on both."""


def split_of(*sentences: list[int]) -> Split:
    """The given sentences, as lists of word ids."""
    offsets = torch.tensor([0] + [len(s) for s in sentences]).cumsum(0)
    tokens = torch.tensor([i for s in sentences for i in s], dtype=torch.int32)
    return Split("train", tokens, offsets, raw_words=float(len(tokens)))


def scoring(split: Split, batch_size: int = 64, seed: int = 0, precision: ScoringPrecision = EXACT) -> Scoring:
    """How a split is scored, on the CPU."""
    return Scoring(split=split, batch_size=batch_size, seed=seed, device=torch.device("cpu"), precision=precision)


def tiny_model(method: str = "vanilla", hyper=None, seed: int = 0, latent_size: int = 4, **model) -> VAE:
    """An initialised model of a method, in training mode; `hyper` is by remedy, as in a configuration."""
    return make_method(method, hyper).build(tiny_shape(latent_size, **model), seed)


def offer(monkeypatch, **values: str) -> None:
    """Remedies of another package, ``name="module:Class"``, as if it were installed."""
    plugins = {name: Plugin(name, "their-package", "1.0", value) for name, value in values.items()}
    monkeypatch.setattr(vaecli.remedies, "plugins", lambda: plugins)


def plant(
    folder: Path,
    package: str,
    source: str,
    group: str = "vaecli.remedies",
    version: str = "1.0",
    **entries: str,
) -> Path:
    """A package in a folder as an installer leaves it: its module, its metadata and its entry points.

    Args:
        folder: To be put on the path.
        package: Its name, ``their-package``; the module is ``their_package``.
        source: Of the module.
        group: Of the entry points.
        version: Of the package.
        entries: The class in the module by the name that it is registered by.
    """
    module = package.replace("-", "_")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    lines = [f"{name} = {module}:{kind}" for name, kind in entries.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
    return folder / f"{module}.py"


TINY = {
    "model.embedding_size": 4,
    "model.encoder_size": 4,
    "model.decoder_size": 4,
    "model.latent_size": 2,
    "training.batch_size": 4,
    "training.epochs": 2,
    "training.device": "cpu",
    "evaluation.iw_samples": 3,
}
"""Settings by key, for a whole run in a second or two."""

SENTENCES = ["the cat sat on the mat", "a dog ran", "the dog sat", "a cat ran on", "the mat ran", "a dog sat on a cat"]


def write_corpus(folder: Path, sentences: Sequence[str] = SENTENCES, times: int = 3) -> Path:
    """A corpus whose three splits hold the same sentences, some times over; gives its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", "valid", "test"):
        (folder / f"{part}.txt").write_text("\n".join([*sentences] * times) + "\n")
    return folder


def loaded_by_help(command: str, modules: Sequence[str]) -> list[str]:
    """Those of some modules that a process has loaded once it has printed a help text.

    Args:
        command: What stands before ``--help``; empty for the program's own.
        modules: Names.
    """
    code = (
        "import sys; from typer.testing import CliRunner; from vaecli.cli.app import app;"
        f"r = CliRunner().invoke(app, {[*command.split(), '--help']}); assert r.exit_code == 0, r.output;"
        f"print([m for m in {list(modules)} if m in sys.modules])"
    )
    stdout = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return list(ast.literal_eval(stdout))

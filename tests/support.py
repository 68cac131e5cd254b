"""Tiny corpora, models, terms and clocks for the tests: ``from support import tiny_model``."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

import vaecli.remedies
from vaecli.config import ModelConfig
from vaecli.core.plugins import Plugin
from vaecli.corpus.types import Batch, Split, collate
from vaecli.kernels.switch import runs_plain
from vaecli.metrics.scoring import EXACT, Scoring, ScoringPrecision
from vaecli.model.encoder import Encoding
from vaecli.model.posterior import DiagonalGaussian, Posterior
from vaecli.model.prior import Prior, StandardNormal
from vaecli.model.vae import VAE, Shape
from vaecli.objective import Clock, Context, Terms
from vaecli.remedies import make_method

fast_only = pytest.mark.skipif(
    runs_plain(), reason="asserts how a fast operation works, where VAE_PLAIN_KERNELS=1 runs its plain twin"
)
"""Marks a test of a fast operation's own ways; what holds for both implementations is tested on both."""

VOCABULARY_SIZE = 12
"""Word types of the tiny corpora: the four special symbols and ids 4 to 11."""


def tiny_split(n: int = 8, seed: int = 0, vocabulary_size: int = VOCABULARY_SIZE, longest: int = 6) -> Split:
    """n random sentences of 1 to `longest` words, without special symbols."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, longest + 1, (n,), generator=generator)
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    tokens = torch.randint(4, vocabulary_size, (int(offsets[-1]),), generator=generator, dtype=torch.int32)
    return Split("train", tokens, offsets, raw_words=float(len(tokens)))


def split_of(*sentences: list[int]) -> Split:
    """The given sentences, as lists of word ids."""
    offsets = torch.tensor([0] + [len(s) for s in sentences]).cumsum(0)
    tokens = torch.tensor([i for s in sentences for i in s], dtype=torch.int32)
    return Split("train", tokens, offsets, raw_words=float(len(tokens)))


def tiny_batch(n: int = 4, seed: int = 0, split: Split | None = None) -> Batch:
    """All sentences of a split, by default of `tiny_split(n, seed)`, as one batch."""
    split = tiny_split(n, seed) if split is None else split
    return collate(split, torch.arange(len(split)))


def scoring(split: Split, batch_size: int = 64, seed: int = 0, precision: ScoringPrecision = EXACT) -> Scoring:
    """How a split is scored, on the CPU."""
    return Scoring(split=split, batch_size=batch_size, seed=seed, device=torch.device("cpu"), precision=precision)


def tiny_shape(latent_size: int = 4, vocabulary_size: int = VOCABULARY_SIZE, **model) -> Shape:
    """Sizes for a model with layers of a few units; `model` sets further fields of `ModelConfig`."""
    sizes = {"embedding_size": 5, "encoder_size": 6, "decoder_size": 7, "latent_size": latent_size, **model}
    return Shape(vocabulary_size, train_sentences=100, model=ModelConfig(**sizes))


def tiny_model(method: str = "vanilla", hyper=None, seed: int = 0, latent_size: int = 4, **model) -> VAE:
    """An initialised model of a method, in training mode; `hyper` is by remedy, as in a configuration."""
    return make_method(method, hyper).build(tiny_shape(latent_size, **model), seed)


def make_terms(
    kl=None,
    nll=None,
    posterior: Posterior | None = None,
    *,
    z: Tensor | None = None,
    kl_weight: float = 1.0,
    batch: Batch | None = None,
    encoding: Encoding | None = None,
    prior: Prior | None = None,
    aux=None,
    train_sentences: int = 100,
    training: bool = True,
) -> Terms:
    """Terms with given values and the least context that holds them.

    `kl` (B, Z) defaults to that of `posterior`, else to ones (2, 3); `nll` to zeros (B,); `z` to the posterior's mean,
    else to zeros; `posterior` to N(0, I).
    """
    if kl is None:
        kl = posterior.kl(StandardNormal(posterior.mean.shape[1])) if posterior is not None else torch.ones(2, 3)
    kl = torch.as_tensor(kl)
    size = len(kl)
    if posterior is None:
        posterior = DiagonalGaussian(torch.zeros_like(kl), torch.zeros_like(kl))
    latent_size = posterior.mean.shape[1]
    nll = torch.zeros(size, dtype=kl.dtype) if nll is None else torch.as_tensor(nll)
    return Terms(
        nll=nll,
        kl=kl,
        kl_weight=kl_weight,
        extra=torch.zeros_like(nll),
        z=posterior.mean if z is None else z,
        context=Context(
            batch=tiny_batch(size) if batch is None else batch,
            encoding=encoding,
            posterior=posterior,
            prior=StandardNormal(latent_size) if prior is None else prior,
            aux=aux or {},
            train_sentences=train_sentences,
            training=training,
        ),
    )


def clock(step: int = 0, steps_per_epoch: int = 10, epochs: int = 4) -> Clock:
    """Where training stands."""
    return Clock(step, steps_per_epoch, epochs)


def offer(monkeypatch, **values: str) -> None:
    """Remedies of another package, ``name="module:Class"``, as if it were installed."""
    found = {name: Plugin(name, "their-package", "1.0", value) for name, value in values.items()}
    monkeypatch.setattr(vaecli.remedies, "plugins", lambda: found)


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
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return list(ast.literal_eval(found))

"""A finished run as it can be measured again: its settings, corpus, method and the best weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from vaecli.config import RunConfig
from vaecli.corpus.load import load_corpus
from vaecli.corpus.tokenizers import SUBWORDS
from vaecli.corpus.types import Corpus
from vaecli.corpus.vocabulary import WordVocabulary
from vaecli.errors import UsageError
from vaecli.model.vae import VAE, Shape
from vaecli.remedies import make_method
from vaecli.remedies.compose import Method
from vaecli.runs.folder import RunFolder
from vaecli.training.checkpoint import BEST, load_checkpoint
from vaecli.training.device import resolve_device
from vaecli.training.state import load_model


@dataclass(frozen=True)
class LoadedRun:
    """A run with its model at the best validation checkpoint, population statistics included.

    Attributes:
        folder: Where it came from.
        config: Its settings.
        corpus: Loaded anew; its fingerprint is that of the training.
        method: The composed remedies.
        model: In evaluation mode, on the device.
        device: Where the model is.
    """

    folder: RunFolder
    config: RunConfig
    corpus: Corpus
    method: Method
    model: VAE
    device: torch.device


def load_run_corpus(folder: RunFolder, config: RunConfig) -> Corpus:
    """The corpus that a run's settings name; a tokenizer that has learned its pieces is the one that the run keeps.

    Raises:
        DataError: See `load_corpus`; or the run's vocabulary can't be read.
        UsageError: See `load_corpus`.
    """
    path, tokenizer = folder.path / "vocab.json", None
    if config.corpus.tokenizer in SUBWORDS and path.exists():
        tokenizer = WordVocabulary.load(path).tokenizer
    return load_corpus(config.corpus, tokenizer)


def load_run(path: Path, device: str | None = None) -> LoadedRun:
    """Loads a run.

    Args:
        path: Its folder.
        device: ``auto``, ``cpu`` or ``cuda``; the run's own setting without.

    Raises:
        UsageError: There is no run, it has no trained model yet, or its corpus has changed since.
        DataError: The corpus or the checkpoint can't be read.
    """
    folder = RunFolder.open(path)
    config = folder.config()
    if not (folder.checkpoint_path / BEST).exists():
        raise UsageError(f"{path}: the run is {folder.status} and has no trained model yet; train it first")
    corpus = load_run_corpus(folder, config)
    trained = folder.run().get("corpus", {}).get("fingerprint")
    if trained != corpus.fingerprint:
        raise UsageError(f"{path}: the corpus {config.corpus.data!r} has changed since the run was trained on it")
    method = make_method(config.method, config.hyper)
    where = resolve_device(device or config.training.device)
    model = method.build(Shape(len(corpus.vocabulary), len(corpus.train), config.model), config.training.seed)
    load_model(model, load_checkpoint(folder.checkpoint_path / BEST)[0])
    return LoadedRun(folder, config, corpus, method, model.to(where).eval(), where)

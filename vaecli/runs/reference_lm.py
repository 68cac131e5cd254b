"""Language models that runs are measured against: those of finished runs, and those trained on sentences alone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import torch

from vaecli.config import RunConfig
from vaecli.core.errors import UsageError
from vaecli.core.messages import counted
from vaecli.corpus.types import Corpus
from vaecli.metrics.extras.registry import TrainLM
from vaecli.metrics.extras.text.samples import as_split
from vaecli.model.vae import VAE
from vaecli.remedies import make_method
from vaecli.runs.folder import RunFolder
from vaecli.runs.loaded_run import load_run
from vaecli.training.build import build_model
from vaecli.training.checkpoint import BEST, load_checkpoint
from vaecli.training.device import resolve_device
from vaecli.training.loop import Loop
from vaecli.training.progress import Unwatched
from vaecli.training.session import TrainingSession
from vaecli.training.state import load_model

WANTED = "the reference has to be a run of method lm"

HELD_OUT = 10
"""One sample in so many is held out, to choose the checkpoint and the decays."""


def check_reference(path: str) -> None:
    """Refuses what can't be a reference, as far as its folder tells; an empty path is none.

    Raises:
        UsageError: There is no run, it is of another method, or it isn't done.
    """
    if not path:
        return
    folder = RunFolder.open(Path(path))
    if folder.config().method != "lm":
        raise UsageError(f"{path}: a run of {folder.config().method!r}; {WANTED}")
    if folder.status != "done":
        raise UsageError(f"{path}: the run is {folder.status}; {WANTED}, and done")


def load_reference(path: Path, corpus: Corpus, device: torch.device, of: str) -> VAE:
    """The language model of a run of method ``lm``.

    Args:
        path: Folder of the run.
        corpus: That it has to have learned, with the same vocabulary.
        device: Where it is wanted.
        of: Who wants it, in words for a message.

    Raises:
        UsageError: It is of another method, or of another corpus or vocabulary.
    """
    reference = load_run(path, str(device))
    if reference.model.has_latent:
        raise UsageError(f"{path}: a run of {reference.method.name!r}; {WANTED}")
    if reference.corpus.fingerprint != corpus.fingerprint:
        raise UsageError(f"{path}: its corpus or vocabulary is not that of {of}; train lm on the same")
    return reference.model


Folders = Callable[[Sequence[Sequence[int]], int], AbstractContextManager[Path | None]]
"""Where a language model of some sentences and a seed keeps its checkpoints, while it trains; None is nowhere."""


def lm_trainer(corpus: Corpus, config: RunConfig, device: torch.device, folders: Folders | None = None) -> TrainLM:
    """`train_reference_lm` by the recipe of a run on a device, for evaluations that train a language model."""
    recipe = config.model_copy(update={"training": config.training.model_copy(update={"device": str(device)})})

    def train(sentences: Sequence[Sequence[int]], seed: int) -> VAE:
        with nullcontext(None) if folders is None else folders(sentences, seed) as folder:
            return train_reference_lm(sentences, corpus, recipe, seed, folder)

    return train


def train_reference_lm(
    sentences: Sequence[Sequence[int]], corpus: Corpus, config: RunConfig, seed: int, folder: Path | None = None
) -> VAE:
    """Trains a language model on sentences alone, by the recipe of a run: its sizes, optimiser, decay and epochs.

    Torch's global generators stay as they are.

    Args:
        sentences: As word ids; the last tenth is held out to choose the checkpoint.
        corpus: Whose vocabulary they are in.
        config: The recipe.
        seed: Seed of initialisation, data order and dropout.
        folder: For its checkpoints, from which it goes on; a temporary one without.

    Returns:
        The language model at its best checkpoint, in evaluation mode on the recipe's device.

    Raises:
        UsageError: There are too few sentences.
        DivergedError: The training diverged.
        InterruptedRunError: A signal came.
    """
    device = resolve_device(config.training.device)
    held_out = max(2, len(sentences) // HELD_OUT)
    if len(sentences) - held_out < 2:
        raise UsageError(f"a language model of {counted(len(sentences), 'sample')} can't be trained; draw 4 or more")
    words = [list(sentence) for sentence in sentences]
    text = replace(corpus, train=as_split(words[:-held_out]), valid=as_split(words[-held_out:], "valid"), truth=None)
    training = config.training.model_copy(update={"seed": seed})
    recipe = config.model_copy(update={"method": "lm", "hyper": {}, "training": training})
    method = make_method("lm", {})
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        model = build_model(method, len(corpus.vocabulary), len(text.train), recipe).to(device)
        session = TrainingSession(model, method, text, recipe, device)
        with nullcontext(folder) if folder else tempfile.TemporaryDirectory(prefix="vae-reference-") as path:
            Loop(session, Path(path), Unwatched()).run()
            load_model(model, load_checkpoint(Path(path) / BEST)[0], Path(path) / BEST)
    return model.eval()

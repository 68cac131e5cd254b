"""Perplexities between samples of a model and real text, each by a language model of the same recipe.

Forward: samples scored by a language model of real text (`split_perplexity`); low for fluent samples, though also for
one good sentence over and over. Reverse: real text scored by a language model trained on samples alone; low where the
samples cover the text (Zhao et al. 2018). Both depend on the sizes and the training of the language model and on the
number of samples, so compare at one recipe only.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch

from vaecli.config import RunConfig
from vaecli.core.errors import InterruptedRunError, UsageError
from vaecli.corpus.types import Corpus, Split
from vaecli.metrics.extras.registry import BlockInput, BlockResult
from vaecli.metrics.extras.text.reconstruction import decoding_limit
from vaecli.metrics.extras.text.samples import as_split, sample_prior, split_perplexity
from vaecli.model.vae import VAE, Shape
from vaecli.objective import Terms
from vaecli.remedies import make_method
from vaecli.runs.folder import RunFolder
from vaecli.runs.loaded_run import load_run
from vaecli.training.checkpoint import BEST, load_checkpoint
from vaecli.training.device import resolve_device
from vaecli.training.loop import Loop
from vaecli.training.progress import Progress, Row
from vaecli.training.session import TrainingSession
from vaecli.training.state import load_model

COUNT = 10_000
"""Samples that the language model of a reverse perplexity is trained on."""

WANTED = "the reference has to be a run of method lm"

HELD_OUT = 10
"""One sample in so many is held out, to choose the checkpoint and the decays."""


class Source(Protocol):
    """What sentences are sampled from: a loaded run, or as much of one."""

    @property
    def model(self) -> VAE:
        """On the device."""

    @property
    def corpus(self) -> Corpus:
        """Whose vocabulary the model has."""

    @property
    def config(self) -> RunConfig:
        """The recipe of its training."""

    @property
    def device(self) -> torch.device:
        """Where the model is."""


@dataclass(frozen=True)
class _Measured:
    """The part of a run that an evaluation gets to see."""

    model: VAE
    corpus: Corpus
    config: RunConfig
    device: torch.device


class _Silent:
    def step(self, progress: Progress, terms: Terms) -> None:
        """Tells nobody."""

    def evaluated(self, row: Row) -> None:
        """Tells nobody."""


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


def train_reference_lm(sentences: Sequence[Sequence[int]], corpus: Corpus, config: RunConfig, seed: int) -> VAE:
    """Trains a language model on sentences alone, by the recipe of a run: its sizes, optimiser, decay and epochs.

    Torch's global generators stay as they are.

    Args:
        sentences: As word ids; the last tenth is held out to choose the checkpoint.
        corpus: Whose vocabulary they are in.
        config: The recipe.
        seed: Of initialisation, data order and dropout.

    Returns:
        The language model at its best checkpoint, in evaluation mode on the recipe's device.

    Raises:
        UsageError: There are too few sentences.
        DivergedError: The training diverged.
        InterruptedRunError: A signal came; nothing is kept.
    """
    device = resolve_device(config.training.device)
    held_out = max(2, len(sentences) // HELD_OUT)
    if len(sentences) - held_out < 2:
        raise UsageError(f"a language model of {len(sentences)} samples can't be trained; draw 4 or more")
    words = [list(sentence) for sentence in sentences]
    text = replace(corpus, train=as_split(words[:-held_out]), valid=as_split(words[-held_out:], "valid"), truth=None)
    training = config.training.model_copy(update={"seed": seed})
    recipe = config.model_copy(update={"method": "lm", "hyper": {}, "training": training})
    method = make_method("lm", {})
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        model = method.build(Shape(len(corpus.vocabulary), len(text.train), config.model), seed).to(device)
        session = TrainingSession(model, method, text, recipe, device)
        with tempfile.TemporaryDirectory(prefix="vae-reference-") as folder:
            try:
                Loop(session, Path(folder), _Silent()).run()
            except InterruptedRunError as error:
                number = error.exit_code - 128
                raise InterruptedRunError("interrupted in training the reference; nothing is kept", number) from None
            load_model(model, load_checkpoint(Path(folder) / BEST)[0])
    return model.eval()


def reverse_perplexity(run: Source, split: Split, *, count: int = COUNT, seed: int = 0) -> float:
    """Perplexity of a split per predicted token under a language model trained on samples of a run.

    Args:
        run: The model that is sampled from, at temperature 1.
        split: Real text.
        count: Samples.
        seed: Of the samples and of the language model.

    Raises:
        UsageError: There are too few samples.
        DivergedError: The language model diverged.
        InterruptedRunError: A signal came; nothing is kept.
    """
    batch_size = run.config.evaluation.batch_size
    longest = decoding_limit(run.corpus, split)
    drawn = sample_prior(run.model, count, longest, batch_size=batch_size, seed=seed, device=run.device)
    training = run.config.training.model_copy(update={"device": str(run.device)})
    config = run.config.model_copy(update={"training": training})
    reference = train_reference_lm([sentence.words for sentence in drawn], run.corpus, config, seed)
    return split_perplexity(reference, split, batch_size=batch_size, device=run.device)


def reverse_block(given: BlockInput) -> BlockResult:
    """`reverse_perplexity` as an evaluation.

    Raises:
        UsageError: There are too few samples.
        DivergedError: The language model diverged.
        InterruptedRunError: A signal came; nothing is kept.
    """
    assert given.recipe is not None
    count = given.sentences or COUNT
    source = _Measured(given.model, given.corpus, given.recipe, given.device)
    found = reverse_perplexity(source, given.split, count=count, seed=given.seed)
    return BlockResult({"reverse_ppl": found}, {"samples": count}, settings={"samples": count})

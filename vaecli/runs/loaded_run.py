"""A finished run as it can be used and measured again: its settings, vocabulary, method and the best weights."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from vaecli.config import CorpusConfig, RunConfig
from vaecli.core.errors import DataError, UsageError
from vaecli.core.files import at_home
from vaecli.corpus.load import load_corpus
from vaecli.corpus.origins import EMBEDDED, is_hub
from vaecli.corpus.text import with_unknown
from vaecli.corpus.tokenizers import SUBWORDS, get_tokenizer
from vaecli.corpus.types import Corpus
from vaecli.corpus.vocabulary import WordVocabulary
from vaecli.metrics.scoring import Sampling
from vaecli.model.vae import VAE
from vaecli.remedies.core.compose import Method
from vaecli.runs.folder import RunFolder
from vaecli.runs.provenance import method_of_run, versions_note
from vaecli.training.build import build_model
from vaecli.training.checkpoint import BEST, load_checkpoint
from vaecli.training.device import resolve_device
from vaecli.training.state import load_model

ENDED = ("diverged", "failed")
"""What became of a run whose training nothing but another one can finish."""


@dataclass(frozen=True)
class LoadedRun:
    """A run with its model at the best validation checkpoint, population statistics included.

    All but `corpus` comes from the run's folder alone, wherever its corpus may be by now.

    Attributes:
        folder: Where it came from.
        config: Its settings.
        vocabulary: Of its corpus, from ``vocab.json``.
        method: The composed remedies.
        model: In evaluation mode, on the device.
        device: Where the model is.
        created: When its folder was made, as ISO 8601; empty where it doesn't say.
    """

    folder: RunFolder
    config: RunConfig
    vocabulary: WordVocabulary
    method: Method
    model: VAE
    device: torch.device
    created: str = ""

    @property
    def is_as_loaded(self) -> bool:
        """Whether the folder still holds the training that was loaded, and no other or longer one."""
        epochs = self.folder.config().training.epochs
        return (_created(self.folder), epochs) == (self.created, self.config.training.epochs)

    @cached_property
    def corpus(self) -> Corpus:
        """The run's corpus, read again; its fingerprint is that of the training.

        Raises:
            UsageError: It has changed since.
            DataError: It can't be read.
        """
        corpus = load_run_corpus(self.folder, self.config)
        if self.folder.fingerprint != corpus.fingerprint:
            raise UsageError(
                f"{self.folder.path}: the corpus {self.config.corpus.data!r} has changed since the run was trained on "
                f"it (fingerprint {self.folder.fingerprint[:12]}, now {corpus.fingerprint[:12]})"
            )
        return corpus

    def words(self, sentence: str) -> list[str]:
        """The words of a sentence as those of the corpus were made, the first `corpus.max_length` of them."""
        return self.all_words(sentence)[: self.config.corpus.max_length]

    def all_words(self, sentence: str) -> list[str]:
        """All words of a sentence: placeholders are ``<unk>`` before the tokenizer takes it apart."""
        return self.vocabulary.tokenizer(with_unknown(sentence, self.config.corpus.unknown_words.split()))

    @cached_property
    def longest(self) -> int:
        """Words of the longest sentence of the corpus, the bound of what is decoded."""
        known = (self.folder.run().get("corpus") or {}).get("longest")
        if isinstance(known, int):
            return known
        return self.corpus.longest  # a run of an earlier version

    def sampling(self, seed: int) -> Sampling:
        """How codes and sentences are drawn and decoded, with a seed of their own."""
        return Sampling(batch_size=self.config.evaluation.batch_size, seed=seed, device=self.device)


def load_run_corpus(folder: RunFolder, config: RunConfig) -> Corpus:
    """The corpus that a run's settings name; a tokenizer that has learned its pieces is the one that the run keeps.

    Raises:
        DataError: See `load_corpus`; the corpus isn't where it was, or the run's vocabulary can't be read.
        UsageError: See `load_corpus`.
    """
    corpus = _located(folder, config.corpus)
    path, tokenizer = folder.path / "vocab.json", None
    if config.corpus.tokenizer in SUBWORDS and path.exists():
        tokenizer = WordVocabulary.load(path).tokenizer
    return load_corpus(corpus, tokenizer)


def corpus_path(data: str) -> str | None:
    """The absolute path of a text of one's own; None of an embedded corpus and of a dataset of the hub."""
    return None if data in EMBEDDED or is_hub(data) else os.path.abspath(at_home(data))


def _located(folder: RunFolder, corpus: CorpusConfig) -> CorpusConfig:
    """The settings of a run's corpus; a relative path, as presets have it, is of where the run was trained.

    Raises:
        DataError: There is none any more.
    """
    here = corpus_path(corpus.data)
    before = str((folder.run().get("corpus") or {}).get("path") or here or "")
    if before != here and not at_home(corpus.data).is_absolute() and os.path.exists(before):
        return corpus.model_copy(update={"data": before})
    if here is None or os.path.lexists(here):
        return corpus
    told = f"{folder.path}: its corpus {corpus.data!r} isn't there any more"
    raise DataError(f"{told}; put it back there" if at_home(corpus.data).is_absolute() else f"{told}, at {before}")


def load_best(folder: RunFolder) -> dict[str, Tensor]:
    """The weights of a run's best validation, by name.

    Raises:
        DataError: They are missing or damaged; says what is left and what to do.
    """
    try:
        return load_checkpoint(folder.checkpoint_path / BEST)[0]
    except DataError as error:
        kept = "its figures are kept in metrics.json; " if folder.metrics() else ""
        raise DataError(f"{error}; {kept}put the file back, or train the run anew with --overwrite") from None


def load_run(path: Path, device: str | None = None) -> LoadedRun:
    """Loads a run; a warning says where its training isn't done, and versions that differ from those here.

    Args:
        path: Its folder.
        device: ``auto``, ``cpu`` or ``cuda``; the run's own setting without.

    Raises:
        UsageError: There is no run, or it has no trained model yet.
        DataError: The vocabulary or the checkpoint can't be read.
    """
    folder = RunFolder.open(path)
    config, created = folder.config(), _created(folder)
    if folder.status != "done" and not (folder.checkpoint_path / BEST).exists():
        if folder.status not in ENDED:
            raise UsageError(f"{path}: the run is {folder.status} and has no trained model yet; train it first")
        told = f"the run {folder.status} before its first validation and left no model"
        why = str(folder.run().get("message") or "see its log.txt")
        raise UsageError(f"{path}: {told} ({why}); train it anew with --overwrite, once that is mended")
    weights = load_best(folder)
    if folder.status != "done":
        ended = folder.status if folder.status in ENDED else f"is {folder.status}"
        warnings.warn(f"{path}: the run {ended}; this is the model of its best validation so far", stacklevel=2)
    vocabulary = WordVocabulary.load(folder.path / "vocab.json")
    if vocabulary.tokenizer.name != config.corpus.tokenizer:  # a run of an earlier version didn't keep its tokenizer
        vocabulary.tokenizer = get_tokenizer(config.corpus.tokenizer)
    method = method_of_run(folder, config)
    if note := versions_note(folder, method):
        warnings.warn(note, stacklevel=2)
    where = resolve_device(device or config.training.device)
    sentences = (folder.run().get("corpus") or {}).get("train_sentences")
    if not isinstance(sentences, int):  # a run of an earlier version
        sentences = len(load_run_corpus(folder, config).train)
    model = build_model(method, len(vocabulary), sentences, config)
    load_model(model, weights, folder.checkpoint_path / BEST)
    return LoadedRun(folder, config, vocabulary, method, model.to(where).eval(), where, created)


def _created(folder: RunFolder) -> str:
    return str(folder.run().get("created") or "")

"""The shapes that are measured, and corpora of these shapes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vaecli.config import CorpusConfig, ModelConfig, RunConfig, TrainingConfig
from vaecli.corpus.load import load_corpus
from vaecli.corpus.types import Corpus, Split
from vaecli.corpus.vocabulary import SPECIALS, WordVocabulary

PTB_LENGTHS = Path(__file__).with_name("ptb_lengths.json")
"""By split of the Penn Treebank, the number of sentences of 1, 2, 3, ... words."""


@dataclass(frozen=True)
class Shapes:
    """The sizes of a published setting.

    Attributes:
        name: ``ptb`` or ``yahoo``.
        vocabulary_size: Word types V.
        model: E, H, Z and dropout.
        batch_size: Sentences a batch.
    """

    name: str
    vocabulary_size: int
    model: ModelConfig
    batch_size: int = 32

    def run_config(self, device: str, precision: str = "auto", method: str = "vanilla") -> RunConfig:
        """The settings of a run with these sizes: SGD and clipping as in the papers."""
        training = TrainingConfig.model_validate(
            {
                "optimizer": "sgd",
                "learning_rate": 0.5,
                "batch_size": self.batch_size,
                "device": device,
                "precision": precision,
            }
        )
        return RunConfig(method=method, model=self.model, training=training)


def _published(width: int, hidden: int) -> ModelConfig:
    return ModelConfig(
        embedding_size=width,
        encoder_size=hidden,
        decoder_size=hidden,
        latent_size=32,
        embedding_dropout=0.5,
        output_dropout=0.5,
    )


PTB = Shapes("ptb", 10_000, _published(256, 256))
YAHOO = Shapes("yahoo", 20_000, _published(512, 1024))
SHAPES = {shapes.name: shapes for shapes in (PTB, YAHOO)}


def zipf_ids(count: int, vocabulary_size: int, generator: np.random.Generator) -> np.ndarray:
    """(count,) int32 ids without special symbols, the n-th most frequent with probability proportional to 1/n."""
    cumulative = (1 / np.arange(1, vocabulary_size - len(SPECIALS) + 1)).cumsum()
    return (np.searchsorted(cumulative / cumulative[-1], generator.random(count)) + len(SPECIALS)).astype(np.int32)


def random_split(name: str, lengths: np.ndarray, vocabulary_size: int, seed: int) -> Split:
    """Sentences of the given numbers of words, in random order, of words with Zipf frequencies."""
    generator = np.random.default_rng(seed)
    offsets = torch.from_numpy(np.concatenate([[0], generator.permutation(lengths).cumsum()])).long()
    return Split(name, torch.from_numpy(zipf_ids(int(offsets[-1]), vocabulary_size, generator)), offsets)


def make_corpus(name: str, train: Split, valid: Split, test: Split, vocabulary_size: int) -> Corpus:
    """Splits of made-up words as a corpus."""
    words = WordVocabulary(f"word{n}" for n in range(len(SPECIALS), vocabulary_size))
    return Corpus(name, words, train, valid, test, fingerprint=name)


def ptb_folder() -> Path | None:
    """The Penn Treebank under ``$VAE_TEST_DATA``, or None."""
    root = os.environ.get("VAE_TEST_DATA", "")
    folder = Path(root) / "ptb"
    return folder if root and folder.is_dir() else None


def ptb_lengths(part: str) -> np.ndarray:
    """Words of each sentence of a split of the Penn Treebank, sorted."""
    counts = json.loads(PTB_LENGTHS.read_text(encoding="utf-8"))[part]
    return np.repeat(np.arange(1, len(counts) + 1), counts)


@cache
def ptb_corpus() -> Corpus:
    """The Penn Treebank, or random words in sentences of the same lengths."""
    folder = ptb_folder()
    if folder is not None:
        return load_corpus(CorpusConfig(data=str(folder)))
    train, valid, test = (
        random_split(part, ptb_lengths(part), PTB.vocabulary_size, seed)
        for seed, part in enumerate(("train", "valid", "test"))
    )
    return make_corpus("ptb-shaped", train, valid, test, PTB.vocabulary_size)


def yahoo_lengths(sentences: int, seed: int = 0) -> np.ndarray:
    """Words of each sentence: 20 to 200 with mean 80, falling off exponentially as documents do."""
    generator = np.random.default_rng(seed)
    lengths = 20 + generator.gamma(2.0, 30.5, sentences)
    return lengths.clip(20, 200).round().astype(np.int64)


@cache
def yahoo_corpus(sentences: int = 100_000) -> Corpus:
    """Random words in sentences of the lengths of Yahoo Answers."""
    size = YAHOO.vocabulary_size
    train = random_split("train", yahoo_lengths(sentences), size, 0)
    other = random_split("valid", yahoo_lengths(100, 1), size, 1)
    return make_corpus("yahoo-shaped", train, other, other, size)


def subset(split: Split, places: Sequence[int]) -> Split:
    """The sentences at some places, in this order."""
    sentences = [split.tokens[split.offsets[n] : split.offsets[n + 1]] for n in places]
    offsets = torch.tensor([0, *(len(s) for s in sentences)]).cumsum(0)
    return Split(split.name, torch.cat(sentences), offsets)


def spread(items: Sequence[Tensor] | Sequence[list[int]], lengths: Tensor, count: int) -> list[list[int]]:
    """`count` batches evenly spaced in the order of their longest sentence, so that few stand for all.

    Args:
        items: Places of the sentences of each batch.
        lengths: (N,) of all sentences.
        count: Batches wanted; all where there are no more.
    """
    batches = [[int(n) for n in batch] for batch in items]
    batches.sort(key=lambda batch: max(int(lengths[n]) for n in batch))
    if count >= len(batches):
        return batches
    return [batches[int((n + 0.5) * len(batches) / count)] for n in range(count)]


def write_text(corpus: Corpus, folder: Path) -> Path:
    """The corpus as a folder of text; the Penn Treebank's own where it is there."""
    real = ptb_folder()
    if real is not None:
        return real
    words = corpus.vocabulary.words
    for part in ("train", "valid", "test"):
        split = corpus.split(part)
        lines = (" ".join(words[i] for i in split.sentence(n)) for n in range(len(split)))
        (folder / f"{part}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder

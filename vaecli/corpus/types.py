"""The corpus as every other part sees it: encoded splits, a vocabulary, and what is known to be true of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vaecli.corpus.tokenizers.tokenizer import Tokenizer

PAD, BOS, EOS, UNK = 0, 1, 2, 3
"""Ids of the special symbols ``<pad>``, ``<s>``, ``</s>`` and ``<unk>`` in every vocabulary."""


class Vocabulary(Protocol):
    """Word types and their ids; the first four are the special symbols."""

    @property
    def words(self) -> Sequence[str]:
        """All word types in the order of their ids."""

    @property
    def tokenizer(self) -> Tokenizer:
        """What made the words, and joins them to a line again."""

    def __len__(self) -> int: ...

    def encode(self, words: Sequence[str]) -> list[int]:
        """Ids of the words; a word that is not a type becomes `UNK`."""

    def decode(self, ids: Sequence[int]) -> list[str]:
        """Words of the ids, up to and without the first `EOS`, without `PAD` and `BOS`."""

    def save(self, path: Path) -> None:
        """Writes the vocabulary as JSON, atomically."""


class Truth(Protocol):
    """What is exactly known of a corpus drawn from a known distribution."""

    @property
    def entropy(self) -> float:
        """H(x) in nats per sentence."""

    @property
    def entropy_se(self) -> float:
        """Its standard error; 0 where it was enumerated."""

    def log_prob(self, sentence: Sequence[str]) -> float:
        """Exact log p(sentence) in nats; ``-inf`` outside the support."""

    def nll(self, split: Split) -> NDArray[np.float64] | None:
        """(N,) exact -log p(x) of a split in nats; None where no more than the entropy is to be had in reasonable time.

        Where it is known, an excess is over these very sentences, and their sampling doesn't blur it.
        """

    def of_vocabulary(self, words: Collection[str]) -> Truth | None:
        """What is known of the text in which all other words are ``<unk>``; None where nothing is.

        Args:
            words: Those that stay; with all of the corpus it is this very object.
        """


@dataclass(frozen=True)
class Split:
    """One encoded split, stored flat.

    Attributes:
        name: ``train``, ``valid`` or ``test``.
        tokens: (W,) int32, the words of all sentences without special symbols.
        offsets: (N + 1,) int64, sentence n is ``tokens[offsets[n]:offsets[n + 1]]``.
        labels: For each label field, (N,) int64 class indices.
        label_names: For each label field, the names of its classes.
        raw_words: White-space words of the text that the tokens stand for, of a sentence that was cut the same share
            as of its tokens; None where there is no such text.
    """

    name: str
    tokens: Tensor
    offsets: Tensor
    labels: Mapping[str, Tensor] = field(default_factory=dict)
    label_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    raw_words: float | None = None

    def __len__(self) -> int:
        """Number of sentences N."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Tensor:
        """(N,) int64, predicted tokens of each sentence: its words and ``</s>``."""
        return self.offsets[1:] - self.offsets[:-1] + 1

    @property
    def predicted_tokens(self) -> int:
        """Predicted tokens of the split: ``</s>`` counts, ``<s>`` does not."""
        return len(self.tokens) + len(self)

    @property
    def unknown(self) -> int:
        """Words that are ``<unk>``."""
        return int(np.count_nonzero(self.tokens.numpy() == UNK))

    def sentence(self, n: int) -> list[int]:
        """Ids of the words of sentence n."""
        return [int(i) for i in self.tokens[self.offsets[n] : self.offsets[n + 1]]]


@dataclass(frozen=True)
class Corpus:
    """A corpus ready for training.

    Attributes:
        name: ``synthetic``, ``oracle``, or the folder's name.
        vocabulary: Built on the train split only.
        train: Training sentences.
        valid: Validation sentences.
        test: Test sentences.
        fingerprint: SHA-256 over the encoded splits and the vocabulary.
        notes: Plain lines on what was skipped, truncated or unknown.
        truth: Exact facts, for a corpus drawn from a known distribution.
    """

    name: str
    vocabulary: Vocabulary
    train: Split
    valid: Split
    test: Split
    fingerprint: str
    notes: tuple[str, ...] = ()
    truth: Truth | None = None

    @property
    def longest(self) -> int:
        """Words of the longest sentence of all splits."""
        return max(int(split.lengths.max()) for split in (self.train, self.valid, self.test)) - 1

    def split(self, name: str) -> Split:
        """The split called ``train``, ``valid`` or ``test``."""
        splits = {"train": self.train, "valid": self.valid, "test": self.test}
        return splits[name]


@dataclass(frozen=True)
class Batch:
    """Padded sentences, the unit of every computation.

    Attributes:
        tokens: (B, T + 1) int64: ``<s> w_1 ... w_n </s>``, then padding; T is the longest number of predicted tokens.
        lengths: (B,) int64, predicted tokens of each sentence (words and ``</s>``), on the same device.
        index: (B,) int64 on the CPU, the sentences' indices in their split.
        rows: (sum of lengths,) int64, indices of the predicted tokens in a flattened (B * T,) array.
    """

    tokens: Tensor
    lengths: Tensor
    index: Tensor
    rows: Tensor

    @property
    def size(self) -> int:
        """Number of sentences B."""
        return self.tokens.shape[0]

    @property
    def predicted(self) -> int:
        """Number of predicted tokens, known without touching the device."""
        return self.rows.shape[0]

    @property
    def inputs(self) -> Tensor:
        """(B, T) decoder input: ``<s> w_1 ... w_n``, padded."""
        return self.tokens[:, :-1]

    @property
    def targets(self) -> Tensor:
        """(B, T) what the decoder predicts: ``w_1 ... w_n </s>``, padded."""
        return self.tokens[:, 1:]

    @property
    def mask(self) -> Tensor:
        """(B, T) True where a target counts."""
        steps = torch.arange(self.tokens.shape[1] - 1, device=self.lengths.device)
        return steps < self.lengths.unsqueeze(1)

    def part(self, sentences: slice) -> Batch:
        """Some neighbouring sentences of the batch, as wide as it is."""
        start, stop, _ = sentences.indices(self.size)
        width = self.tokens.shape[1] - 1
        rows = self.rows[(self.rows >= start * width) & (self.rows < stop * width)] - start * width
        return Batch(self.tokens[sentences], self.lengths[sentences], self.index[sentences], rows)

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device; the index stays on the CPU."""
        if self.tokens.device == device:
            return self
        # page-locked first, since a copy to a GPU goes on beside its work from such memory only
        parts = {n: getattr(self, n) for n in ("tokens", "lengths", "rows")}
        if device.type == "cuda":
            parts = {n: t.pin_memory() for n, t in parts.items()}
        move = {n: t.to(device, non_blocking=True) for n, t in parts.items()}
        return Batch(index=self.index, **move)


def collate(split: Split, index: Tensor) -> Batch:
    """Pads the sentences of a split with these indices into a batch.

    Args:
        split: The encoded split.
        index: (B,) int64 indices of sentences.

    Returns:
        The batch, padded to its longest sentence.
    """
    starts, lengths = split.offsets[index], split.lengths[index]
    width = int(lengths.max())
    steps = torch.arange(width)
    words = (steps < (lengths - 1).unsqueeze(1)).nonzero(as_tuple=True)
    tokens = torch.full((len(index), width + 1), PAD, dtype=torch.int64)
    tokens[:, 0] = BOS
    tokens[words[0], words[1] + 1] = split.tokens[starts[words[0]] + words[1]].long()
    tokens[torch.arange(len(index)), lengths] = EOS
    rows = (steps < lengths.unsqueeze(1)).flatten().nonzero().squeeze(1)
    return Batch(tokens, lengths, index, rows)


def repeat_batch(batch: Batch, times: int) -> Batch:
    """The batch's sentences several times over, as rows of one larger batch: row ``s * B + b`` is sentence b."""
    if times == 1:
        return batch
    flat = batch.size * (batch.tokens.shape[1] - 1)
    shifts = flat * torch.arange(times, device=batch.rows.device).unsqueeze(1)
    return Batch(
        tokens=batch.tokens.repeat(times, 1),
        lengths=batch.lengths.repeat(times),
        index=batch.index.repeat(times),
        rows=(batch.rows + shifts).flatten(),
    )

"""Encoders: from a padded batch to features of each sentence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vaecli.corpus.types import PAD, Batch
from vaecli.kernels.lstm import LSTM


@dataclass(frozen=True)
class Encoding:
    """What an encoder says of B sentences.

    Attributes:
        features: (B, F) one vector a sentence, by default the state after ``</s>``.
        states: (B, T + 1, F) the state after each symbol from ``<s>`` on; padded steps mean nothing.
        steps: (B,) number of steps that count, from ``<s>`` to ``</s>``.
    """

    features: Tensor
    states: Tensor
    steps: Tensor

    @property
    def mask(self) -> Tensor:
        """(B, T + 1) True where a state counts."""
        return torch.arange(self.states.shape[1], device=self.steps.device) < self.steps.unsqueeze(1)


class Encoder(nn.Module, ABC):
    """Reads a batch; `feature_size` is the width F of what it gives."""

    feature_size: int

    @abstractmethod
    def forward(self, batch: Batch) -> Encoding:
        """The encoding of the batch."""


class LSTMEncoder(Encoder):
    """One-layer LSTM over ``<s> w_1 ... w_n </s>``, without dropout (He et al. 2019).

    The input is padded rather than packed: padding comes after the last symbol and can't reach back to it, and the
    padded form runs several times faster on a CPU.

    Args:
        vocabulary_size: Word types V.
        embedding_size: Width of the word embeddings.
        hidden_size: Hidden units, the feature size F.
    """

    def __init__(self, vocabulary_size: int, embedding_size: int, hidden_size: int) -> None:
        super().__init__()
        self.feature_size = hidden_size
        self.embedding = nn.Embedding(vocabulary_size, embedding_size, padding_idx=PAD)
        self.lstm = LSTM(embedding_size, hidden_size)

    def forward(self, batch: Batch) -> Encoding:
        """The state after each symbol, and the one after ``</s>`` as the features."""
        states, _ = self.lstm(self.embedding(batch.tokens))
        features = states[torch.arange(batch.size, device=states.device), batch.lengths]
        return Encoding(features, states, batch.lengths + 1)

"""A decoder of causal dilated convolutions, which sees a limited number of words back (Yang et al. 2017, figure 1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaecli.corpus.types import PAD
from vaecli.kernels.dropout import Dropout
from vaecli.kernels.output import OutputLayer
from vaecli.model.decoder import Decoder

FILTER = 3
"""Width of every dilated filter."""


class ResidualBlock(nn.Module):
    """``x + W_3 relu(C relu(W_1 relu(x)))``: down to half the channels, a causal dilated filter C there, and up again.

    Args:
        channels: D.
        dilation: Steps between two taps of the filter.
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        inner = max(1, channels // 2)
        self.past = (FILTER - 1) * dilation
        self.down = nn.Conv1d(channels, inner, 1)
        self.filter = nn.Conv1d(inner, inner, FILTER, dilation=dilation)
        self.up = nn.Conv1d(inner, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, T), step t from steps up to t: all padding is on the left, so nothing leaks back from the future."""
        inner = torch.relu(self.down(torch.relu(x)))
        inner = torch.relu(self.filter(nn.functional.pad(inner, (self.past, 0))))
        out: Tensor = x + self.up(inner)
        return out


class ConvolutionalDecoder(Decoder):
    """Residual blocks of causal dilated convolutions on ``[dropout(embedding_t); z]``; z is never dropped.

    Args:
        vocabulary_size: Word types V.
        embedding_size: Width of the word embeddings.
        channels: D outside the blocks, D / 2 within them.
        latent_size: Z.
        dilations: Of each block.
        embedding_dropout: Dropout on the word embeddings.
        output_dropout: Dropout on the states.
    """

    def __init__(
        self,
        vocabulary_size: int,
        embedding_size: int,
        channels: int,
        latent_size: int,
        dilations: Sequence[int],
        embedding_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.latent_size = latent_size
        self.embedding = nn.Embedding(vocabulary_size, embedding_size, padding_idx=PAD)
        self.first = nn.Conv1d(embedding_size + latent_size, channels, 1)
        self.blocks = nn.Sequential(*(ResidualBlock(channels, d) for d in dilations))
        self.embedding_dropout = Dropout(embedding_dropout)
        self.output_dropout = Dropout(output_dropout)
        self.output = OutputLayer(channels, vocabulary_size)

    def hidden(self, z: Tensor, inputs: Tensor) -> Tensor:
        """See `Decoder.hidden`."""
        words = self.embedding_dropout(self.embedding(inputs))
        repeated = z.unsqueeze(1).expand(-1, inputs.shape[1], -1).to(words.dtype)
        states = self.blocks(self.first(torch.cat([words, repeated], -1).transpose(1, 2)))
        dropped: Tensor = self.output_dropout(torch.relu(states).transpose(1, 2))
        return dropped

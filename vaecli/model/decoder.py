"""Decoders p(x|z): from a latent code and the words so far to states, and from states to words."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from vaecli.corpus.types import PAD, Batch
from vaecli.kernels.dropout import Dropout
from vaecli.kernels.lstm import LSTM
from vaecli.kernels.output import OutputLayer


class Decoder(nn.Module, ABC):
    """p(x|z).

    Attributes:
        latent_size: Z; 0 for a language model.
        embedding: Looks the input words up; no word reaches the decoder in another way.
        output: The output layer on the states that `hidden` gives.
    """

    latent_size: int
    embedding: nn.Embedding
    output: OutputLayer

    @abstractmethod
    def hidden(self, z: Tensor, inputs: Tensor) -> Tensor:
        """(B, T, D) states before the output layer, state t having seen inputs up to t.

        Args:
            z: (B, Z).
            inputs: (B, T) int64 decoder input, from ``<s>`` on.
        """

    def hidden_of_samples(self, z: Tensor, inputs: Tensor) -> Tensor:
        """(S B, T, D) `hidden` of (S, B, Z) codes, S of each of the sentences with (B, T) input, without dropout."""
        return self.hidden(z.flatten(0, 1), inputs.repeat(len(z), 1))

    def token_nll(self, z: Tensor, inputs: Tensor, batch: Batch) -> Tensor:
        """(B, T) -log p(w_t | w_<t, z) in nats, 0 at padding.

        Args:
            z: (B, Z).
            inputs: (B, T) decoder input, `batch.inputs` or a corrupted form of it.
            batch: What is predicted.
        """
        return self.state_nll(self.hidden(z, inputs), batch)

    def state_nll(self, states: Tensor, batch: Batch) -> Tensor:
        """`token_nll` from (B, T, D) states."""
        nll = self.output.nll(states.flatten(0, 1)[batch.rows], batch.targets.flatten()[batch.rows])
        full = torch.zeros(batch.mask.numel(), dtype=nll.dtype, device=nll.device)
        return full.index_put((batch.rows,), nll).view(batch.mask.shape)


class LSTMDecoder(Decoder):
    """One-layer LSTM whose initial state and every input receive z (He et al. 2019; Li et al. 2019).

    c_0 = W z, h_0 = tanh(c_0), input_t = [dropout(embedding_t); z], output on dropout(h_t). z is never dropped.

    Args:
        vocabulary_size: Word types V.
        embedding_size: Width of the word embeddings.
        hidden_size: Hidden units.
        latent_size: Z; with 0 the initial state is zero and this is a language model.
        embedding_dropout: Dropout on the word embeddings.
        output_dropout: Dropout on the hidden states.
    """

    def __init__(
        self,
        vocabulary_size: int,
        embedding_size: int,
        hidden_size: int,
        latent_size: int,
        embedding_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.latent_size, self.hidden_size = latent_size, hidden_size
        self.embedding = nn.Embedding(vocabulary_size, embedding_size, padding_idx=PAD)
        self.initial = nn.Linear(latent_size, hidden_size, bias=False) if latent_size else None
        self.lstm = LSTM(embedding_size + latent_size, hidden_size)
        self.embedding_dropout = Dropout(embedding_dropout)
        self.output_dropout = Dropout(output_dropout)
        self.output = OutputLayer(hidden_size, vocabulary_size)

    def hidden(self, z: Tensor, inputs: Tensor) -> Tensor:
        """See `Decoder.hidden`."""
        words = self.embedding_dropout(self.embedding(inputs))
        if self.initial is None:
            states, _ = self.lstm(words)
        else:
            c = self.initial(z).unsqueeze(0)
            states, _ = self.lstm(words, (torch.tanh(c), c), z)
        dropped: Tensor = self.output_dropout(states)
        return dropped

    def hidden_of_samples(self, z: Tensor, inputs: Tensor) -> Tensor:
        """See `Decoder.hidden_of_samples`; the samples share what the words come to in the LSTM's gates."""
        if type(self).hidden is not LSTMDecoder.hidden or self.training:
            return super().hidden_of_samples(z, inputs)
        return self.hidden(z.flatten(0, 1), inputs)


class LSTMOutputDecoder(LSTMDecoder):
    """`LSTMDecoder` with z beside every state that the output layer reads; z is never dropped.

    p(w_t | w_<t, z) ~ exp(W [dropout(h_t); z]). Where the LSTM reads the words alone, z moves the logits by a term of
    its own and nothing of the recurrence (Kim et al. 2018); otherwise this is a skip connection (Dieng et al. 2019).

    Args:
        vocabulary_size: Word types V.
        embedding_size: Width of the word embeddings.
        hidden_size: Hidden units H.
        latent_size: Z, at least 1.
        embedding_dropout: Dropout on the word embeddings.
        output_dropout: Dropout on the hidden states.
        into_lstm: Whether the LSTM receives z too.
    """

    def __init__(
        self,
        vocabulary_size: int,
        embedding_size: int,
        hidden_size: int,
        latent_size: int,
        embedding_dropout: float = 0.0,
        output_dropout: float = 0.0,
        *,
        into_lstm: bool = False,
    ) -> None:
        received = latent_size if into_lstm else 0
        super().__init__(vocabulary_size, embedding_size, hidden_size, received, embedding_dropout, output_dropout)
        self.latent_size = latent_size
        self.output = OutputLayer(hidden_size + latent_size, vocabulary_size)

    def hidden(self, z: Tensor, inputs: Tensor) -> Tensor:
        """(B, T, H + Z) ``[h_t; z]``; see `Decoder.hidden`."""
        states = super().hidden(z, inputs)
        return torch.cat([states, z.unsqueeze(1).expand(-1, states.shape[1], -1).to(states.dtype)], -1)

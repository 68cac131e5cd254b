r"""A decoder that is injective in z by construction: gradients of convex functions around a matrix of full rank.

With an input-convex network :math:`\varphi(x) = w \cdot s(P s(a_0) + a_1)`, s = softplus, a = A x + b and P, w > 0, the
map :math:`f(x) = \nabla\varphi(x) + L x` is monotone, :math:`\langle f(x) - f(y), x - y\rangle \ge L |x - y|^2`. The
gradient is written out, :math:`A^T (d\varphi/da)`, so that training takes one backward pass, not one through another.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, softplus

from vaecli.corpus.types import PAD
from vaecli.kernels.dropout import Dropout
from vaecli.kernels.lstm import LSTM
from vaecli.kernels.output import OutputLayer, linear_cross_entropy
from vaecli.model.decoder import Decoder

SMALLEST, LARGEST = 1e-5, 10.0
"""Singular values of the matrix between the two maps are clamped to this range."""


class Convex(nn.Module):
    """``w . softplus(P softplus(a_0) + a_1)``, convex and increasing in each of the 2 M arguments.

    P and w are softplus of free numbers (published: clamped at 0.01), P divided by M.

    Args:
        size: Hidden units M.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.between = nn.Parameter(torch.empty(size, size))
        self.top = nn.Parameter(torch.empty(size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """U(-1/sqrt(M), 1/sqrt(M)) for the free numbers."""
        for parameter in (self.between, self.top):
            nn.init.uniform_(parameter, -(len(self.top) ** -0.5), len(self.top) ** -0.5)

    def _layer(self, a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        positive = softplus(self.between) / len(self.top)
        low, high = a.chunk(2, -1)
        return low, linear(softplus(low), positive) + high, positive

    def forward(self, a: Tensor) -> Tensor:
        """(...) values at (..., 2M) arguments ``[a_0; a_1]``."""
        value: Tensor = softplus(self._layer(a)[1]) @ softplus(self.top)
        return value

    def gradient(self, a: Tensor) -> Tensor:
        """(..., 2M) derivatives in the arguments, all positive."""
        low, high, positive = self._layer(a)
        upper = softplus(self.top) * torch.sigmoid(high)
        return torch.cat([torch.sigmoid(low) * (upper @ positive), upper], -1)


class MonotoneMap(nn.Module):
    """``f(x) = A^T (d phi / da)(A x + b) + L x``, the gradient of a convex function.

    Args:
        size: K, of x.
        hidden: M.
        strength: L.
    """

    def __init__(self, size: int, hidden: int, strength: float) -> None:
        super().__init__()
        self.inner = nn.Linear(size, 2 * hidden)
        self.convex = Convex(hidden)
        self.strength = strength

    def forward(self, x: Tensor) -> Tensor:
        """(..., K) f at (..., K)."""
        return self.convex.gradient(self.inner(x)) @ self.inner.weight + self.strength * x


def full_rank(matrix: Tensor) -> Tensor:
    """The (V, K) matrix with its singular values clamped; the gradient passes as if there were no clamp."""
    with torch.no_grad():
        wide = matrix.double()
        if not bool(wide.isfinite().all()):  # has no singular values; the loss says what is wrong
            return matrix
        squares = torch.linalg.eigvalsh(wide.T @ wide)
        if squares[0] >= SMALLEST**2 and squares[-1] <= LARGEST**2:
            return matrix
        u, s, v = torch.linalg.svd(wide, full_matrices=False)
        change: Tensor = ((u * (s.clamp(SMALLEST, LARGEST) - s)) @ v).to(matrix)
    return matrix + change


class MonotoneOutput(OutputLayer):
    """Logits ``A^T g + L B u + c``, linear in the features ``[g; L u; 1]`` that the decoder gives it.

    Its weight holds A^T (V, 2M), B (V, K) and c (V, 1) side by side; B is used with its singular values clamped.

    Args:
        hidden: M.
        size: K.
        vocabulary_size: V.
    """

    def __init__(self, hidden: int, size: int, vocabulary_size: int) -> None:
        super().__init__(2 * hidden + size + 1, vocabulary_size)
        self.widths = [2 * hidden, size, 1]

    def blocks(self) -> tuple[Tensor, Tensor, Tensor]:
        """A^T, B of full rank, and c."""
        outer, between, shift = torch.split(self.weight, self.widths, 1)
        return outer, full_rank(between), shift

    def logits(self, hidden: Tensor) -> Tensor:
        """See `OutputLayer.logits`."""
        return linear(hidden, torch.cat(self.blocks(), 1))

    def nll(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """See `OutputLayer.nll`."""
        return linear_cross_entropy(hidden, torch.cat(self.blocks(), 1), targets)


class InjectiveDecoder(Decoder):
    """``logits_t = f_2(B f_1([h_t; z]))`` with monotone maps f_1 and f_2; the LSTM itself never sees z.

    Its initial state is a learned constant, c_0 and h_0 = tanh(c_0).

    Args:
        vocabulary_size: Word types V, at least H + Z, or no B is injective.
        embedding_size: Width of the word embeddings.
        hidden_size: Hidden units H of the LSTM.
        latent_size: Z.
        convex_size: Hidden units M of each convex network.
        strength: L of both maps.
        embedding_dropout: Dropout on the word embeddings.
        output_dropout: Dropout on the hidden states.
    """

    output: MonotoneOutput

    def __init__(
        self,
        vocabulary_size: int,
        embedding_size: int,
        hidden_size: int,
        latent_size: int,
        convex_size: int,
        strength: float,
        embedding_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.latent_size, self.strength = latent_size, strength
        size = hidden_size + latent_size
        self.embedding = nn.Embedding(vocabulary_size, embedding_size, padding_idx=PAD)
        self.initial = nn.Parameter(torch.empty(hidden_size))
        self.lstm = LSTM(embedding_size, hidden_size)
        self.embedding_dropout = Dropout(embedding_dropout)
        self.output_dropout = Dropout(output_dropout)
        self.first = MonotoneMap(size, convex_size, strength)
        self.second = Convex(convex_size)
        self.bias = nn.Parameter(torch.empty(2 * convex_size))
        self.output = MonotoneOutput(convex_size, size, vocabulary_size)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Zeros for the constant state and the second map's bias."""
        nn.init.zeros_(self.initial)
        nn.init.zeros_(self.bias)

    def hidden(self, z: Tensor, inputs: Tensor) -> Tensor:
        """(B, T, 2M + K + 1) features that the logits are linear in; see `Decoder.hidden`."""
        c = self.initial.expand(1, len(inputs), -1).contiguous()
        states, _ = self.lstm(self.embedding_dropout(self.embedding(inputs)), (torch.tanh(c), c))
        states = self.output_dropout(states)
        repeated = z.unsqueeze(1).expand(-1, states.shape[1], -1).to(states.dtype)
        u = self.first(torch.cat([states, repeated], -1))
        outer, between, _ = self.output.blocks()
        g = self.second.gradient(u @ (between.T @ outer) + self.bias)
        return torch.cat([g, self.strength * u, torch.ones_like(u[..., :1])], -1)

r"""The output layer on many samples of the same positions, its softmax over the words that any of them needs.

At one position, the decoder states :math:`h_s` of S codes of a sentence lie around their mean c, so that the words that
matter to one matter to all. With :math:`\bar p` the softmax at c, :math:`d_s = h_s - c` and Z the softmax's normaliser,

.. math:: \log Z(h_s) = \log Z(c) + \log \sum_v \bar p_v e^{w_v d_s}.

The sum is estimated from one set J of words for all samples (Horvitz and Thompson 1952): word v is in J with
probability :math:`\pi_v = \min(1, m q_v)`, q being the larger of the softmaxes at c and at the sample farthest from c.
J is drawn systematically from a start that belongs to the position's place in its sentence, so that nothing is random.
With :math:`a_v = \bar p_v / \pi_v`, scaled to sum to 1 over J, the estimate is

.. math:: \log \sum_{v \in J} a_v e^{w_v d_s} - \sum_{v \in J} a_v w_v d_s + \sum_v \bar p_v w_v d_s,

exact up to first order in d; its second-order error comes only from the words left to chance. What doesn't depend on s
is float32 and over all words. At the farthest sample the estimate is held against the exact value, and a position where
it is off by more than `TOLERANCE` is scored with all words.

Which words are drawn may turn on the rounding of a product, and so on the machine and on what is computed in one call.
A draw that differs by such a word is as good as the other; their estimates differ by less than either is off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from vaecli.kernels import plain
from vaecli.kernels.buffers import buffers
from vaecli.kernels.output import compute_dtype, linear_cross_entropy, lowered
from vaecli.kernels.switch import fast

WORDS = 2_048
"""m: about as many words are drawn where all are alike; a trained model needs some hundreds at a position."""

TOLERANCE = 0.02
"""Nats by which the loss of the farthest sample may be off; over tokens and sentences such errors average out."""

ROUND = 128
"""The words of a position are filled up to a multiple of it."""

BLOCK_ELEMENTS = 2_000_000
"""Numbers of the states, and of the logits, that are held in float32 at a time."""

GOLDEN = 0.6180339887498949
"""Places in a sentence start their draws at its multiples modulo 1, which fill the unit interval evenly."""


def pays(samples: int, vocabulary_size: int) -> bool:
    """Whether there are samples and words enough to make up for choosing and gathering the words of a position."""
    return samples >= 32 and vocabulary_size >= 2 * WORDS


def systematic_draw(inclusion: Tensor, start: Tensor) -> Tensor:
    """Which words a systematic draw takes: those at which the running sum of probabilities passes an integer.

    Over a start uniform on [0, 1), each word is taken with exactly its probability.

    Args:
        inclusion: (P, V) probabilities.
        start: (P,) in [0, 1).

    Returns:
        (P, V) bool.
    """
    passed = inclusion.double().cumsum(1).add_(start.double().unsqueeze(1)).floor_()
    return passed.diff(dim=1, prepend=passed.new_zeros(len(passed), 1)) > 0


@fast(plain.shared_nll)
def shared_nll(states: Tensor, targets: Tensor, positions: Tensor, weight: Tensor) -> Tensor:
    """-log softmax(W h) at the targets, estimated as the module says.

    Args:
        states: (S, N, D) decoder states of S samples at N positions.
        targets: (N,) int64 words.
        positions: (N,) int64 positions of the positions in their sentences.
        weight: (V, D).

    Returns:
        (S, N) float32 nats. Not differentiable.
    """
    dtype = compute_dtype(states)
    low = lowered(weight, dtype)
    nll = torch.empty(states.shape[:2], dtype=torch.float32, device=states.device)
    size = max(1, BLOCK_ELEMENTS // max(states.shape[0] * states.shape[2], weight.shape[0]))
    for start in range(0, states.shape[1], size):
        part = slice(start, start + size)
        block = _anchor(states[:, part], targets[part], weight.detach())
        estimate = block.linear + _curvature(block, positions[part], low)
        exact = block.trusted(estimate)
        nll[:, part] = estimate
        for n in (~exact).nonzero().flatten().tolist():
            y = targets[start + n].expand(len(states))
            nll[:, start + n] = linear_cross_entropy(states[:, start + n], weight, y)
    return nll


@dataclass(frozen=True)
class _Anchored:
    """A block of P positions around their mean states, all in float32.

    Attributes:
        away: (S, P, D) d.
        centre: (P, V) the softmax at c.
        larger: (P, V) q.
        linear: (S, P) losses to first order in d.
        farthest: (P,) the sample with the largest d.
        known: (P,) its exact loss.
    """

    away: Tensor
    centre: Tensor
    larger: Tensor
    linear: Tensor
    farthest: Tensor
    known: Tensor

    def trusted(self, estimate: Tensor) -> Tensor:
        """(P,) whether the (S, P) losses are good at the farthest sample, and finite at all."""
        at_farthest = estimate.gather(0, self.farthest.unsqueeze(0)).squeeze(0)
        return ((at_farthest - self.known).abs() <= TOLERANCE) & estimate.isfinite().all(0)


def _anchor(states: Tensor, targets: Tensor, weight: Tensor) -> _Anchored:
    """The parts over all words, of (S, P, D) states at (P,) targets."""
    away = states.float()
    mean = away.mean(0)
    away = away - mean
    positions = torch.arange(len(targets), device=targets.device)
    farthest = torch.linalg.vector_norm(away, dim=2).argmax(0)
    w_y = weight[targets]
    with torch.autocast(states.device.type, enabled=False):
        logits = torch.stack([mean, mean + away[farthest, positions]]) @ weight.T
        log_z = logits.logsumexp(2)
        p = logits.sub_(log_z.unsqueeze(2)).exp_()
        slope = p[0] @ weight - w_y
        linear = torch.bmm(away.transpose(0, 1), slope.unsqueeze(2)).squeeze(2).T + (log_z[0] - (mean * w_y).sum(1))
    known = log_z[1] - ((mean + away[farthest, positions]) * w_y).sum(1)
    return _Anchored(away, p[0], torch.maximum(p[0], p[1]), linear, farthest, known)


def _curvature(block: _Anchored, positions: Tensor, weight: Tensor) -> Tensor:
    """(S, P) what the log normalisers are above their first order, from the words drawn at each position.

    Args:
        block: The positions.
        positions: (P,) in their sentences.
        weight: (V, D) in the dtype of the products.
    """
    result = torch.empty_like(block.linear)
    inclusion = block.larger.mul(WORDS).clamp_(max=1)
    drawn = systematic_draw(inclusion, positions * GOLDEN % 1)
    share = block.centre / inclusion
    for n, words in enumerate(_rows(drawn)):
        a = share[n, words]
        a /= a.sum()
        surplus = -len(words) % ROUND  # the first word again, for nothing: each new shape costs a new kernel
        a, words = pad(a, (0, surplus)), torch.cat([words, words[:1].expand(surplus)])
        rise = _product(block.away[:, n].to(weight.dtype), weight, words)
        first = rise @ a
        result[:, n] = (rise.exp_() @ a).log_() - first
    return result


def _product(away: Tensor, weight: Tensor, words: Tensor) -> Tensor:
    """(S, J) w_v d in float32, valid until the next call."""
    shape, device = (len(away), len(words)), away.device
    rows = buffers.take("words", (len(words), weight.shape[1]), weight.dtype, device)
    torch.index_select(weight, 0, words, out=rows)
    low = torch.mm(away, rows.T, out=buffers.take("logits", shape, weight.dtype, device))
    return buffers.take("rise", shape, torch.float32, device).copy_(low)


def _rows(drawn: Tensor) -> Iterator[Tensor]:
    """The words drawn at each position."""
    position, word = drawn.nonzero(as_tuple=True)
    yield from torch.split(word, torch.bincount(position, minlength=len(drawn)).tolist())

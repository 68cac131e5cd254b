r"""The embedded corpus `oracle`: an LSTM with a two-dimensional latent variable writes it (Kim et al. 2018, synthetic).

.. math:: z \sim N(0, I), \quad h_t = LSTM(x_t, h_{t-1}), \quad p(x_{t+1} | x_{\le t}, z) \propto \exp(W_1 h_t + W_2 z)

Weights are from U(-1, 1), those of W_2 from U(-5, 5), over 1,000 word types, with 100 hidden units and embeddings; a
sentence has five words. The sizes are those that the literature reports, and the authors' own draw of the weights isn't
public: this is another oracle of the same family, so figures compare by their distance to the true likelihood.

z is integrated out by the trapezoidal rule, which for a smooth function that falls off like a Gaussian converges faster
than any power of the step. Since z moves the logits by a term of its own, the normaliser at all points of the grid is a
product of two matrices.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from vaecli.corpus.slots import Floats, Ints
from vaecli.corpus.types import Split
from vaecli.corpus.vocabulary import SPECIALS

VERSION = 1
"""Raised when the oracle's weights, or the sentences drawn from a seed, would change."""

WEIGHTS_SEED = 0
"""Of the oracle's weights; sentences have a seed of their own, so that all of them are of one oracle."""

WORDS, HIDDEN, LATENT, LENGTH = 1_000, 100, 2, 5

ENTROPY_SENTENCES = 2_000
"""Sentences whose exact likelihoods estimate the entropy and the mutual information."""

RADIUS, STEP = 6.0, 0.1
"""Of the grid: the prior's mass outside is below 1e-8; halving the step moves no figure by 1e-6 nats."""

CHUNK = 500
"""Distinct states whose normalisers on the grid are held together: 58 MB."""

SAMPLE_CHUNK = 200
"""Sentences written together, so that their logits stay in a core's cache."""

QUADRANTS = ("--", "-+", "+-", "++")
"""Signs of the two latent dimensions."""


@dataclass(frozen=True)
class Oracle:
    """The model that writes; index 0 of the embeddings is ``<s>``, word v has index v + 1 there and v elsewhere.

    Attributes:
        embedding: (V + 1, E).
        input_weight: (4 H, E), the gates in the order input, forget, cell, output.
        hidden_weight: (4 H, H).
        bias: (4 H,).
        state_weight: (V, H), W_1.
        code_weight: (V, Z), W_2.
        length: Words of a sentence.
    """

    embedding: Floats
    input_weight: Floats
    hidden_weight: Floats
    bias: Floats
    state_weight: Floats
    code_weight: Floats
    length: int

    @classmethod
    def draw(
        cls, seed: int, words: int = WORDS, hidden: int = HIDDEN, latent: int = LATENT, length: int = LENGTH
    ) -> Oracle:
        """An oracle with weights from U(-1, 1), W_2 from U(-5, 5)."""
        draw = np.random.default_rng(seed).uniform
        return cls(
            draw(-1, 1, (words + 1, hidden)),
            draw(-1, 1, (4 * hidden, hidden)),
            draw(-1, 1, (4 * hidden, hidden)),
            draw(-1, 1, 4 * hidden),
            draw(-1, 1, (words, hidden)),
            draw(-5, 5, (words, latent)),
            length,
        )

    def start(self, sentences: int) -> tuple[Floats, Floats]:
        """(N, H) h and c after ``<s>``."""
        zeros = np.zeros((sentences, self.hidden_weight.shape[1]))
        return self.read(np.full(sentences, -1), zeros, zeros)

    def read(self, word: Ints, h: Floats, c: Floats) -> tuple[Floats, Floats]:
        """(N, H) h and c after a further word, (N,) indices, -1 being ``<s>``."""
        gates = self.embedding[word + 1] @ self.input_weight.T + h @ self.hidden_weight.T + self.bias
        take, keep, value, give = np.split(gates, 4, axis=1)
        c = _sigmoid(keep) * c + _sigmoid(take) * np.tanh(value)
        return _sigmoid(give) * np.tanh(c), c

    def sample(self, sentences: int, seed: int) -> tuple[Ints, Floats]:
        """(N, L) words and the (N, Z) codes that they were written from."""
        generator = np.random.default_rng(seed)
        z = generator.standard_normal((sentences, self.code_weight.shape[1]))
        points = generator.random((sentences, self.length))
        parts = [
            self._write(z[start : start + SAMPLE_CHUNK], points[start : start + SAMPLE_CHUNK])
            for start in range(0, sentences, SAMPLE_CHUNK)
        ]
        return np.concatenate(parts), z

    def _write(self, z: Floats, points: Floats) -> Ints:
        """(N, L) words whose cumulative probabilities the (N, L) points fall on."""
        shift = z @ self.code_weight.T
        h, c = self.start(len(z))
        words = np.empty(points.shape, dtype=np.int64)
        for t in range(self.length):
            logits = h @ self.state_weight.T + shift
            total = np.exp(logits - logits.max(1, keepdims=True)).cumsum(1)
            below = (total <= points[:, t : t + 1] * total[:, -1:]).sum(1)
            words[:, t] = np.minimum(below, len(self.state_weight) - 1)
            h, c = self.read(words[:, t], h, c)
        return words

    def state_logits(self, words: Ints) -> tuple[list[Floats], list[Ints]]:
        """What the words say of the next one, by position: the logits W_1 h of distinct beginnings, and whose they are.

        Args:
            words: (N, L).

        Returns:
            (U_t, V) logits and (N,) rows in them, for each position t.
        """
        logits, rows = list[Floats](), list[Ints]()
        owner = np.zeros(len(words), dtype=np.int64)
        h, c = self.start(1)
        for t in range(words.shape[1]):
            logits.append(h @ self.state_weight.T)
            rows.append(owner)
            keys, owner = np.unique(owner * len(self.state_weight) + words[:, t], return_inverse=True)
            before, word = np.divmod(keys, len(self.state_weight))
            h, c = self.read(word, h[before], c[before])
        return logits, rows


def _sigmoid(x: Floats) -> Floats:
    return 0.5 + 0.5 * np.tanh(0.5 * x)


@dataclass(frozen=True)
class Grid:
    """Points of the latent plane and their weights under the standard normal prior.

    Attributes:
        points: (G, Z).
        log_weight: (G,) log of density times cell.
    """

    points: Floats
    log_weight: Floats

    @classmethod
    def of(cls, radius: float = RADIUS, step: float = STEP, latent: int = LATENT) -> Grid:
        """The regular grid of a cube around the origin."""
        half = round(radius / step)
        axis = np.arange(-half, half + 1) * step
        points = np.stack([part.ravel() for part in np.meshgrid(*[axis] * latent, indexing="ij")], axis=1)
        log_weight = -0.5 * (points**2).sum(1) + latent * (math.log(step) - 0.5 * math.log(2 * math.pi))
        return cls(points, log_weight)


@dataclass(frozen=True)
class Beliefs:
    """What N sentences say of their codes, exactly.

    Attributes:
        nll: (N,) -log p(x) in nats.
        mean: (N, Z) E[z | x].
        covariance: (N, Z, Z) Cov[z | x].
        kl: (N,) KL(p(z|x) || p(z)) in nats; its mean is I(x; z).
    """

    nll: Floats
    mean: Floats
    covariance: Floats
    kl: Floats


def beliefs(oracle: Oracle, words: Ints, grid: Grid | None = None) -> Beliefs:
    """Integrates z out, sentence by sentence.

    Args:
        oracle: The model.
        words: (N, L) indices of words.
        grid: `Grid.of` its default step without.
    """
    grid = Grid.of(latent=oracle.code_weight.shape[1]) if grid is None else grid
    parts = [_beliefs(oracle, words[start : start + CHUNK], grid) for start in range(0, len(words), CHUNK)]
    columns = [np.concatenate([getattr(p, name) for p in parts]) for name in ("nll", "mean", "covariance", "kl")]
    return Beliefs(*columns)


def _beliefs(oracle: Oracle, words: Ints, grid: Grid) -> Beliefs:
    shift = grid.points @ oracle.code_weight.T  # (G, V)
    most = shift.max(1)
    lifted = np.exp(shift - most[:, None]).T  # (V, G)
    log_likelihood = np.zeros((len(words), len(grid.points)))
    logits, rows = oracle.state_logits(words)
    for t, (a, owner) in enumerate(zip(logits, rows, strict=True)):
        top = a.max(1, keepdims=True)
        # positive terms only, so the sum keeps all digits; the largest exponents are taken out of either factor
        log_total = np.log(np.exp(a - top) @ lifted) + most + top
        word = words[:, t]
        log_likelihood += a[owner, word][:, None] + shift.T[word] - log_total[owner]
    log_joint = log_likelihood + grid.log_weight
    peak = log_joint.max(1, keepdims=True)
    mass = np.exp(log_joint - peak)
    total = mass.sum(1, keepdims=True)
    nll = -(peak + np.log(total))[:, 0]
    mass /= total
    mean = mass @ grid.points
    products = np.einsum("gi,gj->gij", grid.points, grid.points).reshape(len(grid.points), -1)
    second = (mass @ products).reshape(len(words), grid.points.shape[1], -1)
    kl = (mass * log_likelihood).sum(1) + nll
    return Beliefs(nll, mean, second - mean[:, :, None] * mean[:, None, :], kl)


def spelling(word: int) -> str:
    """``w042``; alphabetical order is that of the numbers."""
    return f"w{word:03d}"


def word_types() -> list[str]:
    """All word types in the order of their indices."""
    return [spelling(word) for word in range(WORDS)]


class OracleTruth:
    """What is exactly known of the oracle's sentences; see `vaecli.corpus.types.Truth`.

    Args:
        oracle: The model.
        sentences: Drawn for the entropy, from a seed of their own.
    """

    def __init__(self, oracle: Oracle, sentences: int = ENTROPY_SENTENCES) -> None:
        self.oracle, self.sentences = oracle, sentences
        self._known: dict[bytes, Beliefs] = {}

    def log_prob(self, sentence: Sequence[str]) -> float:
        """Exact log p(sentence) in nats; ``-inf`` outside the support."""
        numbers = {spelling(word): word for word in range(len(self.oracle.state_weight))}
        if len(sentence) != self.oracle.length or not set(sentence) <= set(numbers):
            return -math.inf
        return -float(beliefs(self.oracle, np.array([[numbers[word] for word in sentence]])).nll[0])

    def beliefs(self, split: Split) -> Beliefs:
        """The exact posteriors of a split of this corpus, whose ids are the indices after the special symbols."""
        words: NDArray[np.int64] = split.tokens.numpy().astype(np.int64) - len(SPECIALS)
        key = sha256(words.tobytes()).digest()
        if key not in self._known:
            self._known[key] = beliefs(self.oracle, words.reshape(len(split), self.oracle.length))
        return self._known[key]

    def nll(self, split: Split) -> Floats:
        """(N,) exact -log p(x) of a split's sentences, in nats."""
        return self.beliefs(split).nll

    def of_vocabulary(self, words: Collection[str]) -> OracleTruth | None:
        """Itself where all words of the oracle are known, as they are in its corpus; else None."""
        return self if set(word_types()) <= set(words) else None

    @cached_property
    def _drawn(self) -> Beliefs:
        return beliefs(self.oracle, self.oracle.sample(self.sentences, seed=0)[0])

    @cached_property
    def entropy(self) -> float:
        """H(x) in nats per sentence: the mean of exact values over drawn sentences."""
        return float(self._drawn.nll.mean())

    @cached_property
    def entropy_se(self) -> float:
        """Standard error of the entropy."""
        return float(self._drawn.nll.std(ddof=1)) / math.sqrt(self.sentences)

    @cached_property
    def mutual_information(self) -> dict[str, tuple[float, float]]:
        """I(x; z) in nats and its standard error."""
        kl = self._drawn.kl
        return {"z": (float(kl.mean()), float(kl.std(ddof=1)) / math.sqrt(self.sentences))}


@cache
def the_oracle() -> Oracle:
    """The one that writes the corpus."""
    return Oracle.draw(WEIGHTS_SEED)


@cache
def oracle_truth() -> OracleTruth:
    """The truth of the corpus, worked out once a process."""
    return OracleTruth(the_oracle())

r"""The embedded corpus ``mixture``: the synthetic text of He et al. (2019), whose latent variable has four clusters.

.. math::
    z \sim \tfrac14 \sum_k N(c_k, I), \quad c_k \in \{\pm2\}^2, \qquad
    x_1 \sim U, \qquad
    p(x_{t+1} | x_{\le t}, z) = \mathrm{softmax}(W_1 h_t + W_2 z)

h is the state of an LSTM that reads [embedding of x_t; z] from c_0 = W_0 z, h_0 = tanh(c_0). All its weights, biases
and embeddings are U(-1, 1), W_2 alone is U(-5, 5). A sentence has ten words of a thousand types, the first of which
says nothing about z. The program adds ``</s>``, which always comes eleventh.

Text and weights are drawn here from `corpus.corpus_seed`, in float64 and one stream a split; the paper's own text was
drawn by the same law with other weights. The cluster is the label of a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vaecli.core.seeds import stable_seed
from vaecli.corpus.slots import Floats, Ints, entropy

VERSION = 1
"""Raised when the sentences drawn from a seed would change."""

TYPES, LENGTH, HIDDEN, EMBEDDING = 1_000, 10, 100, 100
"""Word types, words of a sentence, and the sizes of the LSTM."""

BOUND, CODE_BOUND = 1.0, 5.0
"""Weights are uniform within the first, those from z to the logits within the second."""

CENTRES = ((-2.0, -2.0), (2.0, 2.0), (-2.0, 2.0), (2.0, -2.0))
"""Means of the clusters of z."""

CLUSTERS = ("lower left", "upper right", "upper left", "lower right")
"""Names of the clusters in the plane of z, the classes of the label `cluster`."""

AT_ONCE = 1_000
"""Sentences drawn together: their probabilities are 8 MB."""


@dataclass(frozen=True)
class Drawn:
    """N sentences.

    Attributes:
        words: (N, 10) word types.
        codes: (N, 2) the z that each was drawn with.
        clusters: (N,) index into `CENTRES` of the component that z is of.
    """

    words: Ints
    codes: Floats
    clusters: Ints


class Generator:
    """An LSTM with a latent variable, which writes the corpus.

    Args:
        seed: Of its weights.
    """

    def __init__(self, seed: int) -> None:
        random = np.random.Generator(np.random.PCG64(seed))
        gates, codes = 4 * HIDDEN, len(CENTRES[0])
        shapes = {
            "embedding": (TYPES, EMBEDDING),
            "words": (EMBEDDING, gates),
            "codes": (codes, gates),
            "states": (HIDDEN, gates),
            "bias": (2, gates),  # an LSTM of the usual libraries has two, which add up
            "initial": (codes, HIDDEN),
            "output": (HIDDEN, TYPES),
        }
        weights = {name: random.uniform(-BOUND, BOUND, shape) for name, shape in shapes.items()}
        self.weights: Mapping[str, Floats] = weights
        self.code_logits: Floats = random.uniform(-CODE_BOUND, CODE_BOUND, (codes, TYPES))
        self.word_gates: Floats = weights["embedding"] @ weights["words"] + weights["bias"].sum(0)

    def draw(self, count: int, seed: int) -> Drawn:
        """Sentences with their z.

        Args:
            count: N.
            seed: Of the draws, apart from that of the weights.
        """
        random = np.random.Generator(np.random.PCG64(seed))
        clusters = random.integers(len(CENTRES), size=count)
        codes = np.array(CENTRES)[clusters] + random.standard_normal((count, len(CENTRES[0])))
        first = random.integers(TYPES, size=count)
        uniform = random.random((count, LENGTH - 1))
        parts = [slice(start, start + AT_ONCE) for start in range(0, count, AT_ONCE)]
        words = [self._continue(first[part], codes[part], uniform[part]) for part in parts]
        return Drawn(np.concatenate(words), codes, clusters)

    def log_prob(self, words: Ints, codes: Floats) -> Floats:
        """(N,) log p(x|z) in nats of (N, 10) words at (N, 2) codes, the uniform first word included."""
        total = np.full(len(words), -np.log(TYPES))
        state = self._start(codes)
        for position in range(LENGTH - 1):
            state, weights = self._step(words[:, position], codes, state)
            chosen = weights[np.arange(len(words)), words[:, position + 1]]
            total += np.log(chosen / weights.sum(1))
        return total

    def conditional_entropy(self, words: Ints, codes: Floats) -> Floats:
        """(N,) the sum over positions of H(x_t | x_<t, z) in nats, at the prefixes of (N, 10) words and (N, 2) codes.

        Its mean over sentences and codes that are drawn together is H(x|z), without the noise of a mean of -log p(x|z).
        """
        total = np.full(len(words), np.log(TYPES))
        state = self._start(codes)
        for position in range(LENGTH - 1):
            state, weights = self._step(words[:, position], codes, state)
            total += entropy(weights / weights.sum(1, keepdims=True))
        return total

    def _continue(self, first: Ints, codes: Floats, uniform: Floats) -> Ints:
        """(N, 10) sentences by the inverse of the distribution function, a word a column of uniform numbers."""
        words, state = [first], self._start(codes)
        for column in uniform.T:
            state, weights = self._step(words[-1], codes, state)
            reached = np.cumsum(weights, 1, out=weights)
            target = column * reached[:, -1]
            words.append((reached <= target[:, None]).sum(1))
        return np.stack(words, 1)

    def _start(self, codes: Floats) -> tuple[Floats, Floats]:
        """h_0 and c_0, (N, H) each."""
        c = codes @ self.weights["initial"]
        return np.tanh(c), c

    def _step(self, word: Ints, codes: Floats, state: tuple[Floats, Floats]) -> tuple[tuple[Floats, Floats], Floats]:
        """The next state, and the (N, V) probabilities of the next word up to a constant."""
        h, c = state
        gates = self.word_gates[word] + codes @ self.weights["codes"] + h @ self.weights["states"]
        i, f, g, o = np.split(gates, 4, axis=1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        h = _sigmoid(o) * np.tanh(c)
        logits = h @ self.weights["output"] + codes @ self.code_logits
        logits -= logits.max(1, keepdims=True)
        return (h, c), np.exp(logits, out=logits)


def _sigmoid(x: Floats) -> Floats:
    return 0.5 * (1 + np.tanh(0.5 * x))


def mixture_generator(seed: int) -> Generator:
    """The generator of a corpus seed."""
    return Generator(stable_seed("mixture", VERSION, seed, "weights"))


def draw_split(seed: int, part: str, count: int) -> Drawn:
    """The sentences of a split.

    Args:
        seed: The corpus seed.
        part: ``train``, ``valid`` or ``test``.
        count: Sentences.
    """
    return mixture_generator(seed).draw(count, stable_seed("mixture", VERSION, seed, part))

r"""What is exactly known of the embedded corpora: H(x), and I(x; factors): ``python -m experiments.synthetic.truth``.

`synthetic` and `oracle` say it themselves. `mixture` doesn't, for its LSTM reads z at every word, so that each
sentence needs a run of it at every point of a grid: here z is integrated out by the trapezoidal rule, which converges
faster than any power of the step. Points where p(x, z) is below e^-30 of its largest on the coarse grid, and those
about them, are left out of the fine one.

.. math::
    I(x; z) = E_x[KL(p(z|x) \| p(z))], \qquad I(x; k) = H(k) - E_x[H(k|x)], \qquad H(x) = H(x|z) + I(x; z)
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import logsumexp

from vaecli.core.files import write_atomic
from vaecli.core.seeds import stable_seed
from vaecli.corpus.mixture_text import AT_ONCE, CENTRES, Generator, mixture_generator
from vaecli.corpus.oracle import ENTROPY_SENTENCES, oracle_truth
from vaecli.corpus.slots import Floats, Ints, entropy
from vaecli.corpus.synthetic import ENTROPY_SAMPLES, synthetic_truth

HERE = Path(__file__).parent
TABLE = HERE / "truth.csv"

RADIUS, STEP, COARSER = 6.0, 0.1, 4
"""Of the grid about the outermost centres; halving the step moves a sentence by less than 1e-3 nats."""

NEGLIGIBLE = 30.0
"""Nats below the largest p(x, z) at which a coarse point, and with it its fine neighbours, are left out."""

SENTENCES, DRAWS = 200, 20_000
"""Sentences whose posteriors are integrated, and pairs of sentence and code that H(x|z) is a mean over."""

ALL = {"synthetic": "all", "mixture": "z", "oracle": "z"}
"""What of each corpus a code could know at most of its factors."""


@dataclass(frozen=True)
class Integrated:
    """N sentences with z integrated out.

    Attributes:
        log_prob: (N,) log p(x) in nats.
        kl: (N,) KL(p(z|x) || p(z)); its mean is I(x; z).
        cluster_entropy: (N,) H(k|x).
    """

    log_prob: Floats
    kl: Floats
    cluster_entropy: Floats


def log_prior(points: Floats) -> Floats:
    """(G, K) log p(k, z) of the mixture's clusters at (G, 2) points."""
    distance = ((points[:, None] - np.array(CENTRES)) ** 2).sum(-1)
    return np.asarray(-0.5 * distance - math.log(2 * math.pi * len(CENTRES)))


def axis(step: float, radius: float = RADIUS) -> Floats:
    """The points of a grid along one dimension of z, symmetric about 0."""
    most = math.ceil((max(max(centre) for centre in CENTRES) + radius) / step)
    return np.asarray(np.arange(-most, most + 1) * step, dtype=np.float64)


def mesh(values: Floats) -> Floats:
    """(n * n, 2) points of the plane, the first coordinate the slower."""
    return np.stack(np.meshgrid(values, values, indexing="ij"), -1).reshape(-1, 2)


def integrate(generator: Generator, words: Ints, step: float = STEP, coarser: int = COARSER) -> Integrated:
    """Integrates z out of sentences of the mixture.

    Args:
        generator: The model.
        words: (N, L) word types.
        step: Of the fine grid.
        coarser: The coarse grid has every so many-th of its points; 1 takes the whole fine grid.
    """
    values = axis(step)
    values = values[: len(values) - (len(values) - 1) % coarser]
    fine, size = mesh(values), len(values)
    rows = []
    for sentence in words:
        chosen = _live(generator, sentence, fine, size, coarser) if coarser > 1 else np.arange(len(fine))
        rows.append(_integrated(generator, sentence, fine[chosen], step))
    columns = np.array(rows).T
    return Integrated(*columns)


def _live(generator: Generator, sentence: Ints, fine: Floats, size: int, coarser: int) -> Ints:
    """Indices of the fine points about those coarse ones at which p(x, z) isn't negligible."""
    grid = np.arange(size * size).reshape(size, size)
    coarse = grid[::coarser, ::coarser]
    at = coarse.ravel()
    joint = _log_joint(generator, sentence, fine[at])
    live = (joint > joint.max() - NEGLIGIBLE).reshape(coarse.shape)
    keep = np.zeros((size, size), dtype=bool)
    for i, j in zip(*np.nonzero(live), strict=True):
        keep[max(0, (i - 1) * coarser) : (i + 1) * coarser + 1, max(0, (j - 1) * coarser) : (j + 1) * coarser + 1] = (
            True
        )
    return np.flatnonzero(keep.ravel())


def _log_joint(generator: Generator, sentence: Ints, points: Floats) -> Floats:
    """(G,) log p(x, z) of one sentence at some points."""
    likelihood = _log_likelihood(generator, sentence, points)
    return np.asarray(likelihood + logsumexp(log_prior(points), axis=1))


def _log_likelihood(generator: Generator, sentence: Ints, points: Floats) -> Floats:
    parts = [points[start : start + AT_ONCE] for start in range(0, len(points), AT_ONCE)]
    log_probs = [generator.log_prob(np.tile(sentence, (len(part), 1)), part) for part in parts]
    return np.asarray(np.concatenate(log_probs), dtype=np.float64)


def _integrated(generator: Generator, sentence: Ints, points: Floats, step: float) -> tuple[float, float, float]:
    """Log p(x), KL(p(z|x) || p(z)) and H(k|x) of one sentence."""
    by_cluster = log_prior(points)
    prior = logsumexp(by_cluster, axis=1)
    likelihood = _log_likelihood(generator, sentence, points)
    joint = likelihood + prior + 2 * math.log(step)
    log_prob = float(logsumexp(joint))
    mass = np.exp(joint - log_prob)
    clusters = mass @ np.exp(by_cluster - prior[:, None])
    return log_prob, float(mass @ likelihood) - log_prob, float(entropy(clusters))


def mean_and_error(values: Floats) -> tuple[float, float]:
    """A mean and its standard error."""
    return float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))


def mixture_truth(seed: int = 0, sentences: int = SENTENCES, draws: int = DRAWS) -> dict[str, tuple[float, float]]:
    """What is known of the corpus `mixture` of a seed, in nats a sentence, with standard errors."""
    generator = mixture_generator(seed)
    drawn = generator.draw(draws, stable_seed("mixture", "truth", seed))
    integrals = integrate(generator, drawn.words[:sentences])
    parts = [slice(start, start + AT_ONCE) for start in range(0, draws, AT_ONCE)]
    conditionals = [generator.conditional_entropy(drawn.words[part], drawn.codes[part]) for part in parts]
    conditional, conditional_se = mean_and_error(np.concatenate(conditionals))
    code, code_se = mean_and_error(integrals.kl)
    open_, open_se = mean_and_error(integrals.cluster_entropy)
    return {
        "H(x)": (conditional + code, math.hypot(conditional_se, code_se)),
        "I(x; z)": (code, code_se),
        "I(x; cluster)": (math.log(len(CENTRES)) - open_, open_se),
    }


def quantities() -> Iterator[tuple[str, str, float, float, int]]:
    """Corpus, quantity, nats, standard error and sentences behind it, of all embedded corpora."""
    grammar = synthetic_truth()
    yield "synthetic", "H(x)", grammar.entropy, grammar.entropy_se, ENTROPY_SAMPLES
    for name, (value, error) in grammar.mutual_information.items():
        yield "synthetic", f"I(x; {name})", value, error, ENTROPY_SAMPLES
    for name, (value, error) in mixture_truth().items():
        yield "mixture", name, value, error, SENTENCES
    oracle = oracle_truth()
    yield "oracle", "H(x)", oracle.entropy, oracle.entropy_se, ENTROPY_SENTENCES
    for name, (value, error) in oracle.mutual_information.items():
        yield "oracle", f"I(x; {name})", value, error, ENTROPY_SENTENCES


def read_truth(path: Path = TABLE) -> Mapping[tuple[str, str], tuple[float, float]]:
    """Nats and standard error by corpus and quantity."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {(row["corpus"], row["quantity"]): (float(row["nats"]), float(row["se"])) for row in rows}


def most_information(corpus: str) -> tuple[str, str]:
    """The key of I(x; factors) of a corpus, all of its factors together."""
    return corpus, f"I(x; {ALL[corpus]})"


def main(arguments: Sequence[str]) -> None:
    argparse.ArgumentParser(
        prog="python -m experiments.synthetic.truth", description=f"Computes {TABLE.name} again, in some minutes."
    ).parse_args(arguments)
    start = time.monotonic()
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("corpus", "quantity", "nats", "se", "sentences"))
    for corpus, quantity, value, error, count in quantities():
        writer.writerow((corpus, quantity, f"{value:.4f}", f"{error:.4f}", count))
        print(f"{corpus} {quantity}: {value:.4f} +- {error:.4f} ({time.monotonic() - start:.0f} s)", flush=True)
    write_atomic(TABLE, stream.getvalue())


if __name__ == "__main__":
    main(sys.argv[1:])

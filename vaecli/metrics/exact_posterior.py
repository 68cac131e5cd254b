r"""The model's own posterior p(z|x) at latent size 1, by quadrature (He et al. 2019, section 3).

.. math:: p(z|x) = \frac{p(z)\, p(x|z)}{p(x)}, \qquad p(x) = \int p(z)\, p(x|z)\, dz, \qquad
    E[z|x] = \int z\, p(z|x)\, dz

The integrals run over [-20, 20], or further where the prior does. A coarse grid finds where p(z, x) is within `DROP`
nats of its maximum; there, for each sentence apart, the trapezoidal rule is refined until halving its step moves mean,
variance and log p(x) by less than a tolerance, all three, for one may stay by chance. The rule converges faster than
any power of the step for an integrand that vanishes at both ends (Trefethen & Weideman 2014), so that what is left is
less than that last change.
The paper's grid has one step, 0.1, for all sentences, of which most nodes lie where there is no mass. A mode is
overlooked only if it is so narrow that both nodes beside it miss it, which takes a standard deviation below 0.03 where
|z| < 6, and below 0.06 elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vaecli.core.errors import UsageError
from vaecli.corpus.types import collate
from vaecli.metrics.inference import evaluation_mode, sampled_nll, wide_prior
from vaecli.metrics.scoring import Scoring
from vaecli.model.prior import Prior
from vaecli.model.vae import VAE

LARGEST = 20
"""Of z in absolute value, as in the paper, unless the prior has mass further out."""

REACH, FURTHEST = 2.2, 1000
"""How many times further than the furthest of `PRIOR_SAMPLES` samples of the prior the integrals run, so that they
cover 7.7 standard deviations of a Gaussian, whose density is `DROP` nats below its maximum there; and how far at most,
which only a model that diverged goes beyond."""

PRIOR_SAMPLES = 4096
"""Of fixed noise, by which the reach of the prior is found."""

DROP = 30.0
"""Nats below the maximum of p(z, x) from which on it counts as nothing."""

FIRST_STEPS, MOST_STEPS = 32, 4096
"""Steps of the rule at first, and at most."""

TOLERANCE = 1e-4
"""The change from which on the step is halved once more."""

LogJoint = Callable[[Tensor, Tensor], Tensor]
"""(S, B) log p(z, x) in nats of (S, B) values of z at (B,) numbers of sentences."""


@dataclass(frozen=True)
class ExactPosterior:
    """p(z|x) of N sentences.

    Attributes:
        mean: (N,) E[z|x].
        variance: (N,) Var[z|x].
        log_evidence: (N,) log p(x) in nats.
        change: (N,) by how much the last halving of the step has moved the one that it moved most of these three.
    """

    mean: Tensor
    variance: Tensor
    log_evidence: Tensor
    change: Tensor


def coarse_grid(largest: int) -> Tensor:
    """(S,) float64 nodes up to a whole number: steps of 1, of 0.5 within 6 standard deviations of N(0, 1)."""
    nodes = (*range(-largest, -6), *(n / 2 for n in range(-12, 13)), *range(7, largest + 1))
    return torch.tensor(nodes, dtype=torch.float64)


def reach(prior: Prior) -> int:
    """How far from 0 the integrals have to run for a prior of one dimension, in float64; `LARGEST` for N(0, 1)."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(PRIOR_SAMPLES, prior.noise_size, generator=generator, dtype=torch.float64)
    device = next((t.device for t in (*prior.parameters(), *prior.buffers())), noise.device)
    furthest = float(prior.sample(noise.to(device)).abs().max())
    return min(FURTHEST, max(LARGEST, math.ceil(REACH * furthest))) if math.isfinite(furthest) else FURTHEST


def quadrature(log_joint: LogJoint, count: int, tolerance: float = TOLERANCE, largest: int = LARGEST) -> ExactPosterior:
    """The posteriors of N sentences from their joint densities.

    Args:
        log_joint: Of z and the sentences.
        count: N.
        tolerance: See the module.
        largest: Of z in absolute value.
    """
    every = torch.arange(count)
    coarse = coarse_grid(largest)
    low, high = _support(coarse, log_joint(coarse.unsqueeze(1).expand(-1, count), every))
    z = _nodes(low, high, FIRST_STEPS)
    values = log_joint(z, every)
    result = _moments(z, values)
    rows, steps = every, FIRST_STEPS
    while len(rows) and steps < MOST_STEPS:
        between = (z[1:] + z[:-1]) / 2
        z, values = _interleaved(z, between), _interleaved(values, log_joint(between, rows))
        steps *= 2
        finer = _moments(z, values)
        change = _change(result, rows, finer)
        for whole, part in zip(
            (result.mean, result.variance, result.log_evidence, result.change),
            (finer.mean, finer.variance, finer.log_evidence, change),
            strict=True,
        ):
            whole[rows] = part
        moved = change >= tolerance
        rows, z, values = rows[moved], z[:, moved], values[:, moved]
    return result


def exact_posterior(model: VAE, scoring: Scoring, tolerance: float = TOLERANCE) -> ExactPosterior:
    """p(z|x) of every sentence of a split under a model.

    Args:
        model: Of latent size 1, on the device; its mode and torch's global generators are left as they are.
        scoring: Which N sentences are scored, and how.
        tolerance: See the module.

    Returns:
        Float64 figures on the CPU, in the order of the split.

    Raises:
        UsageError: The model has another latent size.
    """
    if model.latent_size != 1:
        raise UsageError(f"the exact posterior is for a latent size of 1 (model.latent_size), got {model.latent_size}")
    parts = {name: torch.empty(len(scoring.split), dtype=torch.float64) for name in ExactPosterior.__annotations__}
    with evaluation_mode(model, scoring.device):
        prior = wide_prior(model)
        largest = reach(prior)
        for index, _ in scoring.batches():
            sentences = index.cpu()

            def log_joint(z: Tensor, rows: Tensor, sentences: Tensor = sentences) -> Tensor:
                batch = collate(scoring.split, sentences[rows]).to(scoring.device)
                codes = z.unsqueeze(2).to(scoring.device)
                return (prior.log_prob(codes) - sampled_nll(model, codes, batch, scoring.precision)).cpu()

            integrals = quadrature(log_joint, len(sentences), tolerance, largest)
            for name, values in parts.items():
                values[sentences] = getattr(integrals, name)
    return ExactPosterior(**parts)


def _change(before: ExactPosterior, rows: Tensor, after: ExactPosterior) -> Tensor:
    """(R,) the largest change of mean, variance and log evidence of some sentences."""
    moved = [
        (getattr(after, name) - getattr(before, name)[rows]).abs() for name in ("mean", "variance", "log_evidence")
    ]
    return torch.stack(moved).max(0).values


def _support(grid: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """(B,) ends of the intervals outside of which log densities, (S, B) at (S,) nodes, count as nothing.

    They are the nodes next to the outermost ones that count.
    """
    kept = values >= values.max(0).values - DROP
    numbers = torch.arange(len(grid)).unsqueeze(1)
    first = torch.where(kept, numbers, len(grid)).min(0).values - 1
    last = torch.where(kept, numbers, -1).max(0).values + 1
    return grid[first.clamp(min=0)], grid[last.clamp(max=len(grid) - 1)]


def _nodes(low: Tensor, high: Tensor, steps: int) -> Tensor:
    """(steps + 1, B) equidistant nodes of each interval."""
    share = torch.linspace(0, 1, steps + 1, dtype=torch.float64).unsqueeze(1)
    return low + share * (high - low)


def _interleaved(nodes: Tensor, between: Tensor) -> Tensor:
    """(2 S + 1, B) of (S + 1, B) values at nodes and (S, B) values between them."""
    joined = torch.stack([nodes[:-1], between], 1).flatten(0, 1)
    return torch.cat([joined, nodes[-1:]])


def _moments(z: Tensor, values: Tensor) -> ExactPosterior:
    """The trapezoidal rule over (S + 1, B) nodes of equal distance with log densities there."""
    ends = torch.ones(len(z), 1, dtype=torch.float64)
    ends[0], ends[-1] = 0.5, 0.5
    weights = values + ends.log()
    total = weights.logsumexp(0)
    share = (weights - total).exp()
    mean = (share * z).sum(0)
    variance = (share * (z - mean).square()).sum(0)
    return ExactPosterior(mean, variance, total + (z[1] - z[0]).log(), torch.full_like(mean, torch.inf))

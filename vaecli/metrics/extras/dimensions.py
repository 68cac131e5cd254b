"""The latent variable dimension by dimension: what each costs, and where its variance is.

By the law of total variance the variance of a code z_i over sentences and samples is ``Var_x(E_q[z_i|x]) +
E_x[Var_q(z_i|x)]``, the spread of the means and the mean of the spreads. A collapsed dimension has all of it in the
second; a dimension is active (Burda et al. 2016, section 5.2) by the first alone.

A discrete code has a use beside it: how many of the K classes, or entries of a codebook, a variable would need if it
used them all alike, ``exp(H)`` of their shares over the sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from vaecli.metrics.columns.au import THRESHOLD, mean_variance
from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.extras.registry import BlockInput, BlockResult, undefined
from vaecli.metrics.inference import wide_prior
from vaecli.model.categorical import CategoricalPosterior
from vaecli.model.codebook import Codebook, QuantisedCode
from vaecli.model.posterior import DiagonalGaussian, Posterior
from vaecli.model.prior import Prior

MOST = 32
"""Dimensions that are printed; metrics.json has all."""


def dimensions_block(block: BlockInput) -> BlockResult:
    """KL, variance of the means and mean variance of every dimension."""
    if not block.model.has_latent:
        return undefined((), "dimensions: a language model has no code")
    terms = elbo_terms(block.model, block.scoring)
    posterior = terms.posterior
    assert posterior is not None
    spread = mean_variance(posterior.mean)
    factorises = terms.kl is not None and terms.kl.shape[1] == posterior.mean.shape[1]
    details: dict[str, Any] = {
        "kl": terms.kl.mean(0).tolist() if terms.kl is not None and factorises else None,
        "mean_variance": None if spread is None else spread.tolist(),
        "posterior_variance": None,
    }
    if isinstance(posterior, DiagonalGaussian):
        details["posterior_variance"] = posterior.logvar.exp().mean(0).tolist()
    shares = class_shares(posterior, wide_prior(block.model))
    if shares is None:
        return BlockResult({}, details, dimension_lines(details))
    details["codebook_use"] = effective_number(shares).tolist()
    return BlockResult({}, details, (use_line(details["codebook_use"], shares.shape[1]), *dimension_lines(details)))


def class_shares(posterior: Posterior, prior: Prior) -> Tensor | None:
    """(M, K) shares of the classes of each variable of a discrete code over the sentences; None for other codes."""
    if isinstance(posterior, CategoricalPosterior):
        return posterior.layout.split(posterior.mean).mean(0)
    if isinstance(posterior, QuantisedCode) and isinstance(prior, Codebook):
        index = prior.nearest(posterior.unquantised)
        return torch.stack([column.bincount(minlength=prior.entries) for column in index.T]) / len(index)
    return None


def effective_number(shares: Tensor) -> Tensor:
    """(M,) ``exp(H)`` of (M, K) shares: K where all are alike, 1 where there is one."""
    number: Tensor = torch.special.entr(shares).sum(-1).exp()
    return number


def use_line(numbers: list[float], classes: int) -> str:
    """The use of a discrete code in a line."""
    mean = sum(numbers) / len(numbers)
    return f"codebook: {mean:.1f} of {classes} classes a variable in use, exp(H) of their shares, over {len(numbers)}"


def dimension_lines(details: Mapping[str, Any], most: int = MOST) -> tuple[str, ...]:
    """A row a dimension, the most costly first; by the variance of the means where the KL has no parts.

    Args:
        details: Lists of Z figures, None where undefined: ``kl`` in nats, and two variances.
        most: Rows.
    """
    parts = [details[name] for name in ("kl", "mean_variance", "posterior_variance")]
    leading: list[float] = next((part for part in parts if part is not None), [])
    order = sorted(range(len(leading)), key=lambda i: -leading[i])
    lines = [f"dimensions, {len(leading)} of them: kl in nats, Var_x(E_q[z|x]), E_x[Var_q(z|x)]"]
    if not leading:
        lines = ["dimensions: a KL that has no parts, and no variance over one sentence"]
    for i in order[:most]:
        figures = " ".join("       -" if part is None else f"{part[i]:z8.4f}" for part in parts)
        active = parts[1] is not None and parts[1][i] > THRESHOLD
        lines.append(f"  {i:>4} {figures}{' active' if active else ''}")
    if len(order) > most:
        lines.append(f"  and {len(order) - most} more of less {'kl' if parts[0] else 'variance'}, in metrics.json")
    return tuple(lines)

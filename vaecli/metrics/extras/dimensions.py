"""The latent variable dimension by dimension: what each costs, and where its variance is.

By the law of total variance the variance of a code z_i over sentences and samples is ``Var_x(E_q[z_i|x]) +
E_x[Var_q(z_i|x)]``, the spread of the means and the mean of the spreads. A collapsed dimension has all of it in the
second; a dimension is active (Burda et al. 2016, section 5.2) by the first alone.

A discrete code has a use beside it: how many of the K classes, or entries of a codebook, some sentence has, and how
many a variable would need if it used them all alike, ``exp(H)`` of their shares over the sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from vaecli.metrics.columns.au import INFORMATION, THRESHOLD, mean_variance
from vaecli.metrics.columns.discrete import class_shares, effective_number, variable_information
from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.extras.registry import BlockInput, BlockResult, undefined
from vaecli.metrics.inference import wide_prior
from vaecli.model.posterior import DiagonalGaussian
from vaecli.model.prior import DiscretePrior

COLUMNS = ("code_perplexity", "codes_used")
"""Of discrete codes."""

MOST = 32
"""Dimensions that are printed; metrics.json has all."""


def dimensions_block(block: BlockInput) -> BlockResult:
    """KL, variance of the means and mean variance of every dimension."""
    if not block.model.has_latent:
        return undefined(COLUMNS, "dimensions: a language model has no code")
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
    prior = wide_prior(block.model)
    shares, information = class_shares(posterior, prior), variable_information(posterior, prior)
    if shares is None or information is None or not isinstance(prior, DiscretePrior):
        return BlockResult(dict.fromkeys(COLUMNS), details, dimension_lines(details))
    used = [len(column.unique()) for column in prior.index(posterior.mean).T]
    details |= {
        "codebook_use": effective_number(shares).tolist(),
        "classes_used": used,
        "variable_information": information.tolist(),
    }
    values = dict(zip(COLUMNS, (fmean(details["codebook_use"]), fmean(used)), strict=True))
    return BlockResult(values, details, (*use_lines(details, prior.classes), *dimension_lines(details, mark=False)))


def use_lines(details: Mapping[str, Any], classes: int) -> tuple[str, ...]:
    """The use of a discrete code in two lines.

    Args:
        details: Lists of M figures: ``codebook_use``, ``classes_used`` and ``variable_information`` in nats.
        classes: K.
    """
    numbers, used, told = (details[name] for name in ("codebook_use", "classes_used", "variable_information"))
    active = sum(nats > INFORMATION for nats in told)
    return (
        f"codebook: {fmean(used):.1f} of {classes} classes a variable are some sentence's, as many as "
        f"{fmean(numbers):.1f} used alike (exp(H) of their shares); means over {len(numbers)}",
        f"variables: {active} of {len(told)} tell more than {INFORMATION:.4f} nats, the most {max(told):z.4f}",
    )


def dimension_lines(details: Mapping[str, Any], most: int = MOST, mark: bool = True) -> tuple[str, ...]:
    """A row a dimension, the most costly first; by the variance of the means where the KL has no parts.

    Args:
        details: Lists of Z figures, None where undefined: ``kl`` in nats, and two variances.
        most: Rows.
        mark: Whether to say which dimensions are active; of a discrete code no dimension is, but variables.
    """
    parts = [details[name] for name in ("kl", "mean_variance", "posterior_variance")]
    leading: list[float] = next((part for part in parts if part is not None), [])
    order = sorted(range(len(leading)), key=lambda i: -leading[i])
    lines = [f"dimensions, {len(leading)} of them: kl in nats, Var_x(E_q[z|x]), E_x[Var_q(z|x)]"]
    if not leading:
        lines = ["dimensions: a KL that has no parts, and no variance over one sentence"]
    for i in order[:most]:
        figures = " ".join("       -" if part is None else f"{part[i]:z8.4f}" for part in parts)
        active = mark and parts[1] is not None and parts[1][i] > THRESHOLD
        lines.append(f"  {i:>4} {figures}{' active' if active else ''}")
    if len(order) > most:
        lines.append(f"  and {len(order) - most} more of less {'kl' if parts[0] else 'variance'}, in metrics.json")
    return tuple(lines)

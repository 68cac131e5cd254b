"""One word on what became of the latent variable in a trial: the rule and its reasons, here and nowhere else.

The words, and why each comes where it does:

- ``diverged``: the run diverged, or a figure is infinite. Nothing else that it says can be trusted.
- none from one sentence: how codes differ between sentences is undefined for one.
- ``worse than uniform``: with z, the decoder needs more nats than a guess that makes every word type equally likely.
  What such a model has in z is an accident, whatever kl and mi say. `rec` decides, not `neg_elbo`: a good decoder
  beside a large kl is a matter of the rate.
- none where there is no kl, as for a language model or an autoencoder.
- ``collapsed``: no rate, or no information whatever the rate. `au` decides only where mi is undefined, for its
  threshold presumes codes of variance 1: codes on a sphere of many dimensions, or narrow posteriors close to each
  other, tell sentences apart with no unit above it.
- ``unused``: the code informs, but the decoder does as well with another sentence's.
- ``saturated``: mi is at its ceiling log N and may be anything larger, so it bounds no share of the rate; hence before
- ``fake-rate``: a rate of which little is information about x.
- ``informative``: none of these.

This module imports nothing heavy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from vaecli.metrics.ceilings import SHARE, at_ceiling, figure

COLLAPSED = 0.1
"""Nats of kl or mi below which z carries nothing."""

FAKE_KL, FAKE_SHARE = 1.0, 0.25
"""A rate of at least this many nats of which less than this share is information about x."""

UNUSED = 0.1
"""Nats that another sentence's code costs the decoder, below which it doesn't look at z."""

FINITE = ("rec", "kl", "neg_elbo", "iw_nll", "mi")
"""Figures of which none is infinite in a run that went well; a perplexity may overflow."""

DECIDING = (
    *("status", *FINITE, "au", "z_gain_shuffled", "mi_ceiling"),
    *("sentences", "tokens", "vocabulary", "parameters"),
)
"""Columns that `verdict` looks at."""

NO_VERDICT = "-"
"""Shown where there is none; files leave it empty."""

RULE = (
    "verdict: the first that holds of diverged = status diverged or an infinite figure; "
    f"{NO_VERDICT} = one sentence; worse than uniform = rec > tokens / sentences * log(vocabulary); "
    f"{NO_VERDICT} = no kl; collapsed = kl < {COLLAPSED} or mi < {COLLAPSED}, or au = 0 where mi is undefined; "
    f"{NO_VERDICT} = no mi; unused = z_gain_shuffled < {UNUSED} where measured; saturated = mi > {SHARE} mi_ceiling; "
    f"fake-rate = kl >= {FAKE_KL:g} and mi < {FAKE_SHARE} kl; informative = none of these"
)


def verdict(row: Mapping[str, Any]) -> str:
    """What became of z in a trial, one of the words of `RULE`.

    Args:
        row: Status and figures by column, in nats per sentence; undefined ones missing, None, NaN or empty.

    Returns:
        ``-`` where the figures that would decide are undefined.
    """
    if row.get("status") == "diverged" or any(math.isinf(figure(row, name) or 0.0) for name in FINITE):
        return "diverged"
    kl, mi = figure(row, "kl"), figure(row, "mi")
    if one_sentence(row):
        return NO_VERDICT
    if worse_than_uniform(row):
        return "worse than uniform"
    if kl is None:
        return NO_VERDICT
    if kl < COLLAPSED or (mi < COLLAPSED if mi is not None else figure(row, "au") == 0):
        return "collapsed"
    return NO_VERDICT if mi is None else _informed(row, kl, mi)


def _informed(row: Mapping[str, Any], kl: float, mi: float) -> str:
    """What becomes of information that is there."""
    gain = figure(row, "z_gain_shuffled")
    if gain is not None and gain < UNUSED:
        return "unused"
    if at_ceiling(row, "mi"):
        return "saturated"
    return "fake-rate" if kl >= FAKE_KL and mi < FAKE_SHARE * kl else "informative"


def one_sentence(row: Mapping[str, Any]) -> bool:
    """Whether the figures are of a single sentence; a ceiling of log 1 says so too."""
    sentences, ceiling = figure(row, "sentences"), figure(row, "mi_ceiling")
    return sentences == 1 or (sentences is None and ceiling == 0)


def uniform_nats(row: Mapping[str, Any]) -> float | None:
    """Nats per sentence of a guess that gives each of the V word types 1 / V; None where the figures don't tell.

    A table without `vocabulary` has the model's number of parameters for V, which is larger, since every type has its
    own: what is worse than that guess is worse than the uniform one as well.
    """
    sentences, tokens = figure(row, "sentences"), figure(row, "tokens")
    types = figure(row, "vocabulary") or figure(row, "parameters")
    return tokens / sentences * math.log(types) if sentences and tokens and types and types > 1 else None


def worse_than_uniform(row: Mapping[str, Any]) -> bool:
    """Whether the decoder, with z, needs more nats than `uniform_nats`."""
    rec, guess = figure(row, "rec"), uniform_nats(row)
    return rec is not None and guess is not None and rec > guess

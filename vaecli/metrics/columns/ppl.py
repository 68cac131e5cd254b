"""Perplexity per predicted token."""

from __future__ import annotations

import math


def perplexity(nats: float, tokens: float) -> float:
    """``exp(nats / tokens)``: one ratio over the whole split, not a mean of sentence perplexities.

    Args:
        nats: Sum of -log p(x), or of a bound on it, over sentences.
        tokens: Predicted tokens of these sentences: ``</s>`` counts, ``<s>`` does not.

    Returns:
        The perplexity; ``inf`` where a float can't hold it.
    """
    try:
        return math.exp(nats / tokens)
    except OverflowError:
        return math.inf

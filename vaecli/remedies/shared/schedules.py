"""Pure functions that schedules of the KL weight share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from vaecli.objective import Clock


def logistic(x: float) -> float:
    """``1 / (1 + exp(-x))``, for any x without overflow."""
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    e = math.exp(x)
    return e / (1 + e)


Curve = Literal["linear", "sigmoid", "cosine"]

CURVES: dict[Curve, Callable[[float], float]] = {
    "linear": lambda v: v,
    "sigmoid": lambda v: logistic(12 * v - 6),
    "cosine": lambda v: (1 - math.cos(math.pi * v)) / 2,
}
"""How a weight rises over v in [0, 1] (Fu et al. 2019); the sigmoid goes from 0.0025 to 0.9975."""


def shortened_midpoint(midpoint: float, share: float, clock: Clock) -> float:
    """Step at which an S-shaped schedule is at one half: the published one, but at most a share of the planned steps.

    Published midpoints are in updates of long runs; in a shorter run the weight would still be near 0 at the end. A
    schedule that is shortened by a factor is made steeper by the same factor, so its shape over training stays.

    Args:
        midpoint: As published, in steps.
        share: Largest share of the planned steps, above 0.
        clock: Of the phase.
    """
    return min(midpoint, share * clock.total_steps)

"""KL weight rising several times over, so that later cycles start from an encoder that is informative already.

Equation:
    ``tau = mod(t - 1, ceil(T / M)) / (T / M)``, ``w(t) = f(tau)`` where tau <= R and 1 beyond, for update t = 1 ... T.
    f rises from 0 to 1 over [0, R].

Differs from the paper:
    The learning rate of the published runs restarts with each cycle as well; here it is the same for every method.

References:
    Fu et al. (2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from vaecli.objective import Clock, Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.schedules import CURVES, Curve


def cyclical_weight(t: int, total: int, cycles: int, rise: float, shape: Curve = "linear") -> float:
    """The weight of update t.

    The update within the cycle is an integer, so no rounding adds up over training.

    Args:
        t: From 1 to `total`.
        total: Updates T.
        cycles: Their number M. A cycle of one update is at f(0) for good.
        rise: Share R of a cycle that the weight rises for, above 0.
        shape: The rise f as a function of tau / R, a key of `CURVES`.
    """
    update = (t - 1) % -(-total // cycles)
    if update * cycles > rise * total:
        return 1.0
    return CURVES[shape](update * cycles / (rise * total))


class Cyclical(Remedy):
    """The cyclical annealing schedule."""

    name: ClassVar[str] = "cyclical"
    title: ClassVar[str] = "cyclical KL annealing"
    paper: ClassVar[Paper] = Paper(
        "Fu et al.",
        2019,
        "Cyclical Annealing Schedule: A Simple Approach to Mitigating KL Vanishing",
        "1903.10145",
    )
    equation: ClassVar[str] = "w(t) = f(tau) if tau <= R else 1, tau = mod(t - 1, ceil(T / M)) / (T / M)"
    recipe: ClassVar[Recipe | None] = Recipe(
        source="Fu et al. 2019, arXiv:1903.10145, its code on the Penn Treebank",
        epochs=40,
        optimizer="adam",
        learning_rate=1e-3,
        init_range=0.1,
        left_out=(
            "the learning rate falls along a cosine in each cycle and restarts",
            "the weight of a cycle rises from 0.1 and not from 0",
        ),
        unconfirmed=("clip and batch size",),
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL_WEIGHT})
    deviations: ClassVar[tuple[str, ...]] = (
        "a cycle has ceil(T / M) updates, as in the paper; the code rounds where each begins, the same where M "
        "divides T",
        "the learning rate does not restart with each cycle, since all methods share it (published: it does)",
    )
    rate_only: ClassVar[bool] = True
    sensible: ClassVar[Mapping[str, Sensible]] = {"cycles": Span(2, 10), "rise": Span(0.25, 1.0)}

    cycles: int = Field(4, ge=1, description="cycles M over the planned training")
    rise: float = Field(0.5, gt=0, le=1, description="share R of a cycle in which the weight rises")
    shape: Curve = Field("linear", description="how it rises")

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Sets the KL weight of this step."""
        weight = cyclical_weight(clock.step + 1, clock.total_steps, self.cycles, self.rise, self.shape)
        return replace(terms, kl_weight=weight)

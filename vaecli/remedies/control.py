"""A proportional-integral controller of the KL weight, which holds the KL at a target.

Equation:
    ``w(t) = Kp / (1 + exp(e(t))) - Ki sum_{j <= t} e(j) + w_min`` within [w_min, w_max], ``e(t) = C - KL(t)``, KL(t)
    the mean over batch t. The sum runs up to t, so the weight of an update knows the KL of its own batch, as a number
    without gradient.

Differs from the paper:
    A sum that grew while the weight is at a bound would hold it there long after the error has turned. The paper
    freezes it then, but the test in its code, a weight below 0 and above 1 at once, never holds. Here the sum stops
    where the weight is at the bound, and an error of the other sign moves it at once.

Caveat:
    The gains are per update and not rescaled to the length of a run, since how soon the KL follows its weight is a
    matter of the optimiser. An error of 1 nat moves the weight by Ki = 1e-4 an update, one of 10 nats from 0 to 1 in
    1,000. The KL it reads is the true one, not another remedy's KL term.

References:
    Shao et al. (2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Paper, Part, Remedy, put_aux
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.feedback import RunningMean, batch_kl, steering


@dataclass(frozen=True)
class Gains:
    """The constants of a controller.

    Attributes:
        proportional: Kp.
        integral: Ki per nat and update.
        minimum: w_min.
        maximum: w_max.
    """

    proportional: float
    integral: float
    minimum: float
    maximum: float


def unclipped_weight(error: Tensor, integral: Tensor, gains: Gains) -> Tensor:
    """() ``Kp / (1 + exp(e)) + I + w_min``.

    Args:
        error: () e, target minus KL in nats.
        integral: () I, minus Ki times the sum of the errors.
        gains: The constants.
    """
    return gains.proportional * torch.sigmoid(-error) + integral + gains.minimum


def next_integral(error: Tensor, integral: Tensor, gains: Gains) -> Tensor:
    """() I with an error taken in, no further than where the weight is at a bound."""
    moved = integral - gains.integral * error
    at_minimum = -gains.proportional * torch.sigmoid(-error)
    at_maximum = at_minimum + gains.maximum - gains.minimum
    # beyond a bound already, because Kp's term has changed: stay, don't jump back
    return moved.clamp(torch.minimum(at_minimum, integral), torch.maximum(at_maximum, integral))


class Controller(nn.Module):
    """The state of the controller: the integral term, the smoothed KL and the weight they gave.

    Args:
        target: C in nats.
        gains: The constants.
        smoothing: Of the running mean of the KL.
    """

    integral: Tensor
    weight: Tensor

    def __init__(self, target: float, gains: Gains, smoothing: float) -> None:
        super().__init__()
        self.target, self.gains = target, gains
        self.kl = RunningMean(smoothing)
        self.register_buffer("integral", torch.zeros(()))
        self.register_buffer("weight", torch.tensor(gains.minimum))

    @torch.no_grad()
    def update(self, kl: Tensor) -> None:
        """Takes in the () mean KL of a batch."""
        error = self.target - self.kl.update(kl)
        self.integral.copy_(next_integral(error, self.integral, self.gains))
        weight = unclipped_weight(error, self.integral, self.gains)
        self.weight.copy_(weight.clamp(self.gains.minimum, self.gains.maximum))


class Control(Remedy):
    """ControlVAE."""

    name: ClassVar[str] = "control"
    title: ClassVar[str] = "ControlVAE"
    paper: ClassVar[Paper] = Paper(
        "Shao et al.",
        2020,
        "ControlVAE: Controllable Variational Autoencoder",
        "2004.05967",
        "the PI algorithm",
    )
    equation: ClassVar[str] = "w(t) = Kp / (1 + exp(e(t))) - Ki sum_{j <= t} e(j) + w_min, e(t) = C - KL(t)"
    recipe: ClassVar[Recipe | None] = Recipe(
        source="Shao et al. 2020, arXiv:2004.05967, language modelling on the Penn Treebank",
        batch_size=32,
        left_out=("its decoder is a Transformer, and it trains for 80,000 updates",),
        unconfirmed=("optimiser, learning rate and clip",),
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL_WEIGHT})
    deviations: ClassVar[tuple[str, ...]] = (
        "the integral stops where the weight is at a bound, as the paper says; the code's test, a weight below 0 "
        "and above 1 at once, never holds",
    )
    rate_only: ClassVar[bool] = True
    sensible: ClassVar[Mapping[str, Sensible]] = {"target": Span(1.0, 10.0)}

    target: float = Field(3.0, ge=0, description="C: KL to hold, in nats per sentence; published: 1.5, 2, 3")
    proportional: float = Field(0.01, ge=0, description="Kp, as published; the most that the last KL alone can add")
    integral: float = Field(1e-4, ge=0, description="Ki per nat and update, as published")
    minimum: float = Field(0.0, ge=0, description="least weight")
    maximum: float = Field(1.0, gt=0, description="largest weight")
    smoothing: float = Field(
        0.0, ge=0, lt=1, description="a of the running mean of the KL; 0 as published, the batch's"
    )

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError("minimum must be at most maximum")
        return self

    def build(self, parts: Parts) -> Parts:
        """The controller's state beside the model."""
        gains = Gains(self.proportional, self.integral, self.minimum, self.maximum)
        return replace(parts, aux=put_aux(parts, self.name, Controller(self.target, gains, self.smoothing)))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Takes in the KL of an update's batch, then sets the KL weight."""
        controller = terms.context.aux[self.name]
        assert isinstance(controller, Controller)
        if steering(terms, clock, "kl"):
            controller.update(batch_kl(terms))
        return replace(terms, kl_weight=controller.weight.clone())

"""A KL weight that falls while the KL is below a target and rises while it is above.

Equation:
    After each update ``w <- min(1, c w)`` where ``KL > (1 + slack) t`` and ``w <- w / c`` where ``KL < t``, c = 1.1 and
    slack = 0.05. Unlike free bits it has no kink: below the target the KL is weighed less, not dropped. The weight of
    an update is the one before its batch is seen.

Differs from the paper:
    Two things are added. The KL is a running mean, since the mean of one small batch can miss the band from t to 1.05 t
    by chance alone. And the weight has a floor: a KL of 0 would divide it by c until it is 0 in floating point, which
    no factor undoes.

Caveat:
    From the floor of 0.001 to 1 it takes 73 updates, in runs of any length. The KL it reads is the true one, not
    another remedy's KL term.

References:
    Chen et al. (2017), the soft free bits of the appendix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Paper, Part, Remedy, put_aux
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.feedback import RunningMean, batch_kl, steering


def adapted_weight(weight: Tensor, kl: Tensor, band: tuple[float, float], factor: float, minimum: float) -> Tensor:
    """() the weight after a KL is seen, within [minimum, 1]; unchanged by a KL in the band.

    Args:
        weight: () before.
        kl: () in nats.
        band: The target t and the upper end of what is left alone, (1 + slack) t.
        factor: c, above 1.
        minimum: Least weight.
    """
    raised, lowered = (weight * factor).clamp(max=1.0), (weight / factor).clamp(min=minimum)
    return torch.where(kl > band[1], raised, torch.where(kl < band[0], lowered, weight))


class AdaptiveWeight(nn.Module):
    """The weight and the running mean of the KL.

    Args:
        remedy: Its settings.
    """

    weight: Tensor

    def __init__(self, remedy: SoftFreeBits) -> None:
        super().__init__()
        self.band = (remedy.target, (1 + remedy.slack) * remedy.target)
        self.factor, self.minimum = remedy.factor, remedy.minimum
        self.kl = RunningMean(remedy.smoothing)
        self.register_buffer("weight", torch.tensor(remedy.start))

    @torch.no_grad()
    def update(self, kl: Tensor) -> None:
        """Takes in the () mean KL of a batch."""
        self.weight.copy_(adapted_weight(self.weight, self.kl.update(kl), self.band, self.factor, self.minimum))


class SoftFreeBits(Remedy):
    """Soft free bits."""

    name: ClassVar[str] = "soft_free_bits"
    title: ClassVar[str] = "soft free bits"
    paper: ClassVar[Paper] = Paper(
        "Chen et al.", 2017, "Variational Lossy Autoencoder", "1611.02731", "appendix, soft free bits"
    )
    equation: ClassVar[str] = "w <- min(1, c w) where KL > (1 + slack) t, w <- w / c where KL < t"
    no_recipe: ClassVar[str] = "Chen et al. train on images"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL_WEIGHT})
    deviations: ClassVar[tuple[str, ...]] = (
        "the KL is a running mean, and smoothing 0 the batch's (published: the batch's)",
        "the weight stays above 0.001 (published: no floor)",
    )
    rate_only: ClassVar[bool] = True
    sensible: ClassVar[Mapping[str, Sensible]] = {"target": Span(1.0, 10.0)}

    target: float = Field(4.0, ge=0, description="t: least KL that is not favoured, in nats per sentence")
    slack: float = Field(0.05, ge=0, description="share of the target above it in which the weight stays, as published")
    factor: float = Field(1.1, gt=1, le=10, description="c: what an update multiplies or divides the weight by")
    start: float = Field(0.1, gt=0, le=1, description="weight at the first step")
    minimum: float = Field(1e-3, gt=0, le=1, description="least weight; the published rule has none")
    smoothing: float = Field(
        0.9, ge=0, lt=1, description="a of the running mean of the KL; 0 is the batch's, as published"
    )

    @model_validator(mode="after")
    def _starts_in_range(self) -> Self:
        if self.start < self.minimum:
            raise ValueError("start must be at least minimum")
        return self

    def build(self, parts: Parts) -> Parts:
        """The weight's state beside the model."""
        return replace(parts, aux=put_aux(parts, self.name, AdaptiveWeight(self)))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Sets the KL weight, then takes in the KL of an update's batch."""
        state = terms.context.aux[self.name]
        assert isinstance(state, AdaptiveWeight)
        weighed = replace(terms, kl_weight=state.weight.clone())  # before the update changes it in place
        if steering(terms, clock, "kl"):
            state.update(batch_kl(terms))
        return weighed

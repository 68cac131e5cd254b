"""A constraint on the reconstruction: the KL is minimised subject to a distortion of at most kappa.

Equation:
    ``KL + lambda (rec - kappa)``, ``lambda <- lambda exp(s C)``, C an exponential mean of ``rec - kappa`` (Rezende &
    Viola 2018, algorithm 1). Divided by lambda it is ``rec + w KL`` with ``w = 1 / lambda``, so that the learning rate
    stays what it is for other methods: w falls while the reconstruction is worse than kappa and rises while it is
    better. ``C = 0`` is the fixed point.

Differs from the paper:
    kappa is for images there, a tolerance a pixel. For text a kappa that only a code can reach is what a language model
    reaches, less a margin: unless `kappa` is set, the first epochs train at weight 1 and their last mean of rec stands
    for the language model's.

Caveat:
    A kappa below what the model can reach drives w to its minimum, which trains an autoencoder. In a short run the
    first epochs are far from what a language model ends at; then kappa is reached without any code, and nothing is
    gained: set `kappa` to the nll of a run of `lm` less a margin.

References:
    Rezende & Viola (2018), arXiv:1810.00597.
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
from vaecli.remedies.shared.feedback import RunningMean, steering


class ConstraintMultiplier(nn.Module):
    """The state: the running mean of rec, the constraint's bound, and log w = -log lambda.

    Args:
        smoothing: Of the running mean.
        step: s, log lambda a nat of C and update.
        bounds: Least and largest w.
    """

    kappa: Tensor
    log_weight: Tensor

    def __init__(self, smoothing: float, step: float, bounds: tuple[float, float]) -> None:
        super().__init__()
        self.step = step
        self.low, self.high = (torch.tensor(bound, device="cpu").log().item() for bound in bounds)
        self.rec = RunningMean(smoothing)
        self.register_buffer("kappa", torch.zeros(()))  # until the warm-up; a checkpoint holds no NaN
        self.register_buffer("log_weight", torch.zeros(()))

    @torch.no_grad()
    def warm_up(self, rec: Tensor, margin: float) -> None:
        """Takes in the () mean rec of a batch at weight 1: kappa is its running mean less a margin."""
        self.log_weight.zero_()  # an earlier phase may have left another
        self.kappa.copy_(self.rec.update(rec) - margin)

    @torch.no_grad()
    def update(self, rec: Tensor) -> None:
        """Takes in the () mean rec of a batch: ``log w <- log w - s C``."""
        constraint = self.rec.update(rec) - self.kappa
        self.log_weight.sub_(self.step * constraint).clamp_(self.low, self.high)

    @property
    def weight(self) -> Tensor:
        """() w."""
        return self.log_weight.exp()


class GECO(Remedy):
    """KL under a constraint on the reconstruction."""

    name: ClassVar[str] = "geco"
    title: ClassVar[str] = "GECO"
    paper: ClassVar[Paper] = Paper("Rezende & Viola", 2018, "Taming VAEs", "1810.00597", "algorithm 1")
    equation: ClassVar[str] = "w = 1 / lambda, lambda <- lambda exp(s C), C = <rec> - kappa"
    no_recipe: ClassVar[str] = "Rezende & Viola train on images"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL_WEIGHT})
    version: ClassVar[int] = 2
    deviations: ClassVar[tuple[str, ...]] = (
        "the loss is divided by lambda, so that the learning rate stays that of other methods",
        "kappa is what the first epochs reach at weight 1 less a margin (published: a tolerance a pixel)",
        "w stays within bounds (published: none)",
    )
    sensible: ClassVar[Mapping[str, Sensible]] = {"margin": Span(0.5, 5.0)}

    kappa: float | None = Field(None, gt=0, description="nats per sentence of rec to reach; unset: of the first epochs")
    margin: float = Field(2.0, ge=0, description="nats below the first epochs' rec, where kappa is unset")
    warm_up: float = Field(1.0, ge=0, description="epochs at weight 1 that kappa is taken from, where it is unset")
    step: float = Field(1e-3, gt=0, description="s: log lambda a nat of C and update")
    smoothing: float = Field(0.99, ge=0, lt=1, description="of the running mean of rec, as published")
    minimum: float = Field(0.05, gt=0, le=1, description="least weight")
    maximum: float = Field(1.0, ge=1, description="largest weight")

    @model_validator(mode="after")
    def _has_a_kappa(self) -> Self:
        if self.kappa is None and self.warm_up == 0:
            raise ValueError("kappa is unset and warm_up is 0, so nothing gives a kappa; set one of the two")
        return self

    def idle(self, epochs: int) -> Mapping[str, str]:
        """See `Remedy.idle`."""
        return {} if self.kappa is None else dict.fromkeys(("margin", "warm_up"), "kappa is set")

    def build(self, parts: Parts) -> Parts:
        """The multiplier's state beside the model."""
        multiplier = ConstraintMultiplier(self.smoothing, self.step, (self.minimum, self.maximum))
        if self.kappa is not None:
            multiplier.kappa.fill_(self.kappa)
        return replace(parts, aux=put_aux(parts, self.name, multiplier))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Takes in the rec of an update's batch, then sets the KL weight."""
        multiplier = terms.context.aux[self.name]
        assert isinstance(multiplier, ConstraintMultiplier)
        if steering(terms, clock, "nll", "kl"):
            rec = terms.nll.detach().mean()
            if self.kappa is None and clock.epoch < self.warm_up:
                multiplier.warm_up(rec, self.margin)
            else:
                multiplier.update(rec)
        return replace(terms, kl_weight=multiplier.weight.clone())

"""A minimum desired rate: the -ELBO under a constraint KL >= r, by a Lagrange multiplier that is learned.

Equation:
    ``min over the model, max over u >= 0 of E_q[-log p(x|z)] + <KL> + u (r - <KL>)``, < > the mean over the batch. At
    KL weight 1 the KL has the factor 1 - u: at u = 1 the model is an autoencoder, above it the KL is rewarded. u
    ascends by RMSprop on the gradient r - <KL> of the same backward pass.

Differs from the paper:
    u is projected to u >= 0; the published code takes |u| instead.

Caveat:
    RMSprop divides by the size of the gradient, so u moves by about the learning rate an update however far the KL is
    off: 1 in 1,000 updates, in runs of any length. A KL weight acts on <KL> and not on the constraint. A first stage
    without KL (``ae_pretrain+mdr``) is without the constraint, and u waits.

References:
    Pelsmaeker & Aziz (2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vaecli.corpus.types import Batch
from vaecli.kernels.optimizers import RMSprop
from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy, Session, Step, put_aux
from vaecli.remedies.core.sensible import Sensible, Span


def constraint(kl: Tensor, rate: float, multiplier: Tensor) -> Tensor:
    """() ``u (r - <KL>)``.

    Args:
        kl: (B, Z) KL by dimension; (B, 1) where it doesn't factorise.
        rate: r in nats per sentence.
        multiplier: () u.
    """
    return multiplier * (rate - kl.sum(-1).mean())


class Multiplier(nn.Module):
    """u, which ascends by an optimiser of its own.

    Args:
        start: Its first value.
    """

    own_optimizer: ClassVar[bool] = True

    def __init__(self, start: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(start))

    @torch.no_grad()
    def project(self) -> None:
        """Makes a value below 0 zero."""
        self.value.clamp_(min=0)


class MDR(Remedy):
    """The VAE with a minimum desired rate."""

    name: ClassVar[str] = "mdr"
    title: ClassVar[str] = "minimum desired rate"
    paper: ClassVar[Paper] = Paper(
        "Pelsmaeker & Aziz",
        2020,
        "Effective Estimation of Deep Generative Language Models",
        "1904.08194",
        "minimum desired rate",
    )
    equation: ClassVar[str] = "loss = rec + <KL> + u (r - <KL>), u >= 0 ascending"
    recipe: ClassVar[Recipe | None] = Recipe(
        source="Pelsmaeker & Aziz 2020, arXiv:1904.08194, and its code, on the Penn Treebank",
        optimizer="adam",
        learning_rate=1e-3,
        clip=1.5,
        batch_size=64,
        hyper={"mdr": {"rate": 5.0}},
        left_out=("it stops after 6 validations without a better one, and ties embeddings",),
    )
    version: ClassVar[int] = 2
    owns: ClassVar[frozenset[Part]] = frozenset({Part.TERM, Part.STEP})
    adds_to: ClassVar[frozenset[Part]] = frozenset({Part.STEP})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.MOVABLE_KL, Need.PLAIN_KL, Need.PLAIN_STEP})
    deviations: ClassVar[tuple[str, ...]] = ("a multiplier below 0 becomes 0 (the code takes its absolute value)",)
    rate_only: ClassVar[bool] = True
    sensible: ClassVar[Mapping[str, Sensible]] = {"rate": Span(1.0, 10.0)}

    rate: float = Field(5.0, ge=0, description="r: least KL, in nats per sentence")
    start: float = Field(1.01, ge=0, description="u at the first step, as published; above 1 the KL is rewarded")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="of u's RMSprop: about how far an update moves u")

    def build(self, parts: Parts) -> Parts:
        """The multiplier beside the model."""
        return replace(parts, aux=put_aux(parts, self.name, Multiplier(self.start)))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Adds the constraint."""
        if "kl" in clock.without:
            return terms
        multiplier = terms.context.aux[self.name]
        assert isinstance(multiplier, Multiplier)
        return terms.add(constraint(terms.kl, self.rate, multiplier.value))

    def wrap_step(self, step: Step, session: Session) -> Step:
        """The update, then u's ascent on the gradient it left."""
        multiplier = session.model.aux[self.name]
        assert isinstance(multiplier, Multiplier)
        optimizer = RMSprop(multiplier.parameters(), lr=self.learning_rate, maximize=True)
        session.own_optimizer(self.name, optimizer)

        def update_and_ascend(batch: Batch) -> Terms:
            terms = step(batch)
            optimizer.step()
            multiplier.project()
            return terms

        return update_and_ascend

"""Timestep-wise regularisation: a posterior after each word, their KLs averaged, z from the last.

Equation:
    ``loss = E_q[-log p(x|z_T)] + (1/T) sum_t KL(q(z_t|x_<=t) || N(0, I))``, T the steps of the encoder from ``<s>`` to
    ``</s>``. The same head reads each state, and the prior is at work while the sentence is read and not at its end
    alone. With a portion below 1 the average is over the last steps only, as in the paper's ablation (last 75, 50 and
    25 %); with one step this is the VAE.

Differs from the paper:
    The published figures decode from the mean, report the average and count padded steps.

Caveat:
    The trained term is smaller than the KL of z where the posteriors of the first words are near the prior, so the loss
    is no bound; what is reported is the bound with the KL of z. `hr` is the earlier form.

References:
    Li et al. (2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.timestep import NEEDS, TimestepHead, with_step_kl


class TWR(Remedy):
    """TWR-VAE."""

    name: ClassVar[str] = "twr"
    title: ClassVar[str] = "TWR-VAE"
    paper: ClassVar[Paper] = Paper(
        "Li et al.",
        2020,
        "Improving Variational Autoencoder for Text Modelling with Timestep-Wise Regularisation",
        "2011.01136",
    )
    equation: ClassVar[str] = "loss = rec(z_T) + (1/T) sum_t KL(q(z_t|x_<=t) || N(0, I))"
    recipe: ClassVar[Recipe | None] = Recipe(
        source="Li et al. 2020, arXiv:2011.01136, its code",
        optimizer="adam",
        learning_rate=1e-4,
        batch_size=64,
        unconfirmed=("clip and length of training",),
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.POSTERIOR, Part.KL})
    needs: ClassVar[frozenset[Need]] = NEEDS
    deviations: ClassVar[tuple[str, ...]] = (
        "what is reported is the bound with a sample of z and its KL; the code decodes from the mean, reports the "
        "average KL and counts padded steps",
    )
    cost: ClassVar[float] = 1.1
    sensible: ClassVar[Mapping[str, Sensible]] = {"portion": Span(0.2, 1.0)}

    portion: float = Field(1.0, gt=0, le=1, description="share of the steps that are averaged over, the last ones")

    def build(self, parts: Parts) -> Parts:
        """The head at every step."""
        assert parts.head is not None
        return replace(parts, head=TimestepHead(parts.head, self.portion))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Replaces the KL by the average over the steps."""
        return with_step_kl(terms, self.name)

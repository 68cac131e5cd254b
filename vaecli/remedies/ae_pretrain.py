"""An encoder that is trained as an autoencoder first; then the decoder starts anew and the VAE is trained.

Equation:
    Stage 1: ``loss = E_q[-log p(x|z)]``, the KL at weight 0. Stage 2: the decoder is initialised again from a fresh
    seed, the encoder stays bit for bit, and the objective is the method's own. Without the new decoder the shortcut of
    stage 1 would remain.

Differs from the paper:
    The paper trains stage 1 until it converges, so the whole costs about two trainings. Here both stages share the
    planned epochs, so that methods of one experiment cost about the same; twice the epochs at the default share give
    the published budget. Each stage has a clock, an optimiser, a learning rate and decays of its own, and stage 1
    decays and stops by the validation rec, since its neg_elbo grows with the KL that it leaves free.

Caveat:
    Added terms of other remedies are on in both stages, but for the KL in them (`consistency`, `flow_prior`, `mdr`,
    `mi_constraint`). What steers by the KL or by rec (`anticollapse`, `control`, `geco`, `info_price`,
    `soft_free_bits`) begins with stage 2, and so do the aggressive updates of `lagging`. The steps of `semi_amortized`
    follow the whole bound in both.

References:
    Li et al. (2019), who train stage 2 with free bits and a KL weight that rises over 10 epochs:
    ``ae_pretrain+free_bits+linear_anneal``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from vaecli.model.vae import VAE, initialise
from vaecli.objective import Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Phase, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.recipes import LI, WARM_UP


def without_kl(terms: Terms) -> Terms:
    """The terms at KL weight 0."""
    return replace(terms, kl_weight=0.0)


def reset_decoder(model: VAE, seed: int) -> None:
    """Initialises the decoder again, each of its modules from a stream of its own, and touches nothing else."""
    initialise(model.decoder, model.shape.model, seed)


class AEPretrain(Remedy):
    """Autoencoder pretraining of the encoder."""

    name: ClassVar[str] = "ae_pretrain"
    title: ClassVar[str] = "autoencoder pretraining"
    paper: ClassVar[Paper] = Paper(
        "Li et al.",
        2019,
        "A Surprisingly Effective Fix for Deep Latent Variable Modeling of Text",
        "1909.00868",
    )
    equation: ClassVar[str] = "stage 1: loss = rec; stage 2: decoder initialised anew, loss = rec + w(t) K"
    recipe: ClassVar[Recipe | None] = replace(
        LI,
        companions=("free_bits", "linear_anneal"),
        hyper={"free_bits": {"mode": "dimension", "target": 8.0}, **WARM_UP},
        left_out=(*LI.left_out, "each stage ends after its fifth decay; here each takes its share of the epochs"),
        unconfirmed=("8 nats are of Z = 32 (the paper sweeps 2 to 9)",),
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.PHASES})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.LATENT})
    deviations: ClassVar[tuple[str, ...]] = (
        "both stages share the planned epochs, so that it costs what other methods do (published: stage 1 until it "
        "converges)",
        "alone it is a part of the paper's method, which is ae_pretrain+free_bits+linear_anneal",
    )
    sensible: ClassVar[Mapping[str, Sensible]] = {"share": Span(0.1, 0.7)}

    share: float = Field(0.5, gt=0, lt=1, description="share of the planned epochs that stage 1 takes")

    def phases(self) -> tuple[Phase, ...]:
        """The autoencoder, then the VAE."""
        return (
            Phase("autoencoder", self.share, objective=without_kl, figure="rec", without=frozenset({"kl"})),
            Phase("vae", 1 - self.share, start=reset_decoder),
        )

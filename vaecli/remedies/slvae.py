"""Self-labelling: z is drawn towards a label that a network of its own predicts from the sentence.

Equation:
    ``loss = E_q[-log p(x|z)] + KL + lambda E_q ||z - g(x)||^2``

Differs from the paper:
    The paper is conditional and trains g in turns; here g is a linear map of the encoder's features, trained with the
    rest.

Caveat:
    A KL above 0 proves little here: with a decoder that ignores z, the optimum is mean = g = 0 and variance 1 / (1 + 2
    lambda), a KL of 6.9 nats at lambda = 1 and Z = 32 without any information.

References:
    Zhang et al. (2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vaecli.model.posterior import DiagonalGaussian, Posterior
from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.game import CELLS, Cells, Game, GameMeasures
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy, put_aux
from vaecli.remedies.core.sensible import Sensible, Span


def label_distance(posterior: Posterior, z: Tensor, label: Tensor) -> Tensor:
    """(B,) ``E_q ||z - g(x)||^2``: ``||mean - g||^2 + sum_i sigma_i^2`` for a Gaussian, else at the sample.

    Args:
        posterior: q(z|x) of B sentences.
        z: (B, Z) a sample of it.
        label: (B, Z) g(x).
    """
    if isinstance(posterior, DiagonalGaussian):
        return ((posterior.mean - label).square() + posterior.logvar.exp()).sum(-1)
    return (z - label).square().sum(-1)


def label_cells(plain: Cells, measures: GameMeasures, labels: Tensor, weight: float) -> Cells:
    """The cells of the collapse game with ``-lambda E||z - g(x)||^2``, z being what it is in the cell.

    With q(z|x) = p(z), z is drawn from the prior in both rows. With another q it comes from q(z|x) where it depends on
    x, and from the aggregate q(z) where it doesn't.

    Args:
        plain: Of the ELBO.
        measures: Of N sentences.
        labels: (N, Z) g(x).
        weight: lambda.
    """
    posterior = measures.posterior
    center, spread = measures.z, torch.zeros_like(measures.z)
    if isinstance(posterior, DiagonalGaussian):
        center, spread = posterior.mean, posterior.logvar.exp()
    own = ((center - labels).square() + spread).sum(1)
    second = (center.square() + spread).mean(0)
    aggregate = (second - 2 * center.mean(0) * labels + labels.square()).sum(1)
    prior = (measures.prior_codes - labels).square().sum(-1).mean(0)
    distances = (prior, aggregate, prior, own)
    return {cell: plain[cell] - weight * d for cell, d in zip(CELLS, distances, strict=True)}


class SLVAE(Remedy):
    """Self-labelling VAE."""

    name: ClassVar[str] = "slvae"
    title: ClassVar[str] = "self-labelling VAE"
    paper: ClassVar[Paper] = Paper(
        "Zhang et al.",
        2019,
        "Improve Diverse Text Generation by Self Labeling Conditional Variational Auto Encoder",
        "1903.10842",
    )
    equation: ClassVar[str] = "loss = rec + KL + lambda E_q ||z - g(x)||^2"
    no_recipe: ClassVar[str] = "Zhang et al. train a dialogue model, whose training was not obtained"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.TERM})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.ENCODER})
    deviations: ClassVar[tuple[str, ...]] = (
        "g is a linear map of the encoder's features, trained with the rest (published: a network of its own, in "
        "turns)",
        "the model is unconditional (published: dialogue)",
    )
    sensible: ClassVar[Mapping[str, Sensible]] = {"weight": Span(0.1, 10.0, log=True)}

    weight: float = Field(1.0, ge=0, description="lambda: factor on the squared distance to the label")

    def build(self, parts: Parts) -> Parts:
        """The labelling network g beside the head."""
        assert parts.encoder is not None
        labeller = nn.Linear(parts.encoder.feature_size, parts.shape.model.latent_size)
        return replace(parts, aux=put_aux(parts, self.name, labeller))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Adds the distance to the label."""
        context = terms.context
        assert context.encoding is not None
        assert context.posterior is not None
        label: Tensor = context.aux[self.name](context.encoding.features)
        return terms.add(self.weight * label_distance(context.posterior, terms.z, label))

    def payoffs(self, game: Game, measures: GameMeasures) -> Game:
        """Every cell pays for the distance of its z to the label."""
        cells = label_cells(game.cells, measures, measures.map_features(measures.aux[self.name]), self.weight)
        return replace(game, cells=cells, notes=(*game.notes, f"every cell holds -{self.weight:g} E||z - g(x)||^2"))

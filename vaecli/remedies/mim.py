"""Mutual information machine: encoder and decoder as two factorisations of one joint distribution.

Equation:
    ``loss = E_q[-log p(x|z) - (log q(z|x) + log p(z)) / 2]``, the asymmetric loss: the mean of the negative logarithms
    of ``p(x|z) p(z)`` and ``p(x|z) q(z|x)`` under the encoder's samples. Where the KL of the VAE rewards a wide q(z|x),
    this rewards a narrow one and keeps the pull of log p(z), so information rises without any hyper-parameter.

Differs from the paper:
    The reported figures are the model's bounds with the KL to the prior, large for a posterior so narrow, and not the
    paper's, which take z from all sentences' posteriors (log N nats more for N sentences).

Caveat:
    In closed form the terms of z are ``sum_i (logvar_i + mean_i^2 + var_i + 1 + 2 log 2 pi) / 4``, whose derivative by
    logvar is positive everywhere: the loss has no minimum, and logvar runs to a floor at -10, as in the published code.
    The floor belongs to the posterior, in evaluation too, and is put under whatever Gaussian another remedy gives. What
    stands instead of the KL is no divergence.

References:
    Livne et al. (2020).
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from vaecli.model.encoder import Encoding
from vaecli.model.posterior import DiagonalGaussian, Posterior, PosteriorHead
from vaecli.model.prior import Prior
from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy


def joint_code_length(posterior: Posterior, prior: Prior, z: Tensor) -> Tensor:
    """(B,) ``-(log q(z|x) + log p(z)) / 2`` at one sample of each sentence, in nats; it may be negative.

    Args:
        posterior: q(z|x) of B sentences.
        prior: p(z).
        z: (B, Z) a sample of each.
    """
    return -0.5 * (posterior.log_prob(z.unsqueeze(0)).squeeze(0) + prior.log_prob(z))


class FloorHead(PosteriorHead):
    """A head whose log variances have a floor, below which they have no gradient; other posteriors pass.

    Args:
        wrapped: The head without a floor.
        floor: Least log variance.
    """

    def __init__(self, wrapped: PosteriorHead, floor: float) -> None:
        super().__init__()
        self.wrapped, self.floor = wrapped, floor

    def forward(self, encoding: Encoding) -> Posterior:
        """q(z|x) of the batch."""
        posterior: Posterior = self.wrapped(encoding)
        if not isinstance(posterior, DiagonalGaussian):
            return posterior
        return replace(posterior, logvar=posterior.logvar.clamp_min(self.floor))


class MIM(Remedy):
    """Asymmetric MIM for sentences."""

    name: ClassVar[str] = "mim"
    title: ClassVar[str] = "sentenceMIM"
    paper: ClassVar[Paper] = Paper(
        "Livne et al.",
        2020,
        "SentenceMIM: A Latent Variable Language Model",
        "2003.02645",
        "the asymmetric loss",
    )
    equation: ClassVar[str] = "loss = E_q[-log p(x|z) - (log q(z|x) + log p(z)) / 2]"
    recipe: ClassVar[Recipe | None] = Recipe(
        source="Livne et al. 2020, arXiv:2003.02645, its code on the Penn Treebank",
        epochs=200,
        optimizer="adam",
        learning_rate=1e-3,
        clip=0.25,
        batch_size=20,
        decay=0.25,
        patience=2,
        left_out=("the encoder reads a sentence backwards, and both are GRUs",),
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.POSTERIOR, Part.KL, Part.KL_WEIGHT})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.DENSITY})
    adds_to: ClassVar[frozenset[Part]] = frozenset({Part.POSTERIOR})
    deviations: ClassVar[tuple[str, ...]] = (
        "the loss leaves out the code's log(B) / B, a constant",
        "what is reported is the bound with the KL to the prior; the paper draws z from the posteriors of all "
        "sentences",
    )

    floor: float = Field(-10.0, ge=-30, le=0, description="least log variance of the posterior")

    def build(self, parts: Parts) -> Parts:
        """The floor under the head's log variances."""
        assert parts.head is not None
        return replace(parts, head=FloorHead(parts.head, self.floor))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Replaces the KL, at weight 1."""
        context = terms.context
        assert context.posterior is not None
        length = joint_code_length(context.posterior, context.prior, terms.z)
        return replace(terms, kl=length.unsqueeze(-1), kl_weight=1.0)

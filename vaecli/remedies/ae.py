"""The deterministic autoencoder: z is the posterior mean and nothing pulls it to the prior.

Equation:
    ``loss = -log p(x | z = mean(x))``, with the VAE's encoder and decoder.

Caveat:
    There is no variance at all, unlike in `beta` at 0, which still samples.

References:
    Dai & Le (2015), the sequence autoencoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from torch import nn

from vaecli.model.encoder import Encoding
from vaecli.model.posterior import PointMass, PosteriorHead
from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.shared.recipes import LI

NO_DENSITY = "a deterministic code has no density, so no KL to the prior"
NO_BOUND = "a deterministic code has no density, so no bound on log p(x)"


class PointHead(PosteriorHead):
    """Linear map without bias from the encoder's features to the code; `GaussianHead` without its logvar.

    Args:
        feature_size: Encoder features F.
        latent_size: Dimensions Z.
    """

    def __init__(self, feature_size: int, latent_size: int) -> None:
        super().__init__()
        self.mean = nn.Linear(feature_size, latent_size, bias=False)

    def forward(self, encoding: Encoding) -> PointMass:
        """The codes of the batch."""
        return PointMass(self.mean(encoding.features))


class AE(Remedy):
    """The deterministic autoencoder."""

    name: ClassVar[str] = "ae"
    title: ClassVar[str] = "autoencoder"
    paper: ClassVar[Paper] = Paper("Dai & Le", 2015, "Semi-supervised Sequence Learning", "1511.01432")
    equation: ClassVar[str] = "loss = -log p(x | z = mean(x))"
    recipe: ClassVar[Recipe | None] = replace(
        LI, source="Li et al. 2019, arXiv:1909.00868, the first stage of its code; Dai & Le have no text VAE's training"
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.POSTERIOR, Part.KL_WEIGHT})
    takes: ClassVar[frozenset[Need]] = frozenset({Need.DENSITY, Need.GAUSSIAN, Need.MOVABLE_KL})
    deviations: ClassVar[tuple[str, ...]] = (
        "z lies between encoder and decoder, as in the VAE; the paper's decoder starts from the encoder's whole state",
    )
    undefined: ClassVar[Mapping[str, str]] = {
        "kl": NO_DENSITY,
        "marginal_kl": NO_DENSITY,
        **dict.fromkeys(("neg_elbo", "iw_nll", "iw_samples", "ppl_elbo", "ppl_iw", "ppl_word"), NO_BOUND),
    }

    def build(self, parts: Parts) -> Parts:
        """A head that gives the code alone."""
        assert parts.encoder is not None
        head = PointHead(parts.encoder.feature_size, parts.shape.model.latent_size)
        return replace(parts, head=head)

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Sets the KL weight to 0; the KL of a point mass is not there to weigh."""
        return replace(terms, kl_weight=0.0)

"""A decoder whose map from z to the logits is injective, with a floor under how far it moves them.

Equation:
    ``logits_t = f_2(B f_1([h_t; z]))``: f(x) = grad phi(x) + L x with phi an input-convex network, B of full rank, and
    an LSTM that never sees z itself. L bounds the inverse Lipschitz constant: ``<f(x) - f(y), x - y> >= L |x - y|^2``,
    so logits of two codes differ by at least ``L^2 s |z - z'|``, s the smallest singular value of B. L = 0 is the
    decoder of Wang et al. Where the likelihood doesn't depend on z, the posterior is the prior; a latent-identifiable
    decoder can't be like that.

Differs from the paper:
    Published: two layers of 1,024 units each on inputs of 1,056, L on f_1 alone; here the units follow the sizes of the
    model, and L is on both maps, so that its floor reaches the logits. The published code differentiates phi by a
    backward pass inside the forward pass, and so trains through two; here the gradient of phi is written out.

Caveat:
    What a softmax can't see is a shift of all logits alike. What is left to pay is an output layer about 3 (1 + Z / H)
    times as wide, its product with B, and the singular values of B, whose cost grows with V (H + Z)^2.

References:
    Wang et al. (2021); Kinoshita et al. (2023).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from vaecli.core.errors import UsageError
from vaecli.model.injective import InjectiveDecoder
from vaecli.model.vae import Parts
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span


class Lipschitz(Remedy):
    """Inverse-Lipschitz, latent-identifiable VAE."""

    name: ClassVar[str] = "lipschitz"
    title: ClassVar[str] = "inverse-Lipschitz decoder"
    paper: ClassVar[Paper] = Paper(
        "Kinoshita et al.",
        2023,
        "Controlling Posterior Collapse by an Inverse Lipschitz Constraint on the Decoder Network",
        "2304.12770",
        "the gradient of an input-convex network plus L z, in the text decoder of Wang et al. (2021), arXiv:2301.00537",
    )
    equation: ClassVar[str] = "logits_t = f_2(B f_1([h_t; z])), f(x) = grad phi(x) + L x, phi convex"
    no_recipe: ClassVar[str] = "its code names learning rates from 0.01 to 0.1 and a weight decay, and no one training"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.DECODER})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.LATENT_SIZE})
    deviations: ClassVar[tuple[str, ...]] = (
        "hidden units follow the model's sizes (published: 1,024)",
        "the bound L is on both maps, so that its floor reaches the logits (published: on the first)",
    )
    cost: ClassVar[float] = 2.5
    sensible: ClassVar[Mapping[str, Sensible]] = {"strength": Span(0.05, 5.0, log=True)}

    strength: float = Field(
        1.0, ge=0, le=100, description="L: floor of the inverse Lipschitz constant of each map; 0 is LIDVAE"
    )
    width: float = Field(
        1.0, gt=0, le=16, description="hidden units of each convex network, as a multiple of decoder_size + latent_size"
    )

    def build(self, parts: Parts) -> Parts:
        """The injective decoder.

        Raises:
            UsageError: There are fewer word types than dimensions to tell apart.
        """
        m, words = parts.shape.model, parts.shape.vocabulary_size
        size = m.decoder_size + m.latent_size
        if words < size:
            raise UsageError(
                f"'lipschitz': {words} word types can't tell {size} dimensions apart; "
                f"lower model.decoder_size + model.latent_size to {words} or less"
            )
        decoder = InjectiveDecoder(
            words,
            m.embedding_size,
            m.decoder_size,
            m.latent_size,
            max(1, round(self.width * size)),
            self.strength,
            m.embedding_dropout,
            m.output_dropout,
        )
        return replace(parts, decoder=decoder)

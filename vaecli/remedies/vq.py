"""Codes from a learned codebook, whose rate is a constant that training can't lower.

Equation:
    ``z = e_k, k = argmin_j ||h - e_j||``, h the encoder's vector, in each of M positions; ``loss = rec + b ||h -
    sg(e_k)||^2`` with the gradient of z passed on to h, and the entries running means of the vectors that they get. The
    KL to the uniform prior is ``M ln K`` for every sentence.

Differs from the paper:
    A sentence has M codes, where an image has one a pixel of its encoding; no prior over the codes is learned
    afterwards, so the rate stays M ln K.

Caveat:
    The KL has no gradient and proves nothing: `mi`, the entropy of the codes up to its ceiling, says how much of it is
    used, and `au` counts positions. Entries that get no vectors don't come nearer to any, so a codebook can be used in
    part or by one entry alone: they stay until their running count is down to its smoothing, and then shrink to zero,
    by half some 1,150 updates after their last vector at the decay of 0.99. The squared distance is in the units of h,
    no nats.

References:
    van den Oord et al. (2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vaecli.core.errors import UsageError
from vaecli.model.codebook import Codebook, QuantisedCode
from vaecli.model.encoder import Encoding
from vaecli.model.posterior import PosteriorHead
from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.parts import unmet
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.feedback import adapting


class CodebookHead(PosteriorHead):
    """Linear map without bias from the encoder's features to vectors, each replaced by its nearest entry.

    Args:
        feature_size: Encoder features F.
        codebook: Of the prior, which owns it.
    """

    def __init__(self, feature_size: int, codebook: Codebook) -> None:
        super().__init__()
        self.mean = nn.Linear(feature_size, codebook.latent_size, bias=False)
        self._codebook = (codebook,)  # not a module of its own: a checkpoint has it once

    def forward(self, encoding: Encoding) -> QuantisedCode:
        """The codes of the batch, in float32 or wider."""
        (codebook,) = self._codebook
        free = self.mean(encoding.features)
        h = free.to(torch.promote_types(free.dtype, torch.float32))
        entry = codebook.entry(codebook.nearest(h)).to(h.dtype)
        return QuantisedCode(entry + (h - h.detach()), h)


def commitment(code: QuantisedCode) -> Tensor:
    """(B,) ``||h - sg(e)||^2``."""
    return (code.unquantised - code.mean.detach()).square().sum(-1)


class VQ(Remedy):
    """VQ-VAE."""

    name: ClassVar[str] = "vq"
    title: ClassVar[str] = "VQ-VAE, a codebook"
    paper: ClassVar[Paper] = Paper(
        "van den Oord et al.", 2017, "Neural Discrete Representation Learning", "1711.00937", "with running means"
    )
    equation: ClassVar[str] = "z = e_k, k = argmin_j ||h - e_j||; loss = rec + b ||h - sg(e_k)||^2; KL = M ln K"
    no_recipe: ClassVar[str] = "van den Oord et al. train on images and sound"
    version: ClassVar[int] = 3
    owns: ClassVar[frozenset[Part]] = frozenset({Part.POSTERIOR, Part.PRIOR, Part.TERM})
    takes: ClassVar[frozenset[Need]] = frozenset({Need.GAUSSIAN, Need.MOVABLE_KL, Need.MOVABLE_DENSITY})
    deviations: ClassVar[tuple[str, ...]] = (
        "a sentence has M codes, 1 by default (published: one a pixel of the encoding)",
        "the prior over codes stays uniform (published: an autoregressive one is learned afterwards)",
    )
    cost: ClassVar[float] = 1.2
    sensible: ClassVar[Mapping[str, Sensible]] = {"positions": Span(1, 8), "entries": Span(32, 1024, log=True)}

    positions: int = Field(1, ge=1, le=1000, description="M: codes of a sentence; divides model.latent_size")
    entries: int = Field(512, ge=2, le=100_000, description="K: entries of the codebook, as published")
    commitment: float = Field(0.25, ge=0, description="b: factor on the distance to the entry, as published")
    decay: float = Field(0.99, ge=0, lt=1, description="of the running means that the entries are, as published")

    def build(self, parts: Parts) -> Parts:
        """The codebook as prior, and a head that reads it.

        Raises:
            UsageError: `positions` doesn't divide `model.latent_size`.
        """
        assert parts.encoder is not None
        size = parts.shape.model.latent_size
        if size % self.positions:
            raise UsageError(f"vq.positions: {self.positions} doesn't divide model.latent_size, which is {size}")
        codebook = Codebook(size, self.positions, self.entries, self.decay)
        return replace(parts, head=CodebookHead(parts.encoder.feature_size, codebook), prior=codebook)

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Adds the commitment; in an update the entries move.

        Raises:
            UsageError: The posterior is not that of the head.
        """
        code, codebook = terms.context.posterior, terms.context.prior
        if not isinstance(code, QuantisedCode) or not isinstance(codebook, Codebook):
            raise unmet(self.name, "the posterior as its head gives it", type(code).__name__)
        value = self.commitment * commitment(code)
        if adapting(terms):
            codebook.learn(code.unquantised, codebook.nearest(code.unquantised))
        return terms.add(value)

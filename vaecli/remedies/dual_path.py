"""Until a stopping point, a second pass of the decoder, with randomly hidden input words, joins the plain one.

Equation:
    Until a share s of the planned updates is done, ``loss = rec_A + rec_B + 2 sum_d b_d KL_d``: path A reads the words,
    in path B each word is ``<unk>`` with probability r, each path has a bound of its own at one z, and b_d is 0 with
    probability p, else 1, drawn for every update. From then on ``loss = rec_A + KL``. At r = p = 0 the first part is
    twice the loss of the vanilla VAE.

Differs from the paper:
    r, p and s were not confirmed. Dimensions are dropped until the stopping point, in the paper while the KL weight
    rises; compose with a schedule for that weight.

Caveat:
    A KL that doesn't factorise isn't dropped. Unlike `word_dropout`, the decoder never learns on hidden words alone. A
    first stage that doesn't train the decoder (``dual_path+uni_pretrain``) has neither path B nor its KL.

References:
    Song et al. (2025).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.word_dropout import drop_words


def kept_dimensions(kl: Tensor, rate: float, latent_size: int) -> Tensor:
    """(Z,) 0 with probability `rate`, else 1; ones where the (B, 1) KL doesn't factorise or nothing is dropped.

    Args:
        kl: (B, Z) by dimension; (B, 1) where it doesn't factorise.
        rate: p.
        latent_size: Z, which tells the KL of one dimension from one that doesn't factorise.
    """
    if (kl.shape[1] == 1 and latent_size > 1) or rate == 0:
        return kl.new_ones(kl.shape[1])
    return (torch.rand(kl.shape[1], device=kl.device) >= rate).to(kl.dtype)


class DualPath(Remedy):
    """DVAE, the VAE with a dual-path decoder."""

    name: ClassVar[str] = "dual_path"
    title: ClassVar[str] = "dual-path decoder"
    paper: ClassVar[Paper] = Paper(
        "Song et al.", 2025, "Preventing Posterior Collapse with DVAE for Text Modeling (Entropy 27(4):423)"
    )
    equation: ClassVar[str] = "loss = rec_A + rec_B + 2 sum_d b_d KL_d until the stopping point, then rec_A + KL"
    no_recipe: ClassVar[str] = "the training of Song was not obtained"
    version: ClassVar[int] = 3
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL, Part.TERM})
    deviations: ClassVar[tuple[str, ...]] = (
        "r, p and the stopping point were not confirmed from the paper",
        "dimensions of the KL are dropped until the stopping point (published: while its weight rises)",
    )
    cost: ClassVar[float] = 1.6
    sensible: ClassVar[Mapping[str, Sensible]] = {
        "rate": Span(0.2, 0.9),
        "kl_dropout": Span(0.0, 0.5),
        "stop": Span(0.3, 0.9),
    }

    rate: float = Field(0.5, ge=0, le=1, description="r: probability that a word of path B is hidden")
    kl_dropout: float = Field(0.2, ge=0, lt=1, description="p: probability that a dimension's KL is left out")
    stop: float = Field(0.5, ge=0, le=1, description="s: share of the planned updates with both paths")

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Adds path B and drops dimensions of the KL, until the stopping point."""
        if clock.step >= self.stop * clock.total_steps:
            return terms
        context = terms.context
        model, inputs = context.model, context.batch.inputs
        assert model is not None
        paths = 1 if "nll" in clock.without else 2
        if paths == 2:
            hidden = drop_words(model.input_noise(inputs), torch.rand(inputs.shape, device=inputs.device) < self.rate)
            terms = terms.add(model.decoder.token_nll(terms.z, hidden, context.batch).sum(1))
        kl = paths * kept_dimensions(terms.kl, self.kl_dropout, terms.z.shape[1]) * terms.kl
        return replace(terms, kl=kl)

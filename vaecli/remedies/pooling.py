"""The encoder's features pooled from all its states: the state after ``</s>`` alone remembers little of the start.

Equation:
    ``h = max_t h_t``, elementwise, or ``h = mean_t h_t``, over the states from ``<s>`` to ``</s>``. Mean and logvar
    come from h as ever.

References:
    Long et al. (2019).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from vaecli.corpus.types import Batch
from vaecli.model.encoder import Encoder, Encoding
from vaecli.model.vae import Parts
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible

Kind = Literal["max", "mean"]


def pooled(states: Tensor, mask: Tensor, kind: Kind) -> Tensor:
    """(B, F) one vector a sentence from the states that count.

    Args:
        states: (B, T + 1, F).
        mask: (B, T + 1) True where a state counts; each sentence has one at least.
        kind: Maximum of each feature, or mean.
    """
    left_out = ~mask.unsqueeze(-1)
    if kind == "max":
        return states.masked_fill(left_out, -math.inf).amax(1)
    return states.masked_fill(left_out, 0).sum(1) / mask.sum(1, keepdim=True)


class PoolingEncoder(Encoder):
    """An encoder whose features are pooled from its states.

    Args:
        wrapped: Gives the states.
        kind: See `pooled`.
    """

    def __init__(self, wrapped: Encoder, kind: Kind) -> None:
        super().__init__()
        self.wrapped, self.kind, self.feature_size = wrapped, kind, wrapped.feature_size

    def forward(self, batch: Batch) -> Encoding:
        """The wrapped encoding with other features."""
        encoding: Encoding = self.wrapped(batch)
        return replace(encoding, features=pooled(encoding.states, encoding.mask, self.kind))


class Pooling(Remedy):
    """Pooled encoder states."""

    name: ClassVar[str] = "pooling"
    title: ClassVar[str] = "encoder pooling"
    paper: ClassVar[Paper] = Paper(
        "Long et al.",
        2019,
        "Preventing Posterior Collapse in Sequence VAEs with Pooling",
        "1911.03976",
    )
    equation: ClassVar[str] = "h = max_t h_t or mean_t h_t instead of the last state"
    recipe: ClassVar[Recipe | None] = Recipe(
        source="Long et al. 2019, arXiv:1911.03976",
        companions=("linear_anneal",),
        unconfirmed=("all of the training but that the weight of the KL rises, which was read of it elsewhere",),
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.ENCODER})
    sensible: ClassVar[Mapping[str, Sensible]] = {"kind": ("max", "mean")}

    kind: Kind = Field("max", description="maximum of each feature over the states, or their mean")

    def build(self, parts: Parts) -> Parts:
        """The encoder wrapped."""
        assert parts.encoder is not None
        return replace(parts, encoder=PoolingEncoder(parts.encoder, self.kind))

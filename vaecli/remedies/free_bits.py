"""A KL term that pushes down only above a target, so that so many nats are free.

Equation:
    ``K = sum_i max(lambda, <KL_i>)``, < > the mean over the batch, is mode `group`. Of its variants, `dimension` takes
    the maximum for each sentence, ``<sum_i max(lambda, KL_i)>``; `sentence`, ``<max(t, KL)>``, and `batch`, ``max(t,
    <KL>)``, have one target for all Z dimensions. The target t is in nats per sentence, lambda = t / Z in nats per
    dimension.

Caveat:
    Below the target the KL has no gradient. A KL weight multiplies K. The bound that training decays by counts all
    nats: with `training.reload_best` a target far above what the decoder can read yet is met by nats that tell
    nothing, the bound rises, and what the decoder has learned meanwhile is taken back (experiments/papers/README.md,
    `bosc2020`).

References:
    Kingma et al. (2016), the objective with free bits; Li et al. (2019), mode `dimension`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from vaecli.objective import Clock, Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.recipes import ANNEALED, LI, WARM_UP

Mode = Literal["dimension", "group", "sentence", "batch"]


def free_bits(kl: Tensor, target: float, mode: Mode) -> Tensor:
    """The KL with its free bits, in a form whose sum over the last axis has the functional as batch mean.

    By Jensen's inequality `dimension` >= `group` >= `batch` and `dimension` >= `sentence` >= `batch` >= mean KL.

    Args:
        kl: (B, Z) KL by dimension; (B, 1) where it doesn't factorise.
        target: Nats per sentence t; each dimension's share is lambda = t / Z.
        mode: Over what the maximum is taken.

    Returns:
        (B, Z) for `dimension` and `group`, (B, 1) for `sentence` and `batch`, in nats.
    """
    share = target / kl.shape[-1]
    if mode == "dimension":
        return kl.clamp(min=share)
    if mode == "group":
        return kl.mean(0).clamp(min=share).expand_as(kl)
    total = kl.sum(-1, keepdim=True)
    if mode == "sentence":
        return total.clamp(min=target)
    return total.mean(0).clamp(min=target).expand_as(total)


class FreeBits(Remedy):
    """Free bits."""

    name: ClassVar[str] = "free_bits"
    title: ClassVar[str] = "free bits"
    paper: ClassVar[Paper] = Paper(
        "Kingma et al.",
        2016,
        "Improving Variational Inference with Inverse Autoregressive Flow",
        "1606.04934",
        "the objective with free bits",
    )
    equation: ClassVar[str] = "K = sum_i max(lambda, KL_i), lambda = target / Z"
    recipe: ClassVar[Recipe | None] = replace(
        LI, companions=ANNEALED, hyper=WARM_UP, source="Li et al. 2019, arXiv:1909.00868, rows without pre-training"
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL})
    deviations: ClassVar[tuple[str, ...]] = (
        "the maximum is taken for each sentence, as in the code of Li et al. (published: of the batch mean, which "
        "is mode group)",
    )
    rate_only: ClassVar[bool] = True
    sensible: ClassVar[Mapping[str, Sensible]] = {
        "target": Span(1.0, 10.0),
        "mode": ("dimension", "group", "sentence", "batch"),
    }

    mode: Mode = Field("dimension", description="maximum by dimension and sentence, by group, sentence or batch")
    target: float = Field(
        4.0,
        ge=0,
        description="free nats per sentence, target / Z per dimension; published: 4 to 5, pretrained 8",
    )

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Replaces the KL term."""
        return replace(terms, kl=free_bits(terms.kl, self.target, self.mode))

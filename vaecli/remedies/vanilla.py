"""The vanilla VAE, which every other method is compared with.

Equation:
    ``loss = E_q[-log p(x|z)] + KL(q(z|x) || p(z))``

Caveat:
    With an LSTM decoder it collapses.

References:
    Kingma & Welling (2014).
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Paper, Remedy
from vaecli.remedies.shared.recipes import HE


class Vanilla(Remedy):
    """The VAE at KL weight 1 from the first step."""

    name: ClassVar[str] = "vanilla"
    title: ClassVar[str] = "VAE"
    paper: ClassVar[Paper] = Paper("Kingma & Welling", 2014, "Auto-Encoding Variational Bayes", "1312.6114")
    equation: ClassVar[str] = "loss = E_q[-log p(x|z)] + KL(q(z|x) || p(z))"
    recipe: ClassVar[Recipe | None] = replace(
        HE, source="He et al. 2019, arXiv:1901.05534, row VAE; Kingma & Welling's own training is of images"
    )

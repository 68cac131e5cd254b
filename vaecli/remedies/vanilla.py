"""The vanilla VAE, which every other method is compared with.

Equation:
    ``loss = E_q[-log p(x|z)] + KL(q(z|x) || p(z))``

Caveat:
    With an LSTM decoder it collapses.

References:
    Kingma & Welling (2014).
"""

from __future__ import annotations

from typing import ClassVar

from vaecli.remedies.core.remedy import Paper, Remedy


class Vanilla(Remedy):
    """The VAE at KL weight 1 from the first step."""

    name: ClassVar[str] = "vanilla"
    title: ClassVar[str] = "VAE"
    paper: ClassVar[Paper] = Paper("Kingma & Welling", 2014, "Auto-Encoding Variational Bayes", "1312.6114")
    equation: ClassVar[str] = "loss = E_q[-log p(x|z)] + KL(q(z|x) || p(z))"

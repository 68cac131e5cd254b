"""A flexible prior: affine couplings map it to N(0, I), and it also learns from the importance-weighted bound.

Equation:
    ``loss = rec + KL(q(z|x) || p(z)) - a L_K`` with ``log p(z) = log N(f(z); 0, I) + log |det df/dz|``, f a RealNVP
    flow learned with the decoder, and L_K the importance-weighted bound on log p(x) of K samples. The identity flow is
    N(0, I), near which training starts.

Differs from the paper:
    The number of couplings, a and K were not confirmed. |s| is at most 2 in a coupling.

Caveat:
    The KL has no closed form and is estimated at the sample. If the decoder ignores z, the prior can match any
    posterior, so it doesn't prevent collapse by itself. The term has no KL weight; a first stage without one of the
    bound's terms (``ae_pretrain+flow_prior``) has no such term.

References:
    Ding & Gimpel (2021); Dinh et al. (2017), RealNVP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from vaecli.model.coupling import CouplingPrior
from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.multisample import NEEDS, importance_weights, neg_bound


class FlowPrior(Remedy):
    """FlowPrior."""

    name: ClassVar[str] = "flow_prior"
    title: ClassVar[str] = "flow prior"
    paper: ClassVar[Paper] = Paper(
        "Ding & Gimpel", 2021, "FlowPrior: Learning Expressive Priors for Latent Variable Sentence Models"
    )
    equation: ClassVar[str] = "loss = rec + KL - a L_K, log p(z) = log N(f(z); 0, I) + log |det df/dz|, f RealNVP"
    no_recipe: ClassVar[str] = "the training of Ding & Gimpel was not obtained"
    version: ClassVar[int] = 2
    owns: ClassVar[frozenset[Part]] = frozenset({Part.PRIOR, Part.TERM})
    needs: ClassVar[frozenset[Need]] = NEEDS
    deviations: ClassVar[tuple[str, ...]] = (
        "couplings, hidden units, a and K were not confirmed from the paper",
        "a coupling scales by a factor of e^2 at most",
    )
    cost: ClassVar[float] = 4.7
    sensible: ClassVar[Mapping[str, Sensible]] = {"couplings": Span(2, 8), "weight": Span(0.0, 1.0)}

    couplings: int = Field(4, ge=1, le=64, description="T: affine couplings of the prior")
    hidden: int = Field(64, ge=1, le=4096, description="hidden units of each coupling's network")
    weight: float = Field(1.0, ge=0, description="a: factor on the importance-weighted bound; 0 leaves it out")
    samples: int = Field(5, ge=1, le=1000, description="K: samples of the bound")

    def build(self, parts: Parts) -> Parts:
        """The flow as prior."""
        return replace(parts, prior=CouplingPrior(parts.shape.model.latent_size, self.couplings, self.hidden))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Adds the importance-weighted bound."""
        if self.weight == 0 or clock.without:
            return terms
        return terms.add(self.weight * neg_bound(importance_weights(terms, self.samples)))

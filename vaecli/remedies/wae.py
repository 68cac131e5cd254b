"""The Wasserstein autoencoder: no KL per sentence at all, only agreement of q(z) with the prior.

Equation:
    ``loss = E_q[-log p(x|z)] + lambda MMD^2(q(z), p(z))``, which is `info_mmd` at alpha = 1.

Caveat:
    Nothing keeps the variance of q(z|x) up, and it tends to 0: the KL to the prior grows, and with it the reported
    bound. `wae_s` adds a term against that. lambda turns MMD^2, which has no unit, into nats per sentence; the default
    is the lower end of the paper's 10 to 100, which are for images.

References:
    Tolstikhin et al. (2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.info_mmd import prior_divergence


class WAE(Remedy):
    """WAE with MMD and a Gaussian encoder."""

    name: ClassVar[str] = "wae"
    title: ClassVar[str] = "Wasserstein autoencoder"
    paper: ClassVar[Paper] = Paper("Tolstikhin et al.", 2018, "Wasserstein Auto-Encoders", "1711.01558")
    equation: ClassVar[str] = "loss = rec + lambda MMD^2(q(z), p(z))"
    no_recipe: ClassVar[str] = "Tolstikhin et al. train on images"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL, Part.KL_WEIGHT, Part.TERM})
    cost: ClassVar[float] = 1.05
    sensible: ClassVar[Mapping[str, Sensible]] = {"scaling": Span(1.0, 100.0, log=True)}

    scaling: float = Field(10.0, ge=0, description="lambda: nats per unit of MMD^2 (published on images: 10 to 100)")
    kernel: Literal["imq", "rbf"] = Field("imq", description="inverse multiquadric mixture, or Gaussian")

    @property
    def trains_prior(self) -> bool:
        """See `Remedy.trains_prior`."""
        return self.scaling > 0

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Drops the KL and adds the divergence."""
        divergence = prior_divergence(terms.z, terms.context.prior, self.kernel)
        return replace(terms, kl=0 * terms.kl, kl_weight=0.0).add(self.scaling * divergence)

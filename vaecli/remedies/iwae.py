"""The importance-weighted bound with K samples as the objective.

Equation:
    ``loss = -log (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x)``, z_k ~ q(z|x); at K = 1 it is the -ELBO at one sample, and it
    falls with K towards -log p(x).

Caveat:
    The tighter the bound, the less the encoder's gradient says (Rainforth et al. 2018), and a decoder that ignores z is
    as good an optimum as before. A posterior that is a poor match to the true one isn't punished, so `kl` and
    `neg_elbo`, which are of one sample, can be worse than those of the vanilla VAE while `iw_nll` is better.

References:
    Burda et al. (2016).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.multisample import NEEDS, OWNS, importance_weights, neg_bound, with_loss


class IWAE(Remedy):
    """The importance-weighted autoencoder."""

    name: ClassVar[str] = "iwae"
    title: ClassVar[str] = "IWAE"
    paper: ClassVar[Paper] = Paper("Burda et al.", 2016, "Importance Weighted Autoencoders", "1509.00519", "equation 8")
    equation: ClassVar[str] = "loss = -log (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x)"
    no_recipe: ClassVar[str] = "Burda et al. train on images"
    owns: ClassVar[frozenset[Part]] = OWNS
    needs: ClassVar[frozenset[Need]] = NEEDS
    deviations: ClassVar[tuple[str, ...]] = ("K is 10, between the paper's 5 and 50, which are for images",)
    cost: ClassVar[float] = 8.0
    sensible: ClassVar[Mapping[str, Sensible]] = {"samples": Span(2, 50, log=True)}

    samples: int = Field(10, ge=1, le=1000, description="K: samples a sentence")

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Replaces KL and weight so that the loss is the bound."""
        return with_loss(terms, neg_bound(importance_weights(terms, self.samples)))

"""The implicit posterior with the KL of the aggregate posterior alone, so that information costs nothing.

Equation:
    ``z = f(x, eps)``, ``loss = rec + E_q(z)[nu(z)] - E_p[exp nu(z)] + 1``, q(z) the mean of q(z|x) over sentences: the
    KL of the ELBO is ``KL(q(z) || p(z)) + I(x; z)``, of which the loss is freed of the information.

Differs from the paper:
    As for `ivae`.

Caveat:
    There is no density: no KL, no bounds and no mutual information. What the loss holds in place of the KL is in the
    history, as ``train_kl``: a dual form, at most KL(q(z) || p(z)) in expectation. Weights are chosen by `rec`, which
    falls as long as the code says more.

References:
    Fang et al. (2019).
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from vaecli.model.implicit import ImplicitHead, RatioNetwork, dual, held_still
from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, put_aux
from vaecli.remedies.shared.implicit_steps import (
    Implicit,
    fang,
    fang_recipe,
    implicit_posterior,
    prior_samples,
)


class IVAEMI(Implicit):
    """The implicit VAE with mutual information."""

    name: ClassVar[str] = "ivae_mi"
    title: ClassVar[str] = "implicit VAE, MI"
    paper: ClassVar[Paper] = fang("iVAE-MI")
    equation: ClassVar[str] = "z = f(x, eps), loss = rec + max_nu E_q(z)[nu(z)] - E_p[exp nu(z)] + 1"
    recipe: ClassVar[Recipe | None] = fang_recipe("ivae_mi")
    owns: ClassVar[frozenset[Part]] = frozenset({Part.POSTERIOR, Part.KL, Part.STEP})
    takes: ClassVar[frozenset[Need]] = frozenset({Need.DENSITY, Need.GAUSSIAN, Need.MOVABLE_KL})
    deviations: ClassVar[tuple[str, ...]] = (
        "nu's Adam has the rate 1e-3 (published: 1e-5, over far more updates)",
        "nu's updates follow the model's, on the codes of the same batch",
    )
    cost: ClassVar[float] = 1.9

    def build(self, parts: Parts) -> Parts:
        """A head without a density, and nu of the code alone."""
        assert parts.encoder is not None
        features, size = parts.encoder.feature_size, parts.shape.model.latent_size
        head = ImplicitHead(features, size, self.hidden, None)
        return replace(parts, head=head, aux=put_aux(parts, self.name, RatioNetwork(0, size, self.hidden)))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Puts the dual form of KL(q(z) || p(z)) where the KL is."""
        posterior, ratio = implicit_posterior(terms, self.name), terms.context.aux[self.name]
        at_codes = held_still(ratio, posterior.features, terms.z.unsqueeze(0))
        at_prior = held_still(ratio, posterior.features, prior_samples(terms, terms.z))
        return replace(terms, kl=dual(at_codes[0], at_prior).unsqueeze(-1))

"""An implicit posterior: a network of the sentence and noise makes the code, and its KL is estimated by a dual form.

Equation:
    ``z = f(x, eps)``, ``loss = rec + E_q[nu(x, z)] - E_p[exp nu(x, z)] + 1`` with nu a network that maximises the last
    three terms; they are the KL to the prior at ``nu = log q - log p`` and less at any other, 0 at nu = 0.

Differs from the paper:
    nu has the learning rate 1e-3 in place of 1e-5, and its updates follow that of the model, on the codes of the same
    batch. The paper raises the KL weight from 0.1 to 1 over ten epochs: compose with `linear_anneal`.

Caveat:
    There is no density, so there are no bounds and no mutual information. The dual form trains the model and is no
    figure: it is below the KL for any nu, and a nu that is wrong on other sentences puts it tens of nats below 0.
    Weights are chosen by `rec`.

References:
    Fang et al. (2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from vaecli.model.implicit import ImplicitHead, RatioNetwork
from vaecli.model.vae import Parts
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, put_aux
from vaecli.remedies.shared.implicit_steps import Implicit, fang, fang_recipe


class IVAE(Implicit):
    """The implicit VAE."""

    name: ClassVar[str] = "ivae"
    title: ClassVar[str] = "implicit VAE"
    paper: ClassVar[Paper] = fang("iVAE")
    equation: ClassVar[str] = "z = f(x, eps), loss = rec + max_nu E_q[nu(x, z)] - E_p[exp nu(x, z)] + 1"
    recipe: ClassVar[Recipe | None] = fang_recipe("ivae")
    owns: ClassVar[frozenset[Part]] = frozenset({Part.POSTERIOR, Part.STEP})
    takes: ClassVar[frozenset[Need]] = frozenset({Need.DENSITY, Need.GAUSSIAN})
    deviations: ClassVar[tuple[str, ...]] = (
        "nu's Adam has the rate 1e-3 (published: 1e-5, over far more updates)",
        "nu's updates follow the model's, on the codes of the same batch",
        "alone it is a part of the paper's method, which is ivae+linear_anneal",
    )
    undefined: ClassVar[Mapping[str, str]] = {
        **Implicit.undefined,
        "kl": "a trained network gives a lower bound of it, which may be far below 0",
    }
    cost: ClassVar[float] = 2.0

    def build(self, parts: Parts) -> Parts:
        """A head without a density, and nu."""
        assert parts.encoder is not None
        features, size = parts.encoder.feature_size, parts.shape.model.latent_size
        ratio = RatioNetwork(features, size, self.hidden)
        head = ImplicitHead(features, size, self.hidden, ratio)
        return replace(parts, head=head, aux=put_aux(parts, self.name, ratio))

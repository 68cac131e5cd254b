"""Codes on a sphere as in `vmf`, from a distribution that is sampled and measured in closed form.

Equation:
    ``q(z|x) proportional to (1 + m(x)^T z / ||m(x)||)^kappa`` and p(z) uniform on the unit sphere; ``(1 + cos) / 2 ~
    Beta((Z - 1)/2 + kappa, (Z - 1)/2)``, and ``KL = kappa (log 2 + psi(a) - psi(a + b)) - log N + log area``.

Differs from the paper:
    kappa is a setting, the same for all sentences, as in the text model of Xu & Durrett, so that the KL is a constant;
    in the paper the encoder gives it. The cosine comes from its quantile function, so that a sentence's samples are a
    map of normal noise.

Caveat:
    As for `vmf`: KL weights change nothing, a KL above 0 proves nothing, `mi` does; `au` reads low.

References:
    De Cao & Aziz (2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from vaecli.core.errors import UsageError
from vaecli.model.spherical_power import PowerSphericalPosterior, power_angle_table, power_mean_cosine
from vaecli.model.vae import Parts
from vaecli.model.von_mises_fisher import Concentration, UniformSphere
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.sphere import SphereHead


class PowerSpherical(Remedy):
    """The VAE with power spherical codes."""

    name: ClassVar[str] = "power_spherical"
    title: ClassVar[str] = "power spherical"
    paper: ClassVar[Paper] = Paper("De Cao & Aziz", 2020, "The Power Spherical Distribution", "2006.04437")
    equation: ClassVar[str] = "q(z|x) = (1 + m^T z)^kappa / N, p(z) uniform on the sphere, KL constant"
    no_recipe: ClassVar[str] = "De Cao & Aziz train on images"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.POSTERIOR, Part.PRIOR})
    takes: ClassVar[frozenset[Need]] = frozenset({Need.GAUSSIAN, Need.MOVABLE_KL})
    deviations: ClassVar[tuple[str, ...]] = (
        "kappa is a setting, one for all sentences (published: of the encoder), so the KL is a constant",
        "the cosine comes from its quantile function; the distribution is the published one",
    )
    sensible: ClassVar[Mapping[str, Sensible]] = {"kappa": Span(5.0, 100.0, log=True)}

    kappa: float = Field(
        20.0,
        ge=1e-3,
        le=1e4,
        description="concentration; at Z = 32 13 is a KL of 1.5, 20 of 2.7, 50 of 7.6 nats",
    )

    def build(self, parts: Parts) -> Parts:
        """A head and a prior on the sphere.

        Raises:
            UsageError: `model.latent_size` is 1.
        """
        assert parts.encoder is not None
        size = parts.shape.model.latent_size
        if size < 2:
            raise UsageError(f"{self.name!r} needs a sphere: model.latent_size is 1; make it 2 or more")
        concentration = Concentration(self.kappa, size, power_angle_table(self.kappa, size))
        cosine = power_mean_cosine(self.kappa, size)
        head = SphereHead(parts.encoder.feature_size, concentration, cosine, PowerSphericalPosterior)
        return replace(parts, head=head, prior=UniformSphere(size))

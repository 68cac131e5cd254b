"""The diagonal Gaussian posterior that some remedies need, checked where it is used."""

from __future__ import annotations

from vaecli.model.posterior import DiagonalGaussian, Posterior
from vaecli.remedies.core.parts import Need, unmet


def diagonal_gaussian(posterior: Posterior | None, name: str) -> DiagonalGaussian:
    """The posterior as what it has to be for a remedy.

    Composition refuses the remedies that say that theirs is none; this is for those that don't say it.

    Args:
        posterior: q(z|x); None for a language model.
        name: Of the remedy that needs it.

    Raises:
        UsageError: It is no diagonal Gaussian.
    """
    if not isinstance(posterior, DiagonalGaussian):
        raise unmet(name, Need.GAUSSIAN.value, type(posterior).__name__)
    return posterior

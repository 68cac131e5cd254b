r"""The assembly of the -ELBO from a posterior, a prior and samples, for training, refinement and evaluation alike.

.. math:: -ELBO = E_q[-\log p(x|z)] + KL(q(z|x) \| p(z))     (Kingma & Welling 2014, equation 3)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from vaecli.model.posterior import Posterior, kl_divergence
from vaecli.model.prior import Prior


@dataclass(frozen=True)
class BoundTerms:
    """The terms of the -ELBO of B sentences at KL weight 1, in nats per sentence.

    Attributes:
        nll: (B,) -log p(x|z), the mean over samples.
        kl: (B, Z) KL by dimension, (B, 1) where it doesn't factorise; None without a density, unless it is estimated.
    """

    nll: Tensor
    kl: Tensor | None

    @property
    def total(self) -> Tensor:
        """(B,) the -ELBO; there is none without a density."""
        assert self.kl is not None
        return self.nll + self.kl.sum(-1)


def bound_terms(posterior: Posterior, prior: Prior, z: Tensor, nll: Callable[[Tensor], Tensor]) -> BoundTerms:
    """The terms at samples of the posterior.

    Args:
        posterior: q(z|x) of B sentences.
        prior: p(z).
        z: (B, Z) a sample of q, or (S, B, Z) several.
        nll: Maps the samples to their -log p(x|z), (B,) or (S, B).
    """
    kl = kl_divergence(posterior, prior, z) if posterior.has_density else posterior.kl_estimate(prior, z)
    value = nll(z)
    return BoundTerms(value if z.dim() == 2 else value.mean(0), kl)

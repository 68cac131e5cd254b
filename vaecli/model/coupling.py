r"""A flow of affine couplings (RealNVP, Dinh et al. 2017) as a prior: sample and density take one pass each.

A coupling maps some of the dimensions by a scale and a shift that a network makes of the others:

.. math:: u_i = z_i \text{ for } i \in M, \qquad u_i = z_i\,e^{s_i(z_M)} + t_i(z_M) \text{ else}, \qquad
          \log p(z) = \log N(u_T; 0, I) + \sum_t \sum_i s_{t,i}
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vaecli.model.prior import Prior, StandardNormal

LOG_SCALE_LIMIT = 2.0
"""|s| stays below: a coupling stretches or shrinks by a factor of 7.4 at most, so that inverses keep their digits."""


NEAR_ZERO = 0.01
"""Largest weight of a fresh network's last layer: the flow starts near the identity."""


class NearZeroLinear(nn.Linear):
    """A linear map that starts near 0."""

    def reset_parameters(self) -> None:
        """Weights from U(-0.01, 0.01), bias 0."""
        nn.init.uniform_(self.weight, -NEAR_ZERO, NEAR_ZERO)
        nn.init.zeros_(self.bias)


class AffineCoupling(nn.Module):
    """One coupling, near the identity when fresh.

    Args:
        size: Z.
        hidden: Hidden units of its network.
        parity: Which dimensions stay, those of even number or of odd.
    """

    fixed: Tensor

    def __init__(self, size: int, hidden: int, parity: int) -> None:
        super().__init__()
        self.register_buffer("fixed", torch.arange(size) % 2 == parity, persistent=False)
        self.inner, self.outer = nn.Linear(size, hidden), NearZeroLinear(hidden, 2 * size)

    def scale_and_shift(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(..., Z) and (..., Z): s and t from the dimensions that stay, 0 at these."""
        seen = (z * self.fixed).to(self.inner.weight.dtype)
        s, t = self.outer(torch.tanh(self.inner(seen))).to(z.dtype).chunk(2, -1)
        bounded = LOG_SCALE_LIMIT * torch.tanh(s / LOG_SCALE_LIMIT)
        return bounded.masked_fill(self.fixed, 0.0), t.masked_fill(self.fixed, 0.0)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(..., Z) mapped, and (...) the log determinant of the Jacobian."""
        s, t = self.scale_and_shift(z)
        return z * s.exp() + t, s.sum(-1)

    def inverse(self, u: Tensor) -> Tensor:
        """(..., Z) what is mapped to u."""
        s, t = self.scale_and_shift(u)
        return (u - t) * (-s).exp()


class CouplingPrior(Prior):
    """The distribution that the couplings map to N(0, I).

    Args:
        latent_size: Z.
        couplings: T.
        hidden: Hidden units of each network.
    """

    def __init__(self, latent_size: int, couplings: int, hidden: int) -> None:
        super().__init__(latent_size)
        self.base = StandardNormal(latent_size)
        self.couplings = nn.ModuleList(AffineCoupling(latent_size, hidden, n % 2) for n in range(couplings))

    def sample(self, noise: Tensor) -> Tensor:
        """See `Prior.sample`."""
        z = noise
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, AffineCoupling)
            z = coupling.inverse(z)
        return z

    def log_prob(self, z: Tensor) -> Tensor:
        """See `Prior.log_prob`; in float32 or wider."""
        u = z.to(torch.promote_types(z.dtype, torch.float32))
        total = torch.zeros_like(u[..., 0])
        for coupling in self.couplings:
            u, log_determinant = coupling(u)
            total = total + log_determinant
        density: Tensor = self.base.log_prob(u) + total
        return density

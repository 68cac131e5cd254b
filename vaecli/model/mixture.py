"""A mixture of Gaussians as the prior."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vaecli.kernels.switch import fast
from vaecli.model.posterior import LOG_2PI, cancels, log_prob_of_differences
from vaecli.model.prior import Prior

MEAN_VARIANCE = 0.25
"""Share of the variance of a fresh mixture that lies between its components; the rest lies within."""


class MixtureOfGaussians(Prior):
    """``sum_k w_k N(mean_k, diag(exp(logvar_k)))`` with learned weights, means and variances.

    A fresh mixture has equal weights, and mean 0 and variance 1 over draws of its means, so that training starts near
    N(0, I). Were the means equal, the components would have equal gradients and stay one.

    Args:
        latent_size: Z.
        components: K.
    """

    def __init__(self, latent_size: int, components: int) -> None:
        super().__init__(latent_size)
        self.mean = nn.Parameter(torch.empty(components, latent_size))
        self.logvar = nn.Parameter(torch.empty(components, latent_size))
        self.logits = nn.Parameter(torch.empty(components))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """See the class; one component alone is N(0, I)."""
        spread = MEAN_VARIANCE if len(self.logits) > 1 else 0.0
        nn.init.normal_(self.mean, std=math.sqrt(spread))
        nn.init.constant_(self.logvar, math.log(1 - spread))
        nn.init.zeros_(self.logits)

    @property
    def noise_size(self) -> int:
        """One number for the component, Z for the point within it."""
        return self.latent_size + 1

    def sample(self, noise: Tensor) -> Tensor:
        """See `Prior.sample`; without a gradient to the weights, which choose rather than move."""
        # in float64 and below 1, so that rounding leaves no mass behind the last component
        bounds = self.logits.double().softmax(0).cumsum(0)[:-1]
        quantile = torch.special.ndtr(noise[..., 0].double()).to(bounds.device)
        component = torch.searchsorted(bounds, quantile.contiguous(), right=True)
        mean, deviation = self.mean.to(noise.dtype), (0.5 * self.logvar).exp().to(noise.dtype)
        return mean[component] + deviation[component] * noise[..., 1:]

    def _each_component(self, z: Tensor) -> Tensor:
        """Plain twin of `component_log_prob`, from an array (..., K, Z) of squares."""
        wide = torch.promote_types(torch.promote_types(z.dtype, self.mean.dtype), torch.float32)
        z, mean, logvar = z.to(wide).unsqueeze(-2), self.mean.to(wide), self.logvar.to(wide)
        return -0.5 * (LOG_2PI + logvar + (z - mean).square() / logvar.exp()).sum(-1)

    @fast(_each_component)
    def component_log_prob(self, z: Tensor) -> Tensor:
        """(..., K) log N(z; mean_k, exp(logvar_k)), by two matrix products, in the wider dtype of z and parameters."""
        wide = torch.promote_types(torch.promote_types(z.dtype, self.mean.dtype), torch.float32)
        z, mean, logvar = z.to(wide), self.mean.to(wide), self.logvar.to(wide)
        if cancels(z, mean, logvar):
            return log_prob_of_differences(z.reshape(-1, self.latent_size), mean, logvar).view(*z.shape[:-1], -1)
        precision = (-logvar).exp()
        constant = (LOG_2PI + logvar + mean.square() * precision).sum(-1)
        with torch.autocast(z.device.type, enabled=False):  # differences of large squares need all their digits
            quadratic = z.square() @ precision.T - 2 * (z @ (mean * precision).T)
        return -0.5 * (quadratic + constant)

    def log_prob(self, z: Tensor) -> Tensor:
        """See `Prior.log_prob`."""
        each = self.component_log_prob(z)
        return (each + self.logits.to(each.dtype).log_softmax(0)).logsumexp(-1)

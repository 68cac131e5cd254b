"""Stein's identity as a measure of how far samples are from a density of which only the score is known.

With the score s(z) = grad log p(z), ``E_p[s(z) f(z) + grad f(z)] = 0``. Neither form needs samples of p.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from vaecli.model.prior import Prior, StandardNormal

KernelName = Literal["imq", "rbf"]


@dataclass(frozen=True)
class Radial:
    """A kernel k(a, b) = f(||a - b||^2) with its derivatives by the squared distance.

    Attributes:
        value: (M, N) f.
        first: (M, N) f'.
        second: (M, N) f''.
    """

    value: Tensor
    first: Tensor
    second: Tensor


def radial(name: KernelName, squared: Tensor, width: float) -> Radial:
    """``rbf``: exp(-d^2 / (2 h)); ``imq``: (C + d^2)^(-1/2) (Gorham & Mackey 2017); h and C are the width."""
    if name == "rbf":
        value = torch.exp(-squared / (2 * width))
        return Radial(value, -value / (2 * width), value / (4 * width**2))
    base = width + squared
    return Radial(base.rsqrt(), -0.5 * base.pow(-1.5), 0.75 * base.pow(-2.5))


def default_width(name: KernelName, latent_size: int) -> float:
    """For ``rbf`` h = Z, the order of the squared distances; for ``imq``, whose tails reach far anyway, C = 1."""
    return float(latent_size) if name == "rbf" else 1.0


def score(prior: Prior, z: Tensor) -> Tensor:
    """(B, Z) grad log p(z), differentiable by z: -z for N(0, I)."""
    if isinstance(prior, StandardNormal):
        return -z
    with torch.enable_grad():
        point = z if z.requires_grad else z.detach().requires_grad_()
        gradient: Tensor = torch.autograd.grad(prior.log_prob(point).sum(), point, create_graph=True)[0]
    return gradient


def stein_kernel(z: Tensor, scores: Tensor, name: KernelName, width: float) -> Tensor:
    """(B, B) ``u(a, b) = k s_a.s_b + s_a.grad_b k + s_b.grad_a k + tr(grad_a grad_b k)`` of all pairs.

    Its mean over independent samples of p is 0 (Liu, Lee & Jordan 2016; Chwialkowski et al. 2016).

    Args:
        z: (B, Z) samples.
        scores: (B, Z) of p at them.
        name: The kernel.
        width: Of the kernel.
    """
    difference = z.unsqueeze(1) - z.unsqueeze(0)
    squared = difference.square().sum(-1)
    k = radial(name, squared, width)
    # grad_a k = 2 f' (a - b) = -grad_b k, and the trace is -(4 f'' d^2 + 2 Z f')
    toward = ((scores.unsqueeze(0) - scores.unsqueeze(1)) * difference).sum(-1)
    trace = -(4 * k.second * squared + 2 * z.shape[1] * k.first)
    return k.value * (scores @ scores.T) + 2 * k.first * toward + trace


def ksd(z: Tensor, scores: Tensor, name: KernelName, width: float) -> Tensor:
    """() the U-statistic of the squared kernelised Stein discrepancy: unbiased, at times negative, 0 for one sample."""
    if len(z) < 2:
        return z.sum() * 0
    u = stein_kernel(z, scores, name, width)
    return (u.sum() - u.diagonal().sum()) / (len(z) * (len(z) - 1))


def svgd_direction(z: Tensor, scores: Tensor, name: KernelName, width: float) -> Tensor:
    """(B, Z) ``phi_i = (1/B) sum_j [k(z_j, z_i) s(z_j) + grad_{z_j} k(z_j, z_i)]`` (Liu & Wang 2016).

    Of all directions in the unit ball of the kernel's space, phi lowers KL(q || p) the fastest. Without gradient.
    """
    z, scores = z.detach(), scores.detach()
    difference = z.unsqueeze(0) - z.unsqueeze(1)
    k = radial(name, difference.square().sum(-1), width)
    repulsion = 2 * (k.first.unsqueeze(-1) * difference).sum(1)
    return (k.value @ scores + repulsion) / len(z)

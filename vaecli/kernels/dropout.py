"""Dropout whose mask is cheap to draw on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vaecli.kernels import plain
from vaecli.kernels.switch import fast

LEVELS = 1 << 16
"""Steps in which a probability is kept, from the 16 random bits that each number of the mask takes."""


class Dropout(nn.Module):
    """Zeroes each number with probability p in training and scales the others by 1 / (1 - p) (Srivastava et al. 2014).

    On a CPU, `nn.Dropout` draws a number of a Bernoulli distribution for each element, on one core, which takes longer
    than the LSTM's products. Here four elements share one draw of 64 bits; p is rounded to a multiple of 1/65536, and
    the scale is that of the rounded p, so that the expectation is exact. Elsewhere it is `nn.Dropout`.

    Args:
        p: Probability, from 0 up to 1.
    """

    def __init__(self, p: float = 0.0) -> None:
        super().__init__()
        self.p = p

    @fast(plain.dropout)
    def forward(self, x: Tensor) -> Tensor:
        """`x` of any shape with a fresh mask, or as it is in evaluation mode and for p = 0."""
        if not self.training or self.p == 0:
            return x
        if x.device.type != "cpu":
            return nn.functional.dropout(x, self.p)
        dropped = round(self.p * LEVELS)
        words = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
        bits = words.view(torch.int16)[: x.numel()].view(x.shape)
        kept = bits >= dropped - LEVELS // 2 if dropped < LEVELS else torch.zeros_like(x, dtype=torch.bool)
        return (x * kept).mul_(LEVELS / max(1, LEVELS - dropped))

    def extra_repr(self) -> str:
        """Its probability."""
        return f"p={self.p}"

"""Batch normalisation of a posterior head: batch statistics in training, population statistics in evaluation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vaecli.core.errors import UsageError
from vaecli.model.calibration import Moments


def normalise(x: Tensor, mean: Tensor, variance: Tensor, eps: float) -> Tensor:
    """``(x - mean) / sqrt(variance + eps)``."""
    return (x - mean) * torch.rsqrt(variance + eps)


class BatchNorm(nn.Module):
    """Batch normalisation without affine parameters (Ioffe & Szegedy 2015, algorithms 1 and 2).

    In training it uses the mean and the biased variance of the batch. In evaluation it uses those of the whole train
    split, which `vaecli.model.calibration.calibrate` sets exactly; before the first calibration they are mean 0 and
    variance 1, so that a fresh model in evaluation mode leaves its input as it is, up to eps.

    Args:
        size: Dimensions Z.
        eps: Added to the variance.

    Attributes:
        held: While True, a training batch is normalised as though it had come with the last one, whose statistics it
            gets without counting in them, and nothing is added to the population's.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, size: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("variance", torch.ones(size))
        self.held = False
        self._moments: Moments | None = None
        self._last: tuple[Tensor, Tensor] | None = None

    def reset_parameters(self) -> None:
        """Forgets the population statistics."""
        self.mean.zero_()
        self.variance.fill_(1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, Z) normalised, in float32 or wider.

        Raises:
            UsageError: A training batch of one sentence, whose variance is 0 whatever the sentence is.
        """
        wide = x if x.dtype == torch.float64 else x.float()
        if self._moments is not None and not self.held:
            self._moments.add(wide)
        if not self.training:
            return self._apply_statistics(wide, self.mean, self.variance)
        if self.held and self._last is not None:
            return self._apply_statistics(wide, *self._last)
        if wide.shape[0] < 2:
            raise UsageError("batch normalisation got a training batch of one sentence; change training.batch_size")
        variance, mean = torch.var_mean(wide, dim=0, correction=0)
        self._last = mean.detach(), variance.detach()
        return self._apply_statistics(wide, mean, variance)

    def _apply_statistics(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        return normalise(x, mean, variance, self.eps)

    def begin_calibration(self) -> None:
        """See `vaecli.model.calibration.Calibrated`."""
        self._moments = Moments()

    def end_calibration(self, keep: bool = True) -> None:
        """See `vaecli.model.calibration.Calibrated`; without a sentence seen the statistics stay."""
        moments, self._moments = self._moments, None
        if keep and moments is not None and moments.count:
            self.mean.copy_(moments.mean)
            self.variance.copy_(moments.variance)


class BatchScale(BatchNorm):
    """Like `BatchNorm`, with the mean left where it is: ``x / sqrt(variance + eps)``.

    Args:
        size: Dimensions Z.
        eps: Added to the variance.
    """

    def _apply_statistics(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        return x * torch.rsqrt(variance + self.eps)

"""Population statistics: a pass over the train split after which evaluation no longer depends on batches.

Batch statistics belong to training. What a trained model is evaluated with are the statistics of the whole train split
under its final weights; running averages only approximate them, since they mix the weights of many steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from vaecli.core.errors import DataError
from vaecli.corpus.types import Batch
from vaecli.model.vae import VAE


@runtime_checkable
class Calibrated(Protocol):
    """A module of encoder or head with population statistics, held in buffers so that checkpoints carry them.

    Between the two calls its forward pass, in evaluation mode, adds what it sees to the statistics. One pass serves
    all such modules, so none of them may feed another.
    """

    def begin_calibration(self) -> None:
        """Starts from nothing."""

    def end_calibration(self, keep: bool = True) -> None:
        """Replaces the statistics by the new ones, or drops the new ones."""


class Moments:
    """Mean and biased variance of rows that arrive in batches, in float64 (Chan et al. 1979, equation 2.1).

    Pooling deviations instead of sums of squares loses no digits where the mean is large against the spread.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros(())
        self._deviations = torch.zeros(())

    def add(self, rows: Tensor) -> None:
        """Adds (N, Z) rows, each of weight 1."""
        rows = rows.detach().double()
        n = rows.shape[0]
        if n == 0:
            return
        mean = rows.mean(0)
        deviations = (rows - mean).square().sum(0)
        if self.count == 0:
            self.count, self.mean, self._deviations = n, mean, deviations
            return
        total = self.count + n
        delta = mean - self.mean
        self._deviations = self._deviations + deviations + delta.square() * (self.count * n / total)
        self.mean = self.mean + delta * (n / total)
        self.count = total

    @property
    def variance(self) -> Tensor:
        """(Z,) biased variance."""
        return self._deviations / self.count


def _calibrated(model: nn.Module) -> list[Calibrated]:
    return [module for module in model.modules() if isinstance(module, Calibrated)]


def needs_calibration(model: nn.Module) -> bool:
    """Whether a module of the model has population statistics."""
    return bool(_calibrated(model))


@torch.no_grad()
def calibrate(model: VAE, batches: Iterable[Batch]) -> None:
    """Sets all population statistics from one pass of encoder and head; without any it does nothing.

    The modes of all modules and the global random state are as before afterwards. When the pass fails, so are the
    statistics.

    Args:
        model: Its encoder and head run in evaluation mode.
        batches: The train split, each sentence once; moved to the model's device.

    Raises:
        DataError: There is no sentence in `batches`.
    """
    modules = _calibrated(model)
    if not modules or model.head is None:
        return
    device = next(model.parameters()).device
    modes = [(module, module.training) for module in model.modules()]
    sentences, done = 0, False
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            model.eval()
            for module in modules:
                module.begin_calibration()
            for batch in batches:
                model.head(model.encode(batch.to(device)))
                sentences += batch.size
            done = sentences > 0
        finally:
            for module in modules:
                module.end_calibration(keep=done)
            for part, training in modes:
                part.training = training
    if not done:
        raise DataError("population statistics need sentences, and the train split gave none")

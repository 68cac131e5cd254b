"""How sentences are scored and sampled: which, in what batches, with noise of which seed, where, in which precision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vaecli.config import EvaluationConfig
from vaecli.corpus.batches import evaluation_batches
from vaecli.corpus.types import Batch, Split, collate
from vaecli.kernels.arithmetic import resolve_precision
from vaecli.metrics.keeper import FORGETFUL, Keeper
from vaecli.model.vae import VAE


@dataclass(frozen=True)
class ScoringPrecision:
    """The arithmetic of the decoder where it scores; the posterior, its KL and all sums stay as they are.

    In bf16, each token's figure is rounded by some hundredths of a nat in either direction; samples that share words
    are off by less. Over a split that averages out: `make bench-quality` holds every reported figure to 0.02 nats per
    sentence of a float64 evaluation.

    Attributes:
        decoder: ``fp32`` or ``bf16``.
        share_words: Whether many samples of a sentence may share the words of their softmax.
    """

    decoder: str = "fp32"
    share_words: bool = False


EXACT = ScoringPrecision()
"""No rounding beyond that of the model's own weights."""


def scoring_precision(asked: str, model: VAE, device: torch.device) -> ScoringPrecision:
    """The precision that a setting means; unless it is fp32, samples share words on a CPU.

    Args:
        asked: ``auto``, ``fp32`` or ``bf16``.
        model: Whose output layer decides ``auto``; a float64 model is scored in float64.
        device: Where it is.

    Raises:
        UsageError: bf16 was asked for where the hardware has none.
    """
    weight = model.decoder.output.weight
    if weight.dtype == torch.float64:
        return EXACT
    resolved = resolve_precision(asked, device, weight.numel())
    return ScoringPrecision(resolved, share_words=asked != "fp32" and device.type == "cpu")


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How codes and sentences are drawn and decoded.

    Attributes:
        batch_size: Sentences a batch, of no influence on the figures.
        seed: Seed of the noise; two models measured with one seed get the same noise.
        device: Where the model is.
    """

    batch_size: int
    seed: int
    device: torch.device


@dataclass(frozen=True, kw_only=True)
class Scoring(Sampling):
    """How the sentences of a split are scored.

    Attributes:
        split: N sentences.
        precision: The arithmetic that the decoder runs in.
        keeper: Keeps the results of estimators that take long, so that one that was cut off goes on.
    """

    split: Split
    precision: ScoringPrecision = EXACT
    keeper: Keeper = FORGETFUL

    @classmethod
    def exact(
        cls, split: Split, config: EvaluationConfig, seed: int, device: torch.device, keeper: Keeper = FORGETFUL
    ) -> Scoring:
        """By the settings of a run but for its precision: what is not a standard column is scored in fp32."""
        return cls(split=split, batch_size=config.batch_size, seed=seed, device=device, keeper=keeper)

    @classmethod
    def standard(
        cls,
        model: VAE,
        split: Split,
        config: EvaluationConfig,
        seed: int,
        device: torch.device,
        keeper: Keeper = FORGETFUL,
    ) -> Scoring:
        """By the settings of a run, its precision included: the standard columns.

        Raises:
            UsageError: bf16 was asked for where the hardware has none.
        """
        precision = scoring_precision(config.precision, model, device)
        size = config.batch_size
        return cls(split=split, batch_size=size, seed=seed, device=device, precision=precision, keeper=keeper)

    def batches(self, size: int | None = None) -> Iterator[tuple[Tensor, Batch]]:
        """All sentences once, sorted by length.

        Args:
            size: Sentences a batch instead of `batch_size`.

        Yields:
            (B,) int64 indices of a batch's sentences in the split, and the batch, both on the device.
        """
        for index in evaluation_batches(self.split, size or self.batch_size):
            yield index.to(self.device), collate(self.split, index).to(self.device)

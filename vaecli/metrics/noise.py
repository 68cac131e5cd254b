"""Standard normal noise that belongs to a sentence, not to the batch it happens to be scored in."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator, Philox
from torch import Tensor

from vaecli.model.vae import stable_seed


def sentence_noise(seed: int, purpose: str, index: Tensor, samples: int, size: int) -> Tensor:
    """Noise from each sentence's own stream, so that figures don't depend on batch size, order or company.

    A stream is a Philox generator keyed by (hash of seed and purpose, index of the sentence). More samples extend
    the same stream: the first ones stay what they were.

    Args:
        seed: The run's seed.
        purpose: What the noise is for; two purposes are independent.
        index: (B,) int64 indices of the sentences in their split.
        samples: S.
        size: Numbers a sample.

    Returns:
        (S, B, size) float64 on the CPU.
    """
    key = stable_seed(seed, "noise", purpose)
    noise = np.empty((len(index), samples, size))
    for row, sentence in zip(noise, index.tolist(), strict=True):
        Generator(Philox(key=np.array([key, sentence], dtype=np.uint64))).standard_normal(out=row)
    return torch.from_numpy(noise).transpose(0, 1)

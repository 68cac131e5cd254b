"""Tensors as bytes, for digests."""

from __future__ import annotations

import torch
from torch import Tensor


def tensor_bytes(tensor: Tensor) -> bytes:
    """The numbers of a tensor as they lie in memory, row by row."""
    data = tensor.detach().cpu().contiguous()
    return data.reshape(-1).view(torch.uint8).numpy().tobytes()

"""Memory that the large products of a model write to, kept from call to call."""

from __future__ import annotations

import threading

import torch
from torch import Tensor

KEPT_ELEMENTS = 10_000_000
"""Numbers of an array that is kept from call to call; a larger one would be missed by the rest of the update."""


class Buffers(threading.local):
    """Memory that calls share: a large array made anew costs more in page faults than the product that fills it."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, torch.dtype], Tensor] = {}

    def take(self, name: str, shape: tuple[int, int], dtype: torch.dtype, device: torch.device) -> Tensor:
        """An uninitialised array, valid until the next call with this name; a GPU has an allocator of that kind."""
        if device.type != "cpu":
            return torch.empty(shape, dtype=dtype, device=device)
        size = shape[0] * shape[1]
        if size > KEPT_ELEMENTS:
            return torch.empty(shape, dtype=dtype)
        held = self.held.get((name, dtype))
        if held is None or held.numel() < size:
            held = self.held[name, dtype] = torch.empty(size, dtype=dtype)
        return held[:size].view(shape)


buffers = Buffers()
"""Those of this thread."""

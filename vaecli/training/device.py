"""Where and in which arithmetic a run computes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from vaecli.config import TrainingConfig
from vaecli.errors import UsageError


def resolve_device(name: str) -> torch.device:
    """The device for ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.

    Raises:
        UsageError: A GPU was asked for and there is none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"device {name!r}: torch sees no GPU here; use --device cpu or auto")
    return device


def resolve_precision(precision: str, device: torch.device) -> str:
    """``fp32`` or ``bf16``; ``auto`` is fp32, whose figures are exact on every machine.

    bf16 trains with a rounding error of its own, so it is taken only when asked for.
    """
    return "fp32" if precision == "auto" else precision


def arithmetic(config: TrainingConfig, device: torch.device) -> AbstractContextManager[object]:
    """The context that a training step runs in."""
    if resolve_precision(config.precision, device) == "bf16":
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()

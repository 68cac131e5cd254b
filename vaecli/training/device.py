"""Where and in which arithmetic a run computes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache

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


@cache
def has_bf16(device: torch.device) -> bool:
    """Whether an LSTM can be trained in bf16 on a device: on a CPU oneDNN refuses without AVX512-BF16 or AMX."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    with torch.random.fork_rng(devices=[]):
        lstm = torch.nn.LSTM(8, 8, batch_first=True)
        try:
            with torch.autocast(device.type, torch.bfloat16):
                lstm(torch.zeros(2, 3, 8))[0].float().sum().backward()
        except RuntimeError:
            return False
    return True


def resolve_precision(precision: str, device: torch.device) -> str:
    """``fp32`` or ``bf16``; ``auto`` is fp32, whose figures are exact on every machine.

    bf16 trains with a rounding error of its own, so it is taken only when asked for.

    Raises:
        UsageError: bf16 was asked for where the hardware has none.
    """
    if precision == "bf16" and not has_bf16(device):
        raise UsageError(f"precision 'bf16': this {device.type} has no bf16 arithmetic; use --precision fp32 or auto")
    return "fp32" if precision == "auto" else precision


def arithmetic(config: TrainingConfig, device: torch.device) -> AbstractContextManager[object]:
    """The context that a training step runs in."""
    if resolve_precision(config.precision, device) == "bf16":
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()

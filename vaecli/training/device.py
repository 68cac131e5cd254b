"""Where a run computes."""

from __future__ import annotations

import torch

from vaecli.config import RunConfig, check_device
from vaecli.core.errors import UsageError
from vaecli.kernels.arithmetic import resolve_precision


def resolve_device(name: str) -> torch.device:
    """The device for ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.

    Raises:
        UsageError: It names no device, or a GPU that isn't there.
    """
    try:
        check_device(name)
    except ValueError as error:
        raise UsageError(f"--device {error}") from None
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"device {name!r}: torch sees no GPU here; use --device cpu or auto")
    if device.index is not None and device.index >= (count := torch.cuda.device_count()):
        raise UsageError(f"device {name!r}: torch sees {count} here, cuda:0 to cuda:{count - 1}")
    return device


def training_precision(config: RunConfig, vocabulary_size: int, device: torch.device | None = None) -> str:
    """``fp32`` or ``bf16``: the arithmetic that a run trains in.

    Args:
        config: Of the run.
        vocabulary_size: Word types V.
        device: Where it computes; by default what the settings say.

    Raises:
        UsageError: The settings ask for what the hardware hasn't.
    """
    where = device or resolve_device(config.training.device)
    return resolve_precision(config.training.precision, where, vocabulary_size * config.model.decoder_size)

"""The arithmetic of matrix products: which modes this machine has, and which of them are exact.

Training and evaluation each choose ``fp32`` or ``bf16``; ``auto`` takes bf16 on a CPU with instructions for it, where
``make bench-quality`` holds its figures to those of fp32, and for an output layer large enough to gain from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

from vaecli.core.errors import UsageError
from vaecli.kernels import plain
from vaecli.kernels.switch import fast

BF16_OUTPUT = 1_000_000
"""Numbers in the output layer from which bf16 pays on a CPU; a smaller model spends its time elsewhere."""


@cache
def has_bf16(device: torch.device) -> bool:
    """Whether an LSTM can be trained in bf16 on a device: on a CPU oneDNN refuses without AVX512-BF16 or AMX."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    with torch.random.fork_rng(devices=[]), torch.enable_grad():  # whatever the caller does, the answer is kept
        lstm = torch.nn.LSTM(8, 8, batch_first=True)
        try:
            with torch.autocast(device.type, torch.bfloat16):
                lstm(torch.zeros(2, 3, 8))[0].float().sum().backward()
        except RuntimeError:
            return False
    return True


@cache
def has_bf16_instructions() -> bool:
    """Whether the CPU multiplies bf16 itself; without, oneDNN imitates it more slowly than it multiplies float32.

    A torch that can't tell counts as no.
    """
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16", False) or capabilities.get("amx_bf16", False))


@fast(plain.resolve_precision)
def resolve_precision(precision: str, device: torch.device, output_size: int) -> str:
    """``fp32`` or ``bf16`` for what a user asked for.

    ``auto`` is bf16 where the CPU has instructions for it and the output layer is large; on a GPU it is fp32, for
    there no quality check has been run.

    Args:
        precision: ``auto``, ``fp32`` or ``bf16``.
        device: Where the model computes.
        output_size: Numbers in the output layer, V * H.

    Raises:
        UsageError: bf16 was asked for where the hardware has none.
    """
    if precision == "bf16" and not has_bf16(device):
        raise UsageError(f"precision 'bf16': this {device.type} has no bf16 arithmetic; use --precision fp32 or auto")
    if precision != "auto":
        return precision
    fast = device.type == "cpu" and output_size >= BF16_OUTPUT and has_bf16_instructions() and has_bf16(device)
    return "bf16" if fast else "fp32"


@cache
def _onednn_is_exact() -> bool:
    """Whether oneDNN's float32 product, asked to be fast, still is one: with AMX it rounds to bf16 instead."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(64, 256, generator=generator) for _ in range(2))
    with _matmul_setting("bf16"):
        product = a @ b.T
    return bool((product.double() - a.double() @ b.double().T).abs().max() < 2e-4)


@contextmanager
def _matmul_setting(value: str) -> Iterator[None]:
    settings = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]  # made at run time
    before = settings.fp32_precision
    settings.fp32_precision = value
    try:
        yield
    finally:
        settings.fp32_precision = before


@fast(plain.exact_products)
@contextmanager
def exact_products() -> Iterator[None]:
    """Float32 products inside go through oneDNN where its result is as exact as that of the default library.

    Torch sends them there only when asked for less than float32, which oneDNN takes up on CPUs with AMX alone; on an
    AMD processor with AVX-512 it is twice as fast as the default. Nothing changes on a GPU.
    """
    if not _onednn_is_exact():
        yield
        return
    with _matmul_setting("bf16"):
        yield


def autocast_is_open() -> bool:
    """Whether a context of `torch.autocast` is open, enabled or not, for whatever device.

    The outermost one keeps its rounded copies of weights until it is closed, those of contexts inside it included, so
    that passes after an update in it would still see the weights from before.
    """
    return open_contexts() > 0


def open_contexts() -> int:
    """How many contexts of `torch.autocast` are open, one inside the other."""
    depth = torch.autocast_increment_nesting()
    torch.autocast_decrement_nesting()
    return int(depth) - 1


def close_contexts(depth: int) -> None:
    """Closes contexts of `torch.autocast` that nobody is left to close, as tests of a remedy do after one.

    Args:
        depth: How many stay open.
    """
    if open_contexts() <= depth:
        return
    while open_contexts() > depth:
        torch.autocast_decrement_nesting()
    torch.set_autocast_enabled("cpu", False)
    torch.clear_autocast_cache()


@contextmanager
def arithmetic(precision: str, device: torch.device) -> Iterator[None]:
    """The context that computes in a resolved precision: autocast to bf16, or exact float32 products."""
    with exact_products(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
        yield

"""The floor: how fast the arithmetic alone could be, from the measured speed of the largest matrix product."""

from __future__ import annotations

import time
from functools import cache
from statistics import median

import torch

from vaecli.config import ModelConfig

FORWARD, TRAINING = 2, 6
"""Floating-point operations a weight and token: a multiplication and an addition forward, twice that backward."""

ROWS = 704
"""Rows of the product that is timed: a batch of 32 sentences of 22 tokens."""

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def flop_per_token(vocabulary_size: int, model: ModelConfig, passes: int = TRAINING) -> int:
    """Operations a token: ``passes * (V H + 4 H (E + Z + H) + 4 H (E + H))``.

    The output layer, the decoder's LSTM and the encoder's LSTM, whose hidden sizes may differ.

    Args:
        vocabulary_size: V.
        model: E, H and Z.
        passes: `TRAINING` or `FORWARD`.
    """
    width, hidden, encoder = model.embedding_size, model.decoder_size, model.encoder_size
    output = vocabulary_size * hidden
    decoder_lstm = 4 * hidden * (width + model.latent_size + hidden)
    return passes * (output + decoder_lstm + 4 * encoder * (width + encoder))


def flop_per_sample_token(vocabulary_size: int, model: ModelConfig) -> int:
    """Operations that scoring a token under one more sample can't do without: ``2 (V H + 4 H H)``.

    The share of the words in the gates is the same for all samples of a sentence, that of z for all its tokens.
    """
    return FORWARD * (vocabulary_size * model.decoder_size + 4 * model.decoder_size**2)


@cache
def gemm_gflops(inner: int, columns: int, precision: str, device: str, repeats: int = 7, rows: int = ROWS) -> float:
    """GFLOP/s of a (rows, inner) by (inner, columns) product, the median of some.

    Args:
        inner: H.
        columns: V.
        precision: ``fp32`` or ``bf16``.
        device: ``cpu`` or ``cuda``.
        repeats: Timed products.
        rows: Rows of the left matrix.
    """
    dtype = DTYPES[precision]
    a = torch.randn(rows, inner, device=device).to(dtype)
    b = torch.randn(columns, inner, device=device).to(dtype)
    out = torch.empty(rows, columns, dtype=dtype, device=device)
    seconds = []
    for n in range(repeats + 1):
        start = time.perf_counter()
        torch.mm(a, b.T, out=out)
        if device != "cpu":
            torch.cuda.synchronize()
        if n:  # the first warms up
            seconds.append(time.perf_counter() - start)
    return 2 * rows * inner * columns / median(seconds) / 1e9


def floor_detail(
    flop: int, vocabulary_size: int, model: ModelConfig, precision: str, device: str, achieved: float
) -> dict[str, float]:
    """The floor of a row in tokens/s, the output layer's product being timed, and what fraction was achieved.

    Args:
        flop: Operations a token.
        vocabulary_size: V.
        model: H.
        precision: ``fp32`` or ``bf16``.
        device: ``cpu`` or ``cuda``.
        achieved: Tokens/s.
    """
    speed = gemm_gflops(model.decoder_size, vocabulary_size, precision, device)
    floor = speed * 1e9 / flop
    return {
        "mflop_per_token": flop / 1e6,
        f"gemm_{precision}_gflops": speed,
        "floor_tokens_per_s": floor,
        "fraction_of_floor": achieved / floor,
    }

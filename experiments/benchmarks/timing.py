"""Paired timing: reference and ours in turn, A B A B, so that a machine's drift falls on both alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch


@dataclass(frozen=True)
class Pairs:
    """Seconds of paired runs.

    Attributes:
        reference: Seconds of each run of the reference.
        ours: Seconds of ours, run by run right after it.
    """

    reference: tuple[float, ...]
    ours: tuple[float, ...]

    @property
    def speedups(self) -> list[float]:
        """Reference seconds over our seconds, pair by pair."""
        return [a / b for a, b in zip(self.reference, self.ours, strict=True)]

    @property
    def speedup(self) -> float:
        """The median of the pairs' ratios."""
        return median(self.speedups)


def interleave(
    reference: Callable[[], object],
    ours: Callable[[], object],
    repeats: int,
    *,
    warmup: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> Pairs:
    """Times two functions in turn.

    Args:
        reference: Run first in each pair.
        ours: Run second.
        repeats: Timed pairs.
        warmup: Pairs before them.
        clock: Seconds.
    """
    for _ in range(warmup):
        reference()
        ours()
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for function, kept in zip((reference, ours), seconds, strict=True):
            gc.collect()  # or one would be timed collecting what the other left
            start = clock()
            function()
            kept.append(clock() - start)
    return Pairs(tuple(seconds[0]), tuple(seconds[1]))


def synchronised(function: Callable[[], object], device: torch.device) -> Callable[[], object]:
    """The function, returning only when the device has done its work."""
    if device.type != "cuda":
        return function

    def run() -> None:
        function()
        torch.cuda.synchronize(device)

    return run

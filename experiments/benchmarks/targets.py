"""Targets that differ between machines; a row without an entry here has one for all of them."""

from __future__ import annotations

from experiments.benchmarks import machine
from experiments.benchmarks.subjects import Options

GPU = "cuda"

TARGETS = {
    "train-ptb": {"": 4.0, "avx2": 1.5, GPU: 5.0},
    "elbo-ptb": {"": 4.0, "avx2": 1.6},
    "iw-ptb": {"": 6.0, "avx2": 8.0},
}
"""The least gain over the reference, by row and by what `kind` says; an empty kind is every other one.

On AVX2 a core has one arithmetic, float32, whose products the reference's libraries run nearly as fast as ours.
"""


def kind(options: Options) -> str:
    """``cuda``, ``avx2`` where that is the newest that a CPU has or may use, or an empty string."""
    if options.device != "cpu":
        return GPU
    return "avx2" if options.resolved_precision == "fp32" and machine.isa(machine.describe()) == "avx2" else ""


def least_gain(row: str, options: Options) -> float:
    """The least gain that is wanted of a row of `TARGETS`."""
    of_row = TARGETS[row]
    return of_row.get(kind(options), of_row[""])

"""What each dimension of z costs under each method, as ``vae evaluate --dimensions`` has kept it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaecli.core.errors import UsageError
from vaecli.reporting.pictures.run_paths import MethodRuns
from vaecli.runs.folder import RunFolder
from vaecli.runs.statistics import defined

COMMAND = "vae evaluate RUN --dimensions"
"""What measures it."""


@dataclass(frozen=True)
class DimensionCosts:
    """The KL of the dimensions of a method.

    Attributes:
        label: Its name.
        kl: In nats, the largest first: the mean over seeds of the largest, of the second largest and so on, for the
            dimensions of two seeds have nothing to do with each other. Empty where there is none.
        seeds: Those that were measured.
        missing: Why there is no figure; empty where there are.
    """

    label: str
    kl: tuple[float, ...]
    seeds: tuple[int, ...]
    missing: str = ""


def dimension_costs(runs: Sequence[MethodRuns]) -> list[DimensionCosts]:
    """A row a method, in the order of the table; those without figures say why.

    Args:
        runs: Of the rows of a table.

    Raises:
        UsageError: None has any; names the command that measures one.
    """
    costs_of_methods = [_method_costs(method) for method in runs]
    if not any(costs.kl for costs in costs_of_methods):
        path = _measurable(runs)
        raise UsageError(
            "--kind dimensions: no run here has the KL of its dimensions; measure it, run by run, and draw again: "
            f"vae evaluate {path} --dimensions"
        )
    return costs_of_methods


def _measurable(runs: Sequence[MethodRuns]) -> Path | str:
    """A finished run with a rate, to name in a command."""
    for method in runs:
        for seed, path in method.paths.items():
            if seed in method.done and RunFolder(path).metrics().get("values", {}).get("kl") is not None:
                return path
    return "RUN"


def _method_costs(method: MethodRuns) -> DimensionCosts:
    measured: dict[int, list[float]] = {}
    reasons = []
    for seed, path in method.paths.items():
        metrics = RunFolder(path).metrics() if seed in method.done else {}
        block = metrics.get("dimensions")
        kl = block.get("kl") if isinstance(block, dict) else None
        if isinstance(kl, list) and kl:
            measured[seed] = sorted(defined(kl), reverse=True)
        else:
            reasons.append(_reason(metrics))
    sizes = {len(values) for values in measured.values()}
    if len(sizes) > 1:
        return DimensionCosts(method.label, (), (), "its seeds differ in the number of dimensions")
    if not measured:
        return DimensionCosts(method.label, (), (), reasons[0])
    means = [sum(column) / len(measured) for column in zip(*measured.values(), strict=True)]
    return DimensionCosts(method.label, tuple(means), tuple(measured))


def _reason(metrics: Mapping[str, Any]) -> str:
    """Why a run has no KL by dimension.

    Args:
        metrics: Of its metrics.json; empty before it is done.
    """
    values, block = metrics.get("values") or {}, metrics.get("dimensions")
    if not values:
        return "not finished"
    if values.get("kl") is None:
        return "has no code" if values.get("au") is None else "has no KL"
    if not isinstance(block, dict):
        return f"not measured: {COMMAND}"
    told = block.get("reason")
    return str(told).removeprefix("dimensions: ") if told else "its KL has no parts"

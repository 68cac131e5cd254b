"""What z is worth at each position of a sentence under each method, as ``vae evaluate --decoder-use`` has kept it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vaecli.core.errors import UsageError
from vaecli.reporting.pictures.run_paths import MethodRuns
from vaecli.runs.folder import RunFolder
from vaecli.runs.statistics import defined

COMMAND = "vae evaluate RUN --decoder-use"
"""What measures it."""

OTHERS = {"shuffled": "another sentence's posterior", "prior": "the prior"}
"""What the other codes are of, by the name of their loss."""

LEAST = 0.05
"""Share of the sentences that reach a position, below which the mean there is of few and left out."""


@dataclass(frozen=True)
class PositionGains:
    """The gains of a method.

    Attributes:
        label: Its name.
        gains: For each of `OTHERS`, nats of the code at positions 1, 2, ..., a mean over seeds; empty without.
        seeds: Those that were measured.
        missing: Why there is no figure; empty where there are.
    """

    label: str
    gains: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    missing: str = ""


def position_gains(runs: Sequence[MethodRuns]) -> list[PositionGains]:
    """The gains of each method, in the order of the table; those without figures say why.

    Args:
        runs: Of the rows of a table.

    Raises:
        UsageError: None has any; names the command that measures one.
    """
    gains_of_methods = [_method_gains(method) for method in runs]
    if not any(method.gains for method in gains_of_methods):
        paths = (path for method in runs for seed, path in method.paths.items() if seed in method.done)
        raise UsageError(
            "--kind positions: no run here has its loss by position; measure it, run by run, and draw again: "
            f"vae evaluate {next(paths, 'RUN')} --decoder-use"
        )
    return gains_of_methods


def _method_gains(method: MethodRuns) -> PositionGains:
    measured: dict[int, dict[str, list[float]]] = {}
    reasons = []
    for seed, path in method.paths.items():
        metrics = RunFolder(path).metrics() if seed in method.done else {}
        gains = gains_of(metrics.get("decoder_use"))
        if gains:
            measured[seed] = gains
        else:
            reasons.append(_reason(metrics))
    if not measured:
        return PositionGains(method.label, missing=reasons[0])
    means = {}
    for kind in OTHERS:
        curves = [gains[kind] for gains in measured.values() if kind in gains]
        if curves:
            means[kind] = tuple(sum(values) / len(curves) for values in zip(*curves, strict=False))
    return PositionGains(method.label, means, tuple(measured))


def gains_of(block: Any) -> dict[str, list[float]]:
    """The loss with another code less that with the sentence's own, by position, where enough sentences reach it.

    Args:
        block: The details of evaluation `decoder_use`; nothing comes of anything else.
    """
    losses = block.get("position_nll") if isinstance(block, dict) else None
    if not isinstance(losses, dict) or "posterior" not in losses:
        return {}
    counts, own = defined(block.get("position_counts") or []), defined(losses["posterior"])
    shown = sum(count >= LEAST * counts[0] for count in counts) if counts else 0
    pairs = {kind: zip(defined(losses[kind])[:shown], own, strict=False) for kind in OTHERS if kind in losses}
    return {kind: [other - mine for other, mine in values] for kind, values in pairs.items()}


def _reason(metrics: Mapping[str, Any]) -> str:
    """Why a run has no loss by position.

    Args:
        metrics: Of its metrics.json; empty before it is done.
    """
    block = metrics.get("decoder_use")
    if not metrics.get("values"):
        return "not finished"
    if isinstance(block, dict) and block.get("reason"):
        return str(block["reason"]).removeprefix("decoder use: ")
    return f"not measured: {COMMAND}"

"""What the sweep of learning rates and lengths says, in Markdown: whose verdict turns with which of them.

Every figure is looked up in ``sweep/results.csv`` of this folder; a table that isn't there leaves a line with the
command that makes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vaecli.metrics.ceilings import at_ceiling
from vaecli.metrics.verdict import NO_VERDICT, verdict
from vaecli.reporting.read_results import load_results
from vaecli.reporting.view import AT_LEAST
from vaecli.runs.groups import finished, rows_of

HERE = Path(__file__).parent / "sweep"
RESULTS = HERE / "results.csv"
COMMAND = "vae compare experiments/protocols/sweep.toml"
RATE, LENGTH = "training.learning_rate", "training.epochs"

SweptRates = Mapping[float, Mapping[str, Any]]
"""Rows of trials of one length by learning rate."""

Outcomes = Mapping[str, Mapping[int, SweptRates]]
"""The row of each trial by method, number of epochs and learning rate."""


def read_sweep(path: Path = RESULTS) -> pd.DataFrame | None:
    """The sweep's trials; None before it was run."""
    return load_results(path).frame if path.exists() else None


def outcomes(frame: pd.DataFrame) -> Outcomes:
    """The trials that are done, methods in the order of the table, rates and lengths ascending.

    Args:
        frame: A row a trial; ``variant`` has the rate and the number of epochs. Of several seeds the lowest alone.
    """
    sweep: dict[str, dict[int, dict[float, Mapping[str, Any]]]] = {}
    for row in rows_of(finished(frame[frame["seed"] == frame["seed"].min()])):
        settings = {key: json.loads(value) for key, _, value in (p.partition("=") for p in row["variant"].split(", "))}
        sweep.setdefault(str(row["method"]), {}).setdefault(int(settings[LENGTH]), {})[float(settings[RATE])] = row
    return {
        method: {length: dict(sorted(by_rate.items())) for length, by_rate in sorted(lengths.items())}
        for method, lengths in sweep.items()
    }


def turns_with(method: Mapping[int, SweptRates]) -> tuple[bool, bool]:
    """Whether the verdict on a method differs between rates at one length, and between lengths at one rate."""
    by_rate = [{verdict(row) for row in rates.values()} for rates in method.values()]
    every = sorted({rate for rates in method.values() for rate in rates})
    by_length = [{verdict(rates[rate]) for rates in method.values() if rate in rates} for rate in every]
    return any(len(words) > 1 for words in by_rate), any(len(words) > 1 for words in by_length)


def sentence(method: str, lengths: Mapping[int, SweptRates]) -> str:
    """What became of a method: ``- `beta`: after 6 epochs informative at 0.001; collapsed at 0.008.``."""
    parts = []
    for length, rates in lengths.items():
        words: dict[str, list[str]] = {}
        for rate, row in rates.items():
            words.setdefault(verdict(row), []).append(f"{rate:g}")
        told = "; ".join(f"{name} at {', '.join(at)}" for name, at in words.items())
        parts.append(f"after {length} epochs " + (told if len(words) > 1 else f"{next(iter(words))} at all rates"))
    return f"- `{method}`: " + "; ".join(parts) + "."


def cell(row: Mapping[str, Any] | None) -> str:
    """Verdict, mi and neg_elbo of a trial: ``informative 2.29 / 25.31``; empty where there is none."""
    if row is None:
        return ""
    told = "" if verdict(row) == NO_VERDICT else f"{verdict(row)} "
    least = AT_LEAST if at_ceiling(row, "mi") else ""
    return f"{told}{least}{row['mi']:z.2f} / {row['neg_elbo']:z.2f}"


def table(sweep: Outcomes, length: int) -> str:
    """A row a method, a column a rate, of the trials of one length."""
    rates = sorted({rate for lengths in sweep.values() for rate in lengths.get(length, {})})
    lines = [f"| {length} epochs | " + " | ".join(f"{rate:g}" for rate in rates) + " |", "|---|" + "---|" * len(rates)]
    for method, lengths in sweep.items():
        cells = [cell(lengths.get(length, {}).get(rate)) for rate in rates]
        lines.append(f"| `{method}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def section(title: str, methods: Iterable[str], sweep: Outcomes) -> list[str]:
    """Methods whose verdict turns, a sentence each; nothing where there are none."""
    told = [sentence(method, sweep[method]) for method in methods]
    return [f"**{title}**", "\n".join(told)] if told else []


def staying(methods: Sequence[str], sweep: Outcomes) -> list[str]:
    """The methods of which all trials have one verdict, by the verdict."""
    words: dict[str, list[str]] = {}
    for method in methods:
        words.setdefault(next(verdict(row) for rates in sweep[method].values() for row in rates.values()), []).append(
            f"`{method}`"
        )
    told = [f"- {name} at every rate and length: {', '.join(names)}." for name, names in words.items()]
    return ["**One verdict in all trials**", "\n".join(told)] if told else []


def page_lines(frame: pd.DataFrame | None) -> str:
    """What the sweep says, for the page.

    Args:
        frame: Its trials; None before it was run.
    """
    if frame is None:
        return f"Not run yet: `{COMMAND}` makes the table."
    sweep = outcomes(frame)
    turning = {method: turns_with(lengths) for method, lengths in sweep.items()}
    lengths = sorted({length for method in sweep.values() for length in method})
    rates = sorted({rate for method in sweep.values() for by_rate in method.values() for rate in by_rate})
    count = sum(len(by_rate) for method in sweep.values() for by_rate in method.values())
    told = ", ".join(f"{rate:g}" for rate in rates)
    still = sum(turns == (False, False) for turns in turning.values())
    seed = int(frame["seed"].min())
    parts = [
        f"{count} trials of {len(sweep)} methods, seed {seed}, at the rates {told} of Adam: {still} methods have one "
        f"verdict in all of theirs, {len(sweep) - still} turn.",
        *staying([method for method, turns in turning.items() if turns == (False, False)], sweep),
        *section(
            "It turns with the rate", [method for method, turns in turning.items() if turns == (True, False)], sweep
        ),
        *section(
            "It turns with the length", [method for method, turns in turning.items() if turns == (False, True)], sweep
        ),
        *section("It turns with both", [method for method, turns in turning.items() if turns == (True, True)], sweep),
        "Verdict, mi and neg_elbo on test:",
        *(table(sweep, length) for length in lengths),
    ]
    return "\n\n".join(parts)

"""Which columns a table shows, in which order of its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vaecli.core.errors import UsageError, unknown
from vaecli.metrics.schema import COLUMNS, Direction
from vaecli.reporting.conclusions import joint_verdict
from vaecli.reporting.view import number
from vaecli.runs.groups import finished
from vaecli.runs.statistics import defined

if TYPE_CHECKING:
    import pandas as pd

    from vaecli.runs.groups import Group

COMPUTED = ("seeds", "verdict")
"""Columns that a report makes itself."""

DEFAULT = (
    "rec",
    "kl",
    "neg_elbo",
    "iw_nll",
    "excess_nll",
    "ppl_iw",
    "unknown",
    "mi",
    "marginal_kl",
    "au",
    "probe_accuracy",
    "probe_sampled",
    "probe_majority",
    "seconds",
)
"""Figures shown unless asked otherwise, where any trial has them.

A perplexity stands with the words that it is kind to, a probe of the means with that of draws and with the majority.
"""

SILENT_AT_ZERO = ("unknown",)
"""Of these, those that are left out where all are 0."""

PAIRED_DEFAULT = ("rec", "kl", "neg_elbo", "iw_nll", "mi", "au")
"""Figures compared with a baseline unless asked otherwise."""


def direction(name: str) -> Direction | None:
    """Which way is better in a column; None where neither is."""
    return COLUMNS[name].direction if name in COLUMNS else None


def is_text(frame: pd.DataFrame, name: str) -> bool:
    """Whether a column of the table holds labels rather than figures."""
    if name in COLUMNS:
        return COLUMNS[name].kind == "text"
    values = [value for value in frame[name] if isinstance(value, str)]
    return len(defined(values)) < len(values)


def choose_columns(frame: pd.DataFrame, requested: str | None, per_trial: bool = False) -> tuple[str, ...]:
    """The columns to show; the method is always among them, and first where it wasn't named.

    Args:
        frame: A row a trial.
        requested: Names with commas between, as the user wrote them; None for the default set.
        per_trial: Whether a row of the table is a trial rather than a method.

    Raises:
        UsageError: A column that these results don't have, with the nearest.
    """
    if requested is None:
        return default_columns(frame, per_trial)
    names = [name.strip() for name in requested.split(",") if name.strip()]
    if not names:
        raise UsageError("--columns names no column; write for example --columns method,rec,kl")
    for name in names:
        require(frame, name, "--columns")
    return tuple(dict.fromkeys(names if "method" in names else ["method", *names]))


def require(frame: pd.DataFrame, name: str, option: str) -> None:
    """Refuses a column that the results don't have.

    Raises:
        UsageError: Naming the nearest column, or saying that it was not measured.
    """
    known = [*frame.columns, *COMPUTED]
    if name not in known and name in COLUMNS:
        raise UsageError(f"column {name!r} ({option}) was not measured in these results: {COLUMNS[name].meaning}")
    if name not in known:
        raise unknown("column", name, known, option)


def default_columns(frame: pd.DataFrame, per_trial: bool = False) -> tuple[str, ...]:
    """Method, what tells its rows apart, the figures that any trial has, and the verdict."""
    names = ["method"]
    if per_trial and "seed" in frame.columns:
        names.append("seed")
    elif "seed" in frame.columns and frame["seed"].nunique() > 1:
        names.append("seeds")
    if "status" in frame.columns and (frame["status"] != "done").any():
        names.append("status")
    done = finished(frame)
    names += [name for name in DEFAULT if name in frame.columns and _worth_showing(name, defined(done[name]))]
    return (*names, "verdict") if "kl" in names else tuple(names)


def _worth_showing(name: str, values: Sequence[float]) -> bool:
    return any(values) if name in SILENT_AT_ZERO else bool(values)


def text_of(group: Group, name: str) -> str:
    """What a column of labels says of a group: one label, or all that its trials bear."""
    if name == "method":
        return group.label
    if name == "verdict":
        return joint_verdict(group.trials)
    labels = [_label(value) for value in group.trials[name]]
    if name == "status" and len(set(labels)) > 1:
        return ", ".join(f"{count} {label}" for label, count in Counter(labels).most_common())
    return ", ".join(dict.fromkeys(labels))


def _label(value: object) -> str:
    """A label as it is, a seed as a whole number, nothing for an empty cell."""
    if isinstance(value, str):
        return value
    seeds = defined([value])
    return number(seeds[0], 0) if seeds else ""


@dataclass(frozen=True)
class Order:
    """The order of the rows: by a column, undefined last; None leaves them as they are."""

    column: str | None = None
    descending: bool = False

    def apply(self, groups: Sequence[Group], frame: pd.DataFrame) -> list[Group]:
        """The groups in this order; equal ones keep theirs."""
        if self.column is None:
            return list(groups)
        name = self.column
        if name == "seeds":
            return sorted(groups, key=lambda g: len(finished(g.trials)), reverse=self.descending)
        if name == "verdict" or is_text(frame, name):
            return sorted(groups, key=lambda g: text_of(g, name), reverse=self.descending)
        means = [(interval.mean if (interval := g.summary(name)) else None, g) for g in groups]
        known = [(mean, g) for mean, g in means if mean is not None]
        known.sort(key=lambda pair: pair[0], reverse=self.descending)
        return [g for _, g in known] + [g for mean, g in means if mean is None]


def parse_sort(frame: pd.DataFrame, written: str | None) -> Order:
    """Reads ``column``, ``column:asc`` or ``column:desc``.

    Raises:
        UsageError: An unknown column or order, with the nearest.
    """
    if written is None:
        return Order()
    name, _, suffix = written.partition(":")
    require(frame, name.strip(), "--sort")
    if suffix not in ("", "asc", "desc"):
        raise unknown("order", suffix, ("asc", "desc"), f"--sort {written}")
    return Order(name.strip(), suffix == "desc")

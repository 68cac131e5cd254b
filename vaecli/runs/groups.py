"""Which trials may be compared and which may be averaged: those that differ in nothing but the seed.

Only trials with status ``done`` have figures, and trials of other texts, settings or versions are never averaged.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vaecli.runs.identity import disagreements
from vaecli.runs.statistics import Interval, defined, interval
from vaecli.settings.protocols import SHARED

if TYPE_CHECKING:
    import pandas as pd

SECTION_KEYS = ("experiment", "corpus", "fingerprint", "protocol", "split")
"""What trials must share to be compared; columns that a table doesn't have are ignored."""

APART = "versions_apart"
"""A column that `complete` adds: the versions on which the trials of a table disagree."""

PROTOCOL = "training_protocol"
"""The column of how a method was trained; a table of before has none, and all its trials shared one protocol."""

GROUP_KEYS = (*SECTION_KEYS, "method", PROTOCOL, "variant", APART)
"""What trials must share to be averaged."""

LATE_KEYS = ("corpus", "fingerprint", "split")
"""Those that a trial knows only once it has begun."""

OWN_KEYS = (PROTOCOL, "variant", APART)
"""Those in which the rows of one method in one table may differ."""


def rows_of(frame: pd.DataFrame, columns: Collection[str] | None = None) -> list[dict[str, Any]]:
    """The trials of a table as values by column.

    Args:
        frame: A row a trial.
        columns: Only these, of those that the table has; a table of thousands of groups has no time for all.
    """
    names = [name for name in map(str, frame.columns) if columns is None or name in columns]
    lists = [frame[name].tolist() for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*lists, strict=True)]


def finished_rows(frame: pd.DataFrame, columns: Collection[str]) -> list[dict[str, Any]]:
    """`rows_of` the trials of `finished`."""
    rows = rows_of(frame, {"status", *columns})
    return [row for row in rows if row.get("status", "done") == "done"]


def finished(frame: pd.DataFrame) -> pd.DataFrame:
    """The trials with status ``done``; all of them in a table without statuses."""
    return frame[frame["status"] == "done"] if "status" in frame.columns else frame


@dataclass(frozen=True)
class Group:
    """The trials of one method that may be averaged.

    Attributes:
        method: Its name.
        label: Its name, with the settings and versions that differ where the table has several rows of one method.
        key: Values of `GROUP_KEYS`, those in the table.
        trials: A row a trial, failed ones included.
        difference: What the label says besides the method; empty where that is enough.
    """

    method: str
    label: str
    key: dict[str, Any]
    trials: pd.DataFrame
    difference: str = ""

    @property
    def count(self) -> int:
        """How many trials are finished."""
        return sum(_done(self.trials))

    def summary(self, column: str) -> Interval | None:
        """The interval of a column over the finished trials; None where the column is missing or undefined."""
        if column not in self.trials.columns:
            return None
        values = self.trials[column].tolist()
        if "status" not in self.trials.columns:
            return interval(values)
        statuses = self.trials["status"].tolist()
        return interval(value for value, status in zip(values, statuses, strict=True) if status == "done")

    def by_seed(self, column: str) -> dict[int, float]:
        """A column's finite figures by seed, of the finished trials."""
        if column not in self.trials.columns or "seed" not in self.trials.columns:
            return {}
        trials = finished(self.trials)
        pairs = zip(trials["seed"], trials[column], strict=True)
        numbers = {int(seed): defined([value]) for seed, value in pairs if defined([seed])}
        return {seed: number[0] for seed, number in numbers.items() if number and math.isfinite(number[0])}


def complete(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with its keys as text, an unknown one empty, and with `APART` where it has versions.

    What a trial that never ran far enough doesn't know of itself is taken from the other trials of the experiment, or
    of the method, where those agree on one.
    """
    table = frame
    for column in (*SECTION_KEYS, "variant"):
        if column in table.columns:
            table = table.assign(**{column: _filled(table, column)})
    if PROTOCOL in table.columns:
        told = [value if isinstance(value, str) and value else SHARED for value in table[PROTOCOL]]
        table = table.assign(**{PROTOCOL: told})
    if "versions" not in table.columns:
        return table
    texts = dict.fromkeys(range(len(table)), "")
    for indices in _indices(table, SECTION_KEYS).values():
        part = table.iloc[indices]
        texts_of_part = disagreements(list(part["versions"]), [*map(str, part["method"])], _done(part))
        texts |= dict(zip(indices, texts_of_part, strict=True))
    return table.assign(**{APART: list(texts.values())})


def _done(frame: pd.DataFrame) -> list[bool]:
    """Whether each trial has figures."""
    return [value == "done" for value in frame["status"]] if "status" in frame.columns else [True] * len(frame)


def _indices(frame: pd.DataFrame, keys: Sequence[str]) -> dict[tuple[str, ...], list[int]]:
    """The rows that share each combination of keys; a key that the table doesn't have is shared by all."""
    known = [frame[name].map(str).tolist() for name in keys if name in frame.columns]
    by_values: dict[tuple[str, ...], list[int]] = {}
    for index, values in enumerate(zip(*known, strict=True) if known else [()] * len(frame)):
        by_values.setdefault(values, []).append(index)
    return by_values


def _filled(frame: pd.DataFrame, column: str) -> list[str]:
    """A key as text; a gap that an unfinished trial leaves is filled where the rows equal so far have one value."""
    values = [value if isinstance(value, str) else "" for value in frame[column]]
    if column not in LATE_KEYS:
        return values
    done = _done(frame)
    for indices in _indices(frame, SECTION_KEYS[: SECTION_KEYS.index(column)]).values():
        known = {values[index] for index in indices} - {""}
        for index in indices if len(known) == 1 else []:
            if not (values[index] or done[index]):
                (values[index],) = known
    return values


def grouped(frame: pd.DataFrame) -> list[Group]:
    """The trials that may be averaged, in the order of their first rows."""
    table = complete(frame)
    keys = [name for name in GROUP_KEYS if name in table.columns]
    groups = []
    for values, trials in table.groupby(keys, sort=False, dropna=False):
        key = dict(zip(keys, values if isinstance(values, tuple) else (values,), strict=True))
        groups.append(Group(str(key["method"]), str(key["method"]), key, trials))
    several = PROTOCOL in table.columns and table[PROTOCOL].nunique() > 1
    rivals: dict[tuple[str, ...], list[Group]] = {}
    for group in groups:
        rivals.setdefault(_table_and_method(group), []).append(group)
    told = [_told(group, rivals[_table_and_method(group)], several) for group in groups]
    return [
        replace(group, label=f"{group.method} ({difference})" if difference else group.method, difference=difference)
        for group, difference in zip(groups, told, strict=True)
    ]


def table_words(groups: Sequence[Group]) -> list[str]:
    """For each group, what tells its table from those in which another one bears its label: ``experiment second``."""
    words = []
    for group in groups:
        alike = [other for other in groups if other.label == group.label]
        names = [name for name in SECTION_KEYS if len({other.key.get(name) for other in alike}) > 1]
        words.append(", ".join(f"{name} {group.key.get(name) or 'unknown'}" for name in names))
    return words


def _told(group: Group, others: Sequence[Group], several: bool) -> str:
    """What a row's label says besides its method; empty where that is enough.

    Args:
        group: The row.
        others: Those of its method in its table, itself included.
        several: Whether the table has rows of several protocols.
    """
    if len(others) > 1:
        return _difference(group, others)
    protocol = str(group.key.get(PROTOCOL, SHARED))
    return protocol if several and protocol != SHARED else ""


def _table_and_method(group: Group) -> tuple[str, ...]:
    """What the rows of one method in one table share."""
    return tuple(str(value) for name, value in group.key.items() if name not in OWN_KEYS)


def _difference(group: Group, others: Sequence[Group]) -> str:
    """The settings and versions of a group that not all groups of its method share; of protocols, their names alone."""
    protocols = [str(other.key.get(PROTOCOL, "")) for other in others]
    if len(set(protocols)) == len(others):
        return str(group.key[PROTOCOL])
    parts = {
        id(other): [part for name in OWN_KEYS for part in str(other.key.get(name) or "").split(", ") if part]
        for other in others
    }
    shared = set.intersection(*map(set, parts.values()))
    return ", ".join(part for part in parts[id(group)] if part not in shared) or "defaults"

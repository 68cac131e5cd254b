"""The trials behind the rows of a page's tables, each with what its folder holds besides its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vaecli.reporting.notes import ReportContext
from vaecli.runs.folder import RunFolder
from vaecli.runs.groups import Group, rows_of
from vaecli.runs.history import Row
from vaecli.runs.statistics import defined

DEFAULTS = "all settings of its own at their defaults"
"""What is said of a method whose trials set nothing."""
NONE = "no settings of its own"
"""What is said of one that has none to set."""
UNTOLD = "settings: not in these results"
"""What is said of one in a table without variants and without run folders."""


@dataclass(frozen=True)
class PageTrial:
    """A trial of one row.

    Attributes:
        label: Of the row, the method's name with what tells its rows apart.
        method: Without that.
        seed: None in a table without seeds.
        status: Where it stands.
        path: Of its folder; None where there is none.
        run: The contents of run.json.
        config: Its settings by group, as JSON has them.
        history: A row an evaluation on the validation split.
        metrics: The contents of metrics.json.
    """

    label: str
    method: str
    seed: int | None
    status: str
    path: Path | None = None
    run: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Row, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trained(self) -> bool:
        """Whether a model is to be expected in its folder."""
        return self.path is not None and self.status == "done"


def group_trials(group: Group, context: ReportContext) -> list[PageTrial]:
    """The trials of a row, with their folders where the context knows them.

    Raises:
        UsageError: A file of a folder can't be read.
        DataError: A history can't be read.
    """
    return [_trial(group, row, context) for row in rows_of(group.trials)]


def _trial(group: Group, row: Mapping[str, Any], context: ReportContext) -> PageTrial:
    seeds = defined([row.get("seed")])
    seed = int(seeds[0]) if seeds else None
    variant = row.get("variant")
    key = (group.method, variant if isinstance(variant, str) else "", -1 if seed is None else seed)
    status = str(row.get("status", "done"))
    if key not in context.trials:
        return PageTrial(group.label, group.method, seed, status)
    path = context.trials[key][0]
    folder = RunFolder(path)
    config = folder.config().model_dump(mode="json")
    history = tuple(folder.history())
    return PageTrial(group.label, group.method, seed, status, path, folder.run(), config, history, folder.metrics())


def own_settings(trials: list[PageTrial], effective: Mapping[str, Any] | None = None) -> str:
    """The settings of a method's own, ``bn.gamma = 0.6``.

    Args:
        trials: Of one row.
        effective: All of them, defaults included, where the method's code was at hand.
    """
    from vaecli.core.nested import flatten

    told = flatten(trials[0].config.get("hyper", {})) if trials and trials[0].config else {}
    override = flatten(trials[0].run.get("override") or {}) if trials and trials[0].run else {}
    values = {**(effective or {}), **told, **override}
    shown = ", ".join(f"{key} = {_shown(value)}" for key, value in values.items())
    return shown or (DEFAULTS if effective is None else NONE)


def _shown(value: Any) -> str:
    """A setting as a line shows it."""
    return f"{value:g}" if isinstance(value, float) else str(value)

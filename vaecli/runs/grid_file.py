"""The grid of an experiment as its folder keeps it, read without the registry of methods.

`vae compare` reads the same file with every name checked; what is done already is shown even where a method of the grid
is no longer installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vaecli.config import GROUPS
from vaecli.core.checked import scalar_kinds, unset
from vaecli.core.errors import UsageError
from vaecli.core.nested import merge
from vaecli.remedies import resolve
from vaecli.settings.layers import parse_seeds
from vaecli.settings.presets import load_preset
from vaecli.settings.toml_file import read_toml

GRID = "experiment.toml"
PLAN = "reproduction.json"
"""What a folder of a table that is reproduced says of itself: its rows are experiments, a folder each."""


@dataclass(frozen=True)
class GridFile:
    """What a report needs of a grid.

    Attributes:
        methods: In their order, each in its one spelling.
        seeds: In their order.
        groups: Settings that all methods share, by group and key, those of the preset included.
        overrides: Settings that apply to one method only, by method, group and key.
    """

    methods: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    groups: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_grid(experiment: Path) -> GridFile:
    """The grid in an experiment's folder; an empty one where there is none.

    Raises:
        UsageError: The file can't be read or isn't TOML (file and line).
    """
    path = experiment / GRID
    if not path.exists():
        return GridFile()
    raw, _ = read_toml(path)
    shared = merge(_preset(raw.get("preset")), {group: _table(raw.get(group)) for group in GROUPS})
    overrides = {
        spelled(name): {group: _settings(group, values) for group, values in _table(groups).items() if group in GROUPS}
        for name, groups in _table(raw.get("override")).items()
    }
    return GridFile(
        methods=_names(raw.get("methods")),
        seeds=_seeds(raw.get("seeds")),
        groups={group: _settings(group, shared.get(group)) for group in GROUPS},
        overrides=overrides,
    )


def _preset(name: Any) -> Mapping[str, Mapping[str, Any]]:
    """The settings of a preset; none for one that isn't there any more."""
    try:
        return load_preset(name if isinstance(name, str) else "quick")
    except UsageError:
        return {}


def spelled(method: str) -> str:
    """A method's one spelling, known or not: aliases resolved, remedies in alphabetical order."""
    return "+".join(sorted(resolve(method)))


def _names(value: Any) -> tuple[str, ...]:
    """The methods of a list, known or not."""
    return tuple(spelled(name) for name in value if isinstance(name, str)) if isinstance(value, list) else ()


def _seeds(value: Any) -> tuple[int, ...]:
    """The seeds of a grid; none where these are no seeds."""
    try:
        return parse_seeds(value)
    except UsageError:
        return ()


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _settings(group: str, values: Any) -> dict[str, Any]:
    """The settings of a group that the group has, as it takes them."""
    known = GROUPS[group].model_fields
    return {
        key: unset(value, scalar_kinds(known[key].annotation)) for key, value in _table(values).items() if key in known
    }

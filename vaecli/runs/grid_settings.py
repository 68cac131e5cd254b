"""The settings of a grid as its folder keeps them: written, compared with another command's, joined with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import tomli_w

from vaecli.config import GROUPS, build_config
from vaecli.core.nested import flatten, merge, nested, writable
from vaecli.remedies import make_method
from vaecli.runs.folder import FREE
from vaecli.settings.layers import Choices, several
from vaecli.settings.protocols import EVERYTHING
from vaecli.settings.resolve import Settings
from vaecli.settings.toml_file import framed


def changed(old: Settings, new: Settings) -> list[str]:
    """What one grid says otherwise than another, a line a key; methods, seeds and lists of values may differ."""
    lines = _differences(base_groups(old), base_groups(new), "")
    for name in _remedies(old) & _remedies(new):
        lines += _differences(old.hyper.get(name, {}), new.hyper.get(name, {}), f"{name}.")
    # of a setting with several values on either side, the folders of the trials say what is what
    lists = {*old.choices, *new.choices}
    lines = [line for line in lines if line.partition(":")[0] not in lists]
    for method in set(old.methods) & set(new.methods):
        before, after = old.overrides.get(method, {}), new.overrides.get(method, {})
        lines += _differences(before, after, f"override.{method}.")
    return sorted(lines)


def joined(old: Settings, new: Settings) -> Settings:
    """One grid with another's methods, seeds and values added."""
    return replace(
        new,
        methods=tuple(dict.fromkeys((*old.methods, *new.methods))),
        seeds=tuple(dict.fromkeys((*old.seeds, *new.seeds))),
        hyper=merge(old.hyper, new.hyper),
        overrides=merge(old.overrides, new.overrides),
        choices={key: _values(key, old, new) for key in dict.fromkeys((*old.choices, *new.choices))},
        tuned={**old.tuned, **new.tuned},
    )


def _values(key: str, *settings: Settings) -> tuple[Any, ...]:
    """All values that a setting with several has had, single ones and defaults included."""
    owner, _, name = key.partition(".")
    values: list[Any] = []
    for one in settings:
        if key in one.choices:
            values += one.choices[key]
        elif owner in GROUPS:
            values.append(getattr(getattr(build_config(dict(one.groups)), owner), name))
        elif any(owner in method.split("+") for method in one.methods):
            (remedy,) = make_method(owner, one.hyper).remedies
            values.append(remedy.hyper()[name])
    chosen = several(values)
    return chosen.values if isinstance(chosen, Choices) else (chosen,)


def base_groups(settings: Settings) -> dict[str, dict[str, Any]]:
    """All settings that the trials share, defaults included, without the seed."""
    config = build_config(dict(settings.groups))
    groups = {name: getattr(config, name).model_dump() for name in GROUPS}
    del groups["training"]["seed"]
    for key in settings.choices:
        group, _, name = key.partition(".")
        groups.get(group, {}).pop(name, None)
    return groups


def grid_text(name: str, settings: Settings, absent: Mapping[str, Any] | None = None) -> str:
    """The grid as TOML that `vae compare` takes; nothing in it depends on where it lies.

    Args:
        name: Of the experiment.
        settings: Of the grid.
        absent: What the file said of methods that can't be had here, which it goes on to say, and its order of all.
    """
    absent = absent or {}
    lists = {owner: writable(table) for owner, table in nested(settings.choices).items()}
    groups = merge(base_groups(settings), {group: lists[group] for group in GROUPS if group in lists})
    hyper = merge(settings.hyper, {owner: table for owner, table in lists.items() if owner not in GROUPS})
    values: dict[str, Any] = {
        "experiment": name,
        "preset": settings.preset,
        "methods": list(dict.fromkeys((*absent.get("methods", ()), *settings.methods))),
        "seeds": list(settings.seeds),
        **{group: writable(table) for group, table in groups.items()},
    }
    overrides = {
        method: {group: writable(table) for group, table in tables.items()}
        for method, tables in settings.overrides.items()
    }
    values |= {"before_protocol": firm} if (firm := firm_keys(settings)) else {}
    for key, tables in (("method", hyper), ("override", overrides), ("tuned", settings.tuned)):
        if both := merge(absent.get(key, {}), tables):
            values[key] = both
    return "# The grid of this experiment; `vae compare` with this file repeats it.\n" + framed(tomli_w.dumps(values))


def firm_keys(settings: Settings) -> list[str]:
    """The settings of a grid that go before what a protocol says of them, those alone of which one says something."""
    if EVERYTHING in settings.firm:
        return [EVERYTHING]
    told = {
        key
        for method in settings.methods
        for variant in settings.variants(method)
        for key in settings.training(method, variant).values
    }
    return sorted(told & settings.firm)


def _remedies(settings: Settings) -> set[str]:
    return {part for method in settings.methods for part in method.split("+")}


def _differences(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str) -> list[str]:
    old, new = flatten(before), flatten(after)
    keys = [key for key in (*old, *(k for k in new if k not in old)) if old.get(key) != new.get(key)]
    keys = [key for key in keys if prefix + key not in FREE]
    return [f"{prefix}{key}: {old.get(key)!r} -> {new.get(key)!r}" for key in keys]

"""Nested mappings, as settings are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Deep merge of nested mappings, later layers winning."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            if isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
                result[key] = merge(result[key], value)
            else:
                result[key] = merge(value) if isinstance(value, Mapping) else value
    return result


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by dotted key."""
    result: dict[str, Any] = {}
    for key, value in values.items():
        result |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return result


def nested(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Values by ``owner.key`` as a table an owner."""
    tables: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        owner, _, key = name.partition(".")
        tables.setdefault(owner, {})[key] = value
    return tables


def writable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as TOML can hold them, which has no null: ``"none"`` stands for what is unset, in lists too."""

    def told(value: Any) -> Any:
        return "none" if value is None else [*map(told, value)] if isinstance(value, list | tuple) else value

    return {key: told(value) for key, value in values.items()}

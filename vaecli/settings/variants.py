"""Combinations of settings that have several values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from vaecli.config import GROUPS
from vaecli.core.nested import flatten, nested


def variants_of(method: str, choices: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination of the choices that concern a method, by key; one without any where there is none."""
    concerned = (*GROUPS, *method.split("+"))
    keys = [key for key in choices if key.partition(".")[0] in concerned]
    return [dict(zip(keys, values, strict=True)) for values in product(*(choices[key] for key in keys))]


def choices_of(
    method: str, choices: Mapping[str, tuple[Any, ...]], overrides: Mapping[str, Mapping[str, Any]]
) -> dict[str, tuple[Any, ...]]:
    """The choices without those of settings that an override gives the method alone, for which it has that one value.

    Args:
        method: In its one spelling.
        choices: By ``owner.key``.
        overrides: Groups that apply to one method only, by method.
    """
    own = flatten(overrides.get(method, {}))
    return {key: values for key, values in choices.items() if key not in own}


def tables_of(values: Mapping[str, Any], owners: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Values by ``owner.key`` as the tables of some owners."""
    return {owner: table for owner, table in nested(values).items() if owner in owners}

"""Which methods are relatives: the families of the README, by what a remedy changes."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import pandas as pd

from vaecli.catalogue.cards import families
from vaecli.catalogue.methods_table import load_remedies


@cache
def family_by_method() -> dict[str, str]:
    """The family of each method that is no composition."""
    return {name: title for title, own in families(load_remedies()).items() for name in own}


def families_of(method: str) -> frozenset[str]:
    """That of a method, or those of each part of a composition; one without a family is its own."""
    return frozenset(family_by_method().get(part, part) for part in method.split("+"))


def families_of_trials(frame: pd.DataFrame) -> list[frozenset[str]]:
    """Of each row, the families of the method that it names and of all that its recipe adds to it."""
    trained = frame["trained"] if "trained" in frame.columns else frame["method"]
    pairs = zip(frame["method"], trained, strict=True)
    return [families_of(f"{method}+{whole}" if whole else method) for method, whole in pairs]


def can_be_left_out(kinds: Collection[frozenset[str]]) -> bool:
    """Whether each trial has another that shares no family with it."""
    distinct = set(kinds)
    return all(any(kind.isdisjoint(other) for other in distinct) for kind in distinct)

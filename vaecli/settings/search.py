"""What `vae tune` searches and by what it judges: ranges of settings, and objectives by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from vaecli.config import GROUPS
from vaecli.core.errors import UsageError, listed, unknown
from vaecli.metrics.schema import COLUMNS
from vaecli.remedies import make_method, remedy_class
from vaecli.remedies.core.sensible import Sensible, Span, sensible_text
from vaecli.settings.known_keys import check_key
from vaecli.settings.layers import NO_VARIANTS, OVERRIDABLE, parse_value

if TYPE_CHECKING:
    from vaecli.settings.resolve import Settings

Space = Mapping[str, Sensible]
"""The values of each setting that are tried, by key."""

Direction = Literal["minimize", "maximize"]
HYPERVOLUME = "hypervolume"
JUDGED = ("neg_elbo", "rec", "mi", "marginal_kl", "au")
"""Columns of a validation of which one way is better."""
LIMITED = (*JUDGED, "kl")
OBJECTIVE = re.compile(r"(\w+)(?:\s+at\s+(\w+)\s*(<=|>=)\s*(\S+))?")


@dataclass(frozen=True)
class Objective:
    """What makes one trial better than another, in figures of its best validation.

    Attributes:
        column: The figure; `HYPERVOLUME` is rate and distortion together, of which none is above the other.
        limit: A column, ``<=`` or ``>=``, and the value that it must keep to; None without.
    """

    column: str
    limit: tuple[str, str, float] | None = None

    def __str__(self) -> str:
        """As `parse_objective` takes it."""
        return self.column + (f" at {self.limit[0]} {self.limit[1]} {self.limit[2]:g}" if self.limit else "")

    @property
    def columns(self) -> tuple[str, ...]:
        """The figures that are searched, each in its better direction."""
        return ("kl", "rec") if self.column == HYPERVOLUME else (self.column,)

    @property
    def directions(self) -> list[Direction]:
        """``minimize`` or ``maximize`` of each of `columns`; a rate costs, so less of it is better."""
        if self.column == HYPERVOLUME:
            return ["minimize", "minimize"]
        return ["maximize" if COLUMNS[self.column].direction == "higher" else "minimize"]

    @property
    def needed(self) -> tuple[str, ...]:
        """The figures without any of which a trial can't be judged: those that are searched, and that of the limit."""
        return (*self.columns, *(self.limit[:1] if self.limit else ()))

    def judges(self, figures: Mapping[str, float]) -> bool:
        """Whether figures have all that is needed."""
        return all(name in figures for name in self.needed)

    def excess(self, figures: Mapping[str, float]) -> float:
        """By how much figures break the limit; 0 or less where they keep to it."""
        if self.limit is None:
            return 0.0
        column, sign, value = self.limit
        return figures[column] - value if sign == "<=" else value - figures[column]


def parse_objective(text: str) -> Objective:
    """``neg_elbo``, ``mi at neg_elbo <= 106`` or ``hypervolume``.

    Raises:
        UsageError: Anything else, with what there is.
    """
    where = "--objective"
    match = OBJECTIVE.fullmatch(text.strip())
    if not match:
        raise UsageError(f"{where} {text!r}: write a column, COLUMN at COLUMN <= NUMBER, or {HYPERVOLUME}")
    column, limited, sign, value = match.groups()
    if column not in (*JUDGED, HYPERVOLUME):
        raise unknown("objective", column, (*JUDGED, HYPERVOLUME), where)
    if limited is None:
        return Objective(column)
    if column == HYPERVOLUME:
        raise UsageError(f"{where} {text!r}: {HYPERVOLUME} is of all trials and takes no limit")
    if limited not in LIMITED:
        raise unknown("column", limited, LIMITED, where)
    number = parse_value(value)
    if isinstance(number, bool) or not isinstance(number, int | float) or not isfinite(number):
        raise UsageError(f"{where} {text!r}: {value!r} is no finite number")
    return Objective(column, (limited, sign, float(number)))


def check_judged(objective: Objective, methods: Sequence[str]) -> None:
    """Refuses a method that has no figure of those by which it would be judged.

    Raises:
        UsageError: Names the figure, why there is none, and others.
    """
    for method in methods:
        undefined = make_method(method).undefined
        if missing := [name for name in objective.needed if name in undefined]:
            others = ", ".join(name for name in JUDGED if name not in undefined)
            why = f"{method} has no {missing[0]}, for {undefined[missing[0]]}"
            raise UsageError(f"--objective {objective}: {why}; judge it by one of {others}")


def declared_space(method: str) -> dict[str, Sensible]:
    """The ranges that the remedies of a method declare, by key."""
    tables = {name: remedy_class(name).sensible for name in method.split("+")}
    return {f"{name}.{key}": values for name, table in tables.items() for key, values in table.items()}


def space_of(method: str, ranges: Mapping[str, Sensible]) -> dict[str, Sensible]:
    """What is searched for a method: what its remedies declare, and what the user says of them and of groups."""
    owners = (*GROUPS, *method.split("+"))
    return declared_space(method) | {key: values for key, values in ranges.items() if key.partition(".")[0] in owners}


def holds(values: Sensible, value: Any) -> bool:
    """Whether a value is one of those that are tried."""
    return values.low <= value <= values.high if isinstance(values, Span) else value in values


def check_searched(settings: Settings, spaces: Mapping[str, Space], ranges: Space) -> None:
    """Refuses values that a setting can't have, and a value said for a setting that is searched elsewhere.

    Args:
        settings: Of the search.
        spaces: What is searched, by method.
        ranges: Those of ``--range``.

    Raises:
        UsageError: Names the range, or where the value was said.
    """
    for method, space in spaces.items():
        for key, values in space.items():
            for value in ((values.low, values.high) if isinstance(values, Span) else values) if key in ranges else ():
                try:
                    settings.config(method, settings.seeds[0], variant={key: value})
                except UsageError as error:
                    raise UsageError(f"--range {str(error).partition(': ')[2]}") from None
            owner, _, name = key.partition(".")
            tables = settings.groups if owner in GROUPS else settings.hyper
            said = settings.locations.get(key, "preset")
            if not said.startswith("preset") and not holds(values, value := tables[owner][name]):
                raise UsageError(
                    f"{said}: {key} is searched over {sensible_text(values)}, without {value}; "
                    f"--range {key}=... searches elsewhere"
                )


def parse_ranges(texts: Sequence[str], methods: Sequence[str]) -> dict[str, Sensible]:
    """Ranges by key: ``bn.gamma=0.2..0.8``, ``training.learning_rate=1e-4..1e-2:log``, ``pooling.kind=max,mean``.

    Args:
        texts: Of ``--range``.
        methods: That are tuned.

    Raises:
        UsageError: No range, a setting that makes no variants, one of no such method, or one given twice.
    """
    ranges: dict[str, Sensible] = {}
    for text in texts:
        where = f"--range {text}"
        key, equals, said = text.partition("=")
        if not equals or not said:
            raise UsageError(f"{where}: write KEY=LOW..HIGH, KEY=LOW..HIGH:log or KEY=A,B")
        owner, name = check_key(key.strip())
        key = f"{owner}.{name}"
        if key == "training.epochs":
            raise UsageError(f"{where}: a search has a budget of epochs, the same for each trial; say it by --epochs")
        if owner in GROUPS and (owner not in OVERRIDABLE or key in NO_VARIANTS):
            raise UsageError(f"{where}: {key} is the same for all trials of an experiment; it can't be searched")
        if owner not in GROUPS and not any(owner in method.split("+") for method in methods):
            raise UsageError(f"{where}: no method uses {owner!r}; the methods are {listed(methods)}")
        if key in ranges:
            raise UsageError(f"{where}: {key} has two ranges; keep one")
        ranges[key] = _values(said.strip(), where)
    return ranges


def _values(said: str, where: str) -> Sensible:
    ends, _, scale = said.partition(":")
    low, dots, high = ends.partition("..")
    if not dots:
        words = tuple(word.strip() for word in said.split(","))
        if len(words) > 1 and all(isinstance(parse_value(word), str) for word in words):
            return words
        raise UsageError(f"{where}: write LOW..HIGH, LOW..HIGH:log, or words with commas between")
    numbers = [parse_value(end.strip()) for end in (low, high)]
    if scale not in ("", "log") or any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
        raise UsageError(f"{where}: write LOW..HIGH or LOW..HIGH:log, both numbers")
    try:
        return Span(numbers[0], numbers[1], log=scale == "log")
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None

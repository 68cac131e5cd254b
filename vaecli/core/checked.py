"""Values of settings that are of their type, their numbers finite: the one check that all of them pass.

The groups of settings and every remedy are `Checked`, those of other packages included, so what a TOML file, an option,
``--set``, a preset, an override, a run's config.toml or Python gives is held to the same rules, before any range:

- a number is finite, at most what float32 holds, in which models compute, and a whole one at most 2^32 - 1, as a seed,
  and at most the class's `largest`;
- ``true`` and ``false`` are no numbers, and numbers are neither of them;
- a whole number is written without a point: 3, neither 3.0 nor 1e1; where any number goes, 3 is 3.0;
- a text is no number, even ``"1"``, and a number is no text;
- -0.0 is 0.0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from vaecli.core.errors import nearest

LARGEST_FLOAT = 3.4028234663852886e38
"""Of float32; a larger one is infinite where it is used."""
LARGEST_INTEGER = 2**32 - 1
SCALARS = (bool, int, float, str, NoneType)
WANTED = {bool: "true or false", int: "an integer", float: "a number", str: "a text", NoneType: "unset"}


class Checked(BaseModel):
    """A frozen set of named values that refuses unknown names and values that are not of their type.

    A subclass may narrow this by ranges and validators of its own, but has no way around it.

    Attributes:
        largest: The largest whole number of a field.
    """

    largest: ClassVar[int] = LARGEST_INTEGER

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _check_type(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[str(info.field_name)].annotation
        if isinstance(kind, type) and issubclass(kind, Checked):
            return value  # looks at its own
        rules = cls.model_fields[str(info.field_name)].metadata
        bounds = [rule.le for rule in rules if isinstance(getattr(rule, "le", None), int)]
        return checked(value, scalar_kinds(kind), min([cls.largest, *bounds]))


def scalar_kinds(annotation: Any) -> frozenset[type] | None:
    """The plain types that an annotation admits; None where it admits others, such as a list."""
    if annotation in SCALARS:
        return frozenset({annotation})
    if annotation is None:
        return frozenset({NoneType})
    for alias in ("__value__", "__supertype__"):  # of `type X = ...` and of NewType
        if hasattr(annotation, alias):
            return scalar_kinds(getattr(annotation, alias))
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return frozenset(map(type, parts))
    if origin is Annotated:
        return scalar_kinds(parts[0])
    if origin in (Union, UnionType):
        kinds_of_parts = [scalar_kinds(part) for part in parts]
        return None if None in kinds_of_parts else frozenset().union(*(kinds for kinds in kinds_of_parts if kinds))
    return None


def checked(value: Any, kinds: frozenset[type] | None, largest: int = LARGEST_INTEGER) -> Any:
    """The value, as a float where only that is wanted.

    Args:
        value: As it was given.
        kinds: What it may be; None for a container, whose numbers are looked at alone.
        largest: The largest whole number, where one is wanted.

    Raises:
        ValueError: It is of another type, not finite, or too large.
    """
    if kinds is None or not isinstance(value, SCALARS):
        check_inside(value)
        return value
    if isinstance(value, bool | str) or value is None:
        return _same_kind(value, kinds)
    if not kinds & {int, float}:
        raise ValueError(f"must be {_wanted(kinds)}, got {shown(value)}")
    check_size(value, limit=largest if isinstance(value, int) and int in kinds else LARGEST_FLOAT)
    if isinstance(value, int):
        return value if int in kinds else float(value)
    if float not in kinds:
        way = f"; write {int(value)}" if value.is_integer() and abs(value) <= LARGEST_INTEGER else ""
        raise ValueError(f"must be {_wanted(kinds)}, got {shown(value)}{way}")
    return value + 0.0  # -0.0 becomes 0.0


def unset(value: Any, kinds: frozenset[type] | None) -> Any:
    """The value; None for ``none``, as TOML and a command line, which have no null, call what may be unset."""
    is_none = isinstance(value, str) and value.casefold() == "none"
    return None if is_none and kinds and NoneType in kinds and str not in kinds else value


def _same_kind(value: bool | str | None, kinds: frozenset[type]) -> bool | str | None:
    if type(value) in kinds or (isinstance(value, str) and str in kinds):
        return value
    if value is not None and unset(value, kinds) is None:
        return None
    text = f"the text {shown(value)}" if isinstance(value, str) else shown(value)
    raise ValueError(f"must be {_wanted(kinds)}, got {text}")


def check_inside(value: Any, where: str = "") -> None:
    """Looks at every number in a container.

    Raises:
        ValueError: One is not finite or too large; says which by its key.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            check_inside(item, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list | tuple):
        for item in value:
            check_inside(item, where)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        check_size(value, where)


def check_size(value: float, where: str = "", limit: float = LARGEST_FLOAT) -> None:
    """Looks at one number.

    Raises:
        ValueError: It is not finite, or its size is above the limit.
    """
    named = f"{where} " if where else ""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{named}must be a finite number, got {value}")
    if abs(value) > limit:
        most = f"{limit:.2g}" if isinstance(limit, float) else limit
        raise ValueError(f"{named}must be at most {most} in size, got {shown(value)}")


def _wanted(kinds: frozenset[type]) -> str:
    """``a number``, ``an integer or unset``."""
    return " or ".join(text for kind, text in WANTED.items() if kind in kinds and not (kind is int and float in kinds))


def shown(value: Any) -> str:
    """A value for a message, as TOML writes it, cut where it is long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) > 10**40:
        return f"an integer of {int(math.log10(abs(value))) + 1} digits"  # Python writes none above 4,300
    text = repr(value)
    return text if len(text) <= 60 else text[:56] + "..." + text[-1]


def problems(error: ValidationError, known: type[BaseModel], prefix: str = "") -> list[str]:
    """One line for each problem that pydantic found, with the nearest name for an unknown key."""
    lines = []
    for item in error.errors():
        path = [str(part) for part in item["loc"]]
        if not prefix and path and path[0] in known.model_fields:  # a title is what a file of settings calls the field
            path[0] = known.model_fields[path[0]].title or path[0]
        where = ".".join([prefix, *path]) if prefix else ".".join(path)
        if item["type"] == "extra_forbidden":
            owner = known
            for part in path[:-1]:
                annotation = owner.model_fields[part].annotation if part in owner.model_fields else None
                if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                    owner = annotation
            lines.append(f"{where}: unknown key; {nearest(path[-1], owner.model_fields)}")
        elif item["type"] == "value_error":
            lines.append(f"{where}: {item['ctx']['error']}")
        else:
            lines.append(f"{where}: {item['msg'].lower()}, got {shown(item['input'])}")
    return lines

"""What a remedy's class says of itself, looked at before a table or a method is made of it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Any

from vaecli.core.errors import nearest
from vaecli.remedies.core.parts import Need, Part
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Paper, Remedy
from vaecli.remedies.core.sensible import Span

TEXTS = ("name", "title", "equation", "no_recipe")
SETS: dict[str, type[StrEnum]] = {"owns": Part, "adds_to": Part, "needs": Need, "takes": Need}
HOOKS = {
    hook: tuple(inspect.signature(getattr(Remedy, hook)).parameters)[1:]
    for hook in ("build", "infer", "objective", "wrap_step", "phases", "payoffs", "idle", "refuses", "beside")
}
"""What a class may override, and what each hook is called with, in order."""
OWN_WORDS = frozenset({*vars(Remedy), *Remedy.__annotations__, "largest"})
"""What a remedy declares or does, of which none can be a hyper-parameter besides."""


def declaration_problem(kind: type[Remedy]) -> str:
    """The first thing that a class declares wrongly or not at all, in words; an empty text where there is none.

    Whether it is true of the remedy, a contract test shows; see `vaecli.testing`.
    """
    return next(_problems(kind), "")


def _problems(kind: type[Remedy]) -> Iterator[str]:
    for key in TEXTS:
        value = getattr(kind, key, None)
        if not (isinstance(value, str) and value):
            yield f"`{key}` is {_told(value)}; it is a text"
    paper = getattr(kind, "paper", None)
    if not isinstance(paper, Paper):
        yield f"`paper` is {_told(paper)}; it is a vaecli.remedies.core.remedy.Paper"
    yield from _of_numbers(kind)
    for key, words in SETS.items():
        yield from _of_set(key, getattr(kind, key), words)
    if not (isinstance(kind.deviations, tuple) and all(isinstance(text, str) for text in kind.deviations)):
        yield "`deviations` is a tuple of texts"
    if not (isinstance(kind.undefined, Mapping) and all(isinstance(why, str) for why in kind.undefined.values())):
        yield "`undefined` has a reason, a text, by column"
    if not isinstance(kind.recipe, Recipe | None):
        yield f"`recipe` is {_told(kind.recipe)}; it is a Recipe or None"
    yield from _of_hooks(kind)
    yield from _of_hyper_parameters(kind)


def _of_numbers(kind: type[Remedy]) -> Iterator[str]:
    if not isinstance(kind.version, int):
        yield f"`version` is {_told(kind.version)}; it is a whole number"
    if isinstance(kind.cost, bool) or not isinstance(kind.cost, int | float):
        yield f"`cost` is {_told(kind.cost)}; it is a number"
    elif not 0 < kind.cost < math.inf:
        yield f"`cost` is {_told(kind.cost)}; it is above 0"


def _of_set(key: str, declared: Any, words: type[StrEnum]) -> Iterator[str]:
    if not isinstance(declared, AbstractSet):
        yield f"`{key}` is {_told(declared)}; it is a frozenset of {words.__name__}"
        return
    for item in declared:
        if item not in set(words):
            yield f"`{key}` has {item!r}, which is no {words.__name__}; {nearest(str(item), map(str, words))}"


def _of_hooks(kind: type[Remedy]) -> Iterator[str]:
    for hook, arguments in HOOKS.items():
        if not callable(getattr(kind, hook)):
            yield f"`{hook}` is {_told(getattr(kind, hook))}; it is a method"
            continue
        own = inspect.getattr_static(kind, hook)
        bound = own.__get__(object(), kind) if hasattr(own, "__get__") else own  # without self, of whichever kind it is
        try:
            inspect.signature(bound).bind(*arguments)
        except (TypeError, ValueError) as error:
            why = str(error) if isinstance(error, TypeError) else "no argument for self"
            yield f"`{hook}` is called as {hook}({', '.join(arguments)}): {why}"


def _of_hyper_parameters(kind: type[Remedy]) -> Iterator[str]:
    for key, field in kind.model_fields.items():
        if key in OWN_WORDS:
            yield f"hyper-parameter {key!r} has a name that means something else in every remedy; choose another"
        if field.is_required():
            yield f"hyper-parameter {key!r} has no default"
    if not isinstance(kind.sensible, Mapping):
        yield f"`sensible` is {_told(kind.sensible)}; it has values by hyper-parameter"
        return
    for key, values in kind.sensible.items():
        if key not in kind.model_fields:
            yield f"`sensible` has {key!r}, which is no hyper-parameter of it; {nearest(str(key), kind.model_fields)}"
        is_words = isinstance(values, tuple) and values and all(isinstance(word, str) for word in values)
        if not (isinstance(values, Span) or is_words):
            yield f"`sensible` of {key!r} is {_told(values)}; it is a Span or a tuple of texts"


def _told(value: Any) -> str:
    return "missing" if value is None else "empty" if value == "" else repr(value)[:60]

"""Under which protocol a method is trained: as all others are, as its paper has it, or as a search found it best.

- ``shared``: only the method differs between two rows.
- ``published``: the optimiser, rates, clip, batch size, warm-up and inner loop of the method's paper, by its `Recipe`,
  with the remedies that the paper always uses beside it. Sizes, dropout, corpus and number of epochs are the run's.
- ``tuned``: the best setting of a finished `vae tune`, of one budget for all methods.

What a protocol says goes before the preset, ``[training]`` of a grid's file and ``[method.NAME]`` in it; overrides of
one method, options, ``--set`` and lists of values go before the protocol.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from vaecli.config import GROUPS
from vaecli.core.errors import UsageError
from vaecli.core.nested import merge, nested
from vaecli.remedies import canonical, remedy_class, resolve
from vaecli.remedies.core.papers import PAPERS
from vaecli.remedies.core.parts import refusal
from vaecli.remedies.core.recipe import Recipe

Protocol = Literal["shared", "published", "tuned"]
SHARED, PUBLISHED, TUNED = "shared", "published", "tuned"
PROTOCOL_KEY = "training.protocol"
NO_RECIPE = "no recipe"
"""How a run says that it is trained as under the shared protocol, for its paper's training isn't known."""
EVERYTHING = "all"
"""Stands among the keys that go before a protocol where all settings do, as in the file of a run."""


@dataclass(frozen=True)
class Training:
    """How a method is trained under a protocol.

    Attributes:
        method: The method with the remedies that its paper always uses beside it.
        values: What the protocol says, by the key of the setting.
        told: Whose recipe it is, or why there is none; empty under the shared protocol.
        is_known: Whether there is one.
    """

    method: str
    values: Mapping[str, Any] = field(default_factory=dict)
    told: str = ""
    is_known: bool = True

    def groups(self, firm: Collection[str]) -> dict[str, dict[str, Any]]:
        """The settings of groups, without those of `firm`."""
        return nested({k: v for k, v in self.values.items() if k.partition(".")[0] in GROUPS and k not in firm})

    def hyper(self, firm: Collection[str]) -> dict[str, dict[str, Any]]:
        """The hyper-parameters by remedy, without those of `firm`."""
        return nested({k: v for k, v in self.values.items() if k.partition(".")[0] not in GROUPS and k not in firm})


def leading(method: str) -> tuple[Recipe | None, str]:
    """The recipe of a method, of the remedy that leads it, and whose it is or why there is none.

    Of a paper's composition it is that paper's; of another, that of the one remedy that isn't a companion of others.
    A composition of remedies whose papers train otherwise has none.
    """
    parts = method.split("+")
    for paper in PAPERS.values():
        if paper.method == method:
            recipe = remedy_class(paper.leads).recipe
            return recipe, recipe.source if recipe else remedy_class(paper.leads).no_recipe
    recipes = {name: remedy_class(name).recipe for name in parts}
    companions = {other for recipe in recipes.values() if recipe for other in recipe.companions}
    heads = [name for name in parts if name not in companions] or parts
    known = {name: recipe for name in heads if (recipe := recipes[name]) is not None}
    if not known:
        return None, "; ".join(f"{name}: {remedy_class(name).no_recipe}" for name in heads)
    first, *others = known.values()
    if any(_without_hyper(other) != _without_hyper(first) for other in others):
        return None, f"no paper trains {' with '.join(known)}, and their papers train otherwise than one another"
    return first, first.source


def _without_hyper(recipe: Recipe) -> dict[str, Any]:
    return {key: value for key, value in recipe.told().items() if key.partition(".")[0] in GROUPS}


def with_companions(method: str, recipe: Recipe) -> str:
    """The method with the companions of its recipe, those left out that change what it changes already."""
    parts = method.split("+")
    for name in recipe.companions:
        if name not in parts and not any(refusal(remedy_class(name), remedy_class(part)) for part in parts):
            parts.append(name)
    return canonical("+".join(parts))


def published(method: str, epochs: int) -> Training:
    """How the paper of a method trains it.

    Args:
        method: In its one spelling.
        epochs: Of the run, to which the paper's counts of epochs are scaled.
    """
    recipe, told = leading(method)
    if recipe is None:
        return Training(method, {}, f"{NO_RECIPE}: {told}", is_known=False)
    try:
        whole = with_companions(method, recipe)
    except UsageError as error:
        raise UsageError(f"--protocol {PUBLISHED}: the recipe of {method!r} has a companion: {error}") from None
    owners = {*GROUPS, *whole.split("+")}
    values = {key: value for key, value in recipe.settings(epochs).items() if key.partition(".")[0] in owners}
    return Training(whole, values, told)


def as_published(method: str) -> str:
    """A method with what its paper adds to it; itself where it isn't installed or can't be composed."""
    try:
        return published(method, epochs=1).method
    except UsageError:
        return method


def papers_named(methods: Sequence[Any]) -> dict[str, str]:
    """The papers among names of methods, by the method that each stands for.

    Raises:
        UsageError: A paper and the method that it stands for are both named, which would be one row.
    """
    names = [name.strip() for value in methods if isinstance(value, str) for name in value.split(",")]
    by_method = {PAPERS[name].method: name for name in names if name in PAPERS}
    for name in names:
        if name not in PAPERS and (paper := by_method.get("+".join(sorted(resolve(name))))):
            both = f"{paper} is {name} under --protocol {PUBLISHED}"
            raise UsageError(f"{both}: name it once, and --protocol {SHARED},{PUBLISHED} makes both")
    return by_method


def protocols_of(
    method: str, groups: Mapping[str, Any], overrides: Mapping[str, Any], choices: Mapping[str, Sequence[Any]]
) -> tuple[str, ...]:
    """The protocols under which a method is trained.

    Args:
        method: In its one spelling.
        groups: Settings that all methods share, by group.
        overrides: Those of one method only, by method and group.
        choices: Settings with several values, by key.
    """
    own = overrides.get(method, {}).get("training", {})
    if PROTOCOL_KEY in choices and "protocol" not in own:
        return tuple(choices[PROTOCOL_KEY])
    return (merge(groups.get("training", {}), own).get("protocol", SHARED),)

"""What can be wrong with merged settings, each problem told where the setting was said."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import prod
from typing import Any

from pydantic import ValidationError

from vaecli.config import GROUPS
from vaecli.core.checked import problems
from vaecli.core.errors import UsageError, listed, nearest
from vaecli.core.nested import merge
from vaecli.metrics.extras.registry import BLOCKS
from vaecli.remedies import make_method
from vaecli.settings.layers import MOST_VARIANTS
from vaecli.settings.machine_limits import machine_problems
from vaecli.settings.variants import tables_of, variants_of

Groups = Mapping[str, Mapping[str, Any]]


class Checks:
    """Notes what is wrong.

    Args:
        problems: The notes, a line each; those that come are added.
        locations: Where settings were said, by their keys.
        others: Methods of a file that aren't run, whose settings may stay unused.
    """

    def __init__(
        self, problems: list[str], locations: Mapping[tuple[str, ...], str], others: Sequence[str] = ()
    ) -> None:
        self.problems, self.locations, self.others = problems, locations, others

    def group(
        self, group: str, values: Mapping[str, Any], own: Mapping[str, Any], path: tuple[str, ...], default: str = ""
    ) -> None:
        """Notes what pydantic finds wrong with the values in `own`, at their locations."""
        try:
            GROUPS[group].model_validate(dict(values))
        except ValidationError as error:
            for item, line in zip(error.errors(), problems(error, GROUPS[group], ".".join(path)), strict=True):
                key = str(item["loc"][0])
                if key in own:
                    self.problems.append(f"{self.locations.get((*path, key), default)}: {line}")

    def machine(self, groups: Groups, path: tuple[str, ...]) -> None:
        """Notes values that are too large for this machine, where their types let them pass."""
        for group, key, problem in machine_problems(groups):
            key_path = (*path, group, key)
            name = ".".join(key_path)
            if not any(f"{name}: " in line for line in self.problems):
                location = self.locations.get(key_path)
                self.problems.append(f"{location}: {name}: {problem}" if location else f"{name}: {problem}")

    def extra(self, names: Any) -> None:
        """Notes names of evaluations that don't exist."""
        if isinstance(names, str):
            names = [name.strip() for name in names.split(",")]
        location = self.locations.get(("evaluation", "extra"), "")
        for name in names if isinstance(names, list | tuple) else ():
            if isinstance(name, str) and name and name not in BLOCKS:
                self.problems.append(
                    f"{location}: evaluation.extra: unknown evaluation {name!r}: {nearest(name, BLOCKS)}"
                )

    def used(
        self,
        methods: Sequence[str],
        hyper: Mapping[str, Any],
        overrides: Mapping[str, Any],
        companions: Collection[str],
    ) -> None:
        """Notes settings for remedies and methods that don't run; a file's own methods may be left out.

        None where no method is known, because a name was wrong.
        """
        if not methods:
            return
        known = {part for method in (*methods, *self.others) for part in method.split("+")} | {*companions}
        for name, values in hyper.items():
            if name not in known:
                location = self.locations[(name, next(iter(values)))]
                self.problems.append(f"{location}: no method uses {name!r}; the methods are {listed(methods)}")
        for name in overrides:
            if name not in (*methods, *self.others):
                location = self.locations[("override", name)]
                self.problems.append(f"{location}: no method is {name!r}; the methods are {listed(methods)}")

    def choices(self, groups: Groups, choices: Mapping[str, Sequence[Any]]) -> None:
        """Notes what is wrong with each value of a list for a group, beside the group's other values."""
        for name, values in choices.items():
            group, _, key = name.partition(".")
            for value in values if group in GROUPS else ():
                self.group(group, {**groups.get(group, {}), key: value}, {key: value}, (group,))
                self.machine({group: {key: value}}, ())

    def methods(self, methods: Sequence[str], hyper: Mapping[str, Any], choices: Mapping[str, Sequence[Any]]) -> None:
        """Notes unknown hyper-parameters, values out of range and remedies that do not compose."""
        seen: dict[str, None] = {}
        for method in methods:
            parts = method.split("+")
            count = prod(len(values) for key, values in choices.items() if key.partition(".")[0] in (*GROUPS, *parts))
            if count > MOST_VARIANTS:
                self.problems.append(f"{method}: {count:,} variants; {MOST_VARIANTS:,} at most, so give shorter lists")
                continue
            for variant in variants_of(method, choices):
                try:
                    make_method(method, merge(hyper, tables_of(variant, parts)))
                except UsageError as error:
                    seen.update(dict.fromkeys(str(error).removeprefix("hyper-parameters: ").split("\n  ")))
        for line in seen:
            remedy, _, key = line.partition(": ")[0].partition(".")
            location = self.locations.get((remedy, key))
            self.problems.append(f"{location}: {line}" if location else line)

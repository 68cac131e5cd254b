"""The layers of a run's settings: preset < ``VAE_*`` variables < TOML file < options < ``--set``, into `RunConfig`s.

All problems of all layers are collected and reported together, each with its location.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vaecli.config import GROUPS, RunConfig, build_config
from vaecli.core.checked import shown
from vaecli.core.errors import UsageError
from vaecli.core.names import name_problem
from vaecli.core.nested import merge, nested
from vaecli.core.option_settings import OPTION_SETTINGS
from vaecli.remedies import make_method
from vaecli.settings.checks import Checks
from vaecli.settings.known_keys import meant
from vaecli.settings.layers import (
    Choices,
    Layer,
    parse_methods,
    parse_seeds,
    read_options,
    read_sets,
    read_values,
    read_variables,
)
from vaecli.settings.presets import load_preset
from vaecli.settings.protocols import (
    EVERYTHING,
    PROTOCOL_KEY,
    PUBLISHED,
    SHARED,
    TUNED,
    Training,
    papers_named,
    protocols_of,
    published,
)
from vaecli.settings.searches import best_of_searches
from vaecli.settings.toml_file import read_file
from vaecli.settings.unused import method_notes, unused_settings
from vaecli.settings.variants import choices_of, tables_of, variants_of

__all__ = ["Settings", "load_settings", "parse_methods", "parse_seeds"]

Groups = Mapping[str, Mapping[str, Any]]

STRONG = ("options", "--set", "settings")
"""The sources of what somebody says here and now, which goes before overrides and protocols."""


@dataclass(frozen=True)
class Settings:
    """Everything the user said, with one answer to every question.

    Attributes:
        preset: The preset that the settings started from.
        groups: Values by group and key, the preset's included.
        methods: In the order given.
        seeds: In the order given.
        hyper: Hyper-parameters by remedy, only of remedies that the methods use.
        overrides: Groups that apply to one method only, by method, only of these methods.
        experiment: Its name, if one was given.
        jobs: Trials at a time, if it was given.
        notes: What the user should know of how the layers were merged, a line each.
        choices: Settings with several values, by ``group.key`` or ``remedy.key``, nowhere else in what methods share.
        locations: Where each setting was said, by ``group.key``, ``remedy.key`` or ``override.method.group.key``:
            ``exp.toml:12``, ``--epochs``, ``preset ptb``; defaults are said nowhere.
        firm: Keys of settings that go before what a protocol says of them; see `vaecli.settings.protocols`.
        tuned: The best settings that a search found, by method and key, of those that are trained so.
    """

    preset: str
    groups: Groups
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    hyper: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    overrides: Mapping[str, Groups] = field(default_factory=dict)
    experiment: str | None = None
    jobs: int | None = None
    notes: tuple[str, ...] = ()
    choices: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    locations: Mapping[str, str] = field(default_factory=dict, compare=False)
    firm: frozenset[str] = frozenset()
    tuned: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def variants(self, method: str) -> list[dict[str, Any]]:
        """Every combination of the choices that concern a method, by key; one without any where there is none."""
        return variants_of(method, choices_of(method, self.choices, self.overrides))

    def training(self, method: str, variant: Mapping[str, Any]) -> Training:
        """How a variant of a method is trained under its protocol, which says nothing where all settings are firm."""
        own = merge(self.groups, self.overrides.get(method, {}), tables_of(variant, GROUPS)).get("training", {})
        protocol = own.get("protocol", SHARED)
        if protocol == SHARED or EVERYTHING in self.firm:
            return Training(method)
        if protocol == TUNED:
            return Training(method, self.tuned.get(method, {}), "the best of its search")
        return published(method, own.get("epochs", OPTION_SETTINGS["training.epochs"].default))

    def override(self, method: str, variant: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The settings of groups that a variant of a method has for itself, those of its protocol included."""
        own = merge(self.overrides.get(method, {}), tables_of(variant, GROUPS))
        protocol = merge(self.groups, own).get("training", {}).get("protocol", SHARED)
        if protocol == SHARED:
            return own
        return merge(self.training(method, variant).groups(self.firm), own, {"training": {"protocol": protocol}})

    def config(
        self, method: str, seed: int, experiment: str | None = None, variant: Mapping[str, Any] | None = None
    ) -> RunConfig:
        """The settings of one run, those of its remedies' defaults included.

        Args:
            method: In its one spelling; a protocol may add remedies to it.
            seed: Of the run.
            experiment: Its name; the settings' own, or ``default``, without.
            variant: One of `variants`; the first without.
        """
        chosen = self.variants(method)[0] if variant is None else variant
        values = merge(self.groups, self.override(method, chosen), {"training": {"seed": seed}})
        training = self.training(method, chosen)
        parts = training.method.split("+")
        told = {name: dict(self.hyper[name]) for name in parts if name in self.hyper}
        own = merge(told, training.hyper(self.firm), tables_of(chosen, parts))
        name = experiment or self.experiment or "default"
        made = make_method(training.method, own)
        head = {"experiment": name, "method": made.name, "preset": self.preset, "hyper": made.hyper}
        return build_config({**head, **values})


def load_settings(
    file: Path | None = None,
    *,
    preset: str | None = None,
    options: Groups | None = None,
    sets: Sequence[str] = (),
    values: Mapping[str, Any] | None = None,
    table: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    methods: Iterable[str] = (),
    seeds: str | int | None = None,
    experiment: str | None = None,
    jobs: int | None = None,
    default_methods: Sequence[str] = ("vanilla",),
    methods_option: str = "--methods",
    seeds_option: str = "--seeds",
    leave_out: Collection[str] = (),
    searches: Path | None = None,
) -> Settings:
    """Reads and checks all layers.

    Args:
        file: TOML file of an experiment.
        preset: ``--preset``; goes before the file's, ``quick`` without either.
        options: Values of options, by group and key; None where an option wasn't given.
        sets: ``--set`` values, the last word.
        values: Settings by dotted key and with their types, as Python has them; options and ``--set`` go before them.
        table: Settings by dotted key that all rows of a published table share; a protocol goes before them, as before
            those of a file's ``[training]``.
        environment: Whose ``VAE_*`` variables are read; none without.
        methods: ``--methods``, instead of the file's; ``all`` is every remedy.
        seeds: ``--seeds``, instead of the file's.
        experiment: ``--name``, instead of the file's.
        jobs: ``--jobs``, instead of the file's.
        default_methods: Where neither says.
        methods_option: What the command calls it, for its messages.
        seeds_option: The same of the seeds.
        leave_out: Remedies of which the file is not asked, see `read_file`.
        searches: Folder of experiments, whose searches say the settings of ``--protocol tuned``.

    Raises:
        UsageError: With every problem on a line of its own: unknown keys, names and values out of range, clashes of
            methods.
    """
    base = Path.cwd()
    told = read_file(file, leave_out) if file is not None else Layer("file")
    shared = replace(read_values(table or {}, base), source="table")
    layers = [read_variables(environment or {}, base), shared, told, read_values(values or {}, base)]
    layers += [read_options(options or {}, base), read_sets(sets, base)]
    resolver = _Resolver(layers, told, searches)
    plan = resolver.plan(
        {"preset": preset, "methods": methods, "seeds": seeds, "experiment": experiment, "jobs": jobs},
        default_methods,
        (methods_option, seeds_option),
    )
    settings = resolver.settings(plan)
    if resolver.problems:
        count = len(resolver.problems)
        lines = "\n  ".join(resolver.problems)
        raise UsageError(lines if count == 1 else f"{count} problems in the settings:\n  {lines}")
    unused = unused_settings([layer for layer in layers if layer.source in STRONG], settings)
    return replace(settings, notes=(*settings.notes, *unused, *method_notes(settings)))


def _take_choices(tables: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Removes settings with several values from tables; gives them by ``owner.key``."""
    choices = {}
    for owner, values in tables.items():
        for key in [key for key, value in values.items() if isinstance(value, Choices)]:
            choices[f"{owner}.{key}"] = values.pop(key).values
    return choices


def _own(choices: Mapping[str, Any]) -> dict[str, Any]:
    """The choices that are of remedies."""
    return {key: values for key, values in choices.items() if key.partition(".")[0] not in GROUPS}


class _Resolver:
    """Merges layers and collects what is wrong.

    Args:
        layers: In ascending precedence.
        file: The one of them that is a file's, of which settings for methods that aren't run may stay unused.
        searches: See `load_settings`.
    """

    def __init__(self, layers: Sequence[Layer], file: Layer, searches: Path | None = None) -> None:
        self.searches = searches
        self.layers, self.file, self.file_methods = layers, file, file.plan.get("methods", ()) or ()
        self.problems = [problem for layer in layers for problem in layer.problems]
        self.locations = {path: location for layer in layers for path, location in layer.locations.items()}
        self.preset_locations: dict[str, str] = {}
        self.papers: dict[str, str] = dict(file.plan.get("papers", {}))

    def plan(
        self, asked: Mapping[str, Any], default_methods: Sequence[str], options: tuple[str, str]
    ) -> dict[str, Any]:
        """What is ``asked`` of the plan, else the file's; ``options`` are what a command calls methods and seeds."""
        plan: dict[str, Any] = {"preset": "quick", "methods": (), "seeds": (), "experiment": None, "jobs": None}
        for layer in self.layers:
            plan.update(layer.plan)
        plan.update({key: value for key, value in asked.items() if value is not None and key in ("preset", "jobs")})
        try:
            chosen, told = tuple(asked["methods"]), plan["methods"]
            plan["methods"] = ()  # where a name is wrong
            if chosen:
                plan["methods"] = parse_methods(chosen, options[0])
            elif told is not None:
                plan["methods"] = told or parse_methods(default_methods)
            self.papers = papers_named(chosen) if chosen else self.papers
        except UsageError as error:
            self.problems += str(error).split("\n  ")
        try:
            plan["seeds"] = self._seeds(asked["seeds"], plan["seeds"], options[1])
        except UsageError as error:
            self.problems.append(str(error))
        if asked["experiment"] is not None:
            plan["experiment"] = asked["experiment"]
            if problem := name_problem("experiment", asked["experiment"]):
                self.problems.append(f"--name: {problem}")
        return plan

    def _seeds(self, asked: str | int | None, planned: tuple[int, ...], option: str) -> tuple[int, ...]:
        """Those of ``--seeds``, else ``training.seed`` of the strongest layer, else the file's, else 0."""
        location = self.locations.get(("training", "seed"))
        if asked is not None:
            if location is not None and location.startswith(("--", "settings[")):
                raise UsageError(f"{location}: {option} {asked} says the seeds too; keep one")
            return parse_seeds(asked, option)
        if location is None:
            return planned or (0,)
        if planned and "seed" in self.file.groups.get("training", {}) and not location.startswith("--"):
            raise UsageError(f"{location}: training.seed and seeds are both given; keep one")
        values = [
            layer.groups["training"]["seed"] for layer in self.layers if "seed" in layer.groups.get("training", {})
        ]
        return parse_seeds(values[-1], location)

    def settings(self, plan: Mapping[str, Any]) -> Settings:
        """The merged settings, checked."""
        self._tell_ownerless(plan["methods"])
        groups: dict[str, Any] = {}
        try:
            groups = load_preset(plan["preset"])
            for group, values in groups.items():
                self.preset_locations |= {f"{group}.{key}": f"preset {plan['preset']}" for key in values}
        except UsageError as error:
            self.problems.append(str(error))
        check = Checks(self.problems, self.locations, self.file_methods)
        groups = merge(groups, *(layer.groups for layer in self.layers))
        hyper = merge(*(layer.hyper for layer in self.layers))
        choices = {**_take_choices(hyper), **_take_choices(groups)}
        overrides = self._overrides(PROTOCOL_KEY in choices)
        whole = {method: self._whole(method, groups, overrides, choices) for method in plan["methods"]}
        for group, values in groups.items():
            check.group(group, values, values, (group,), f"preset {plan['preset']}")
        for method, tables in overrides.items():
            for group, values in tables.items():
                check.group(group, merge(groups.get(group, {}), values), values, ("override", method, group))
        check.choices(groups, choices)
        check.machine(groups, ())
        for method, tables in overrides.items():
            check.machine(tables, ("override", method))
        check.extra(groups.get("evaluation", {}).get("extra", ()))
        check.used(
            plan["methods"],
            merge(hyper, nested(_own(choices))),
            overrides,
            {part for method in whole.values() for part in method.split("+")} - {key.split(".")[0] for key in choices},
        )
        check.methods(plan["methods"], hyper, choices)
        used = {part for method in whole.values() for part in method.split("+")}
        tuned = self._tuned(plan, groups, overrides, choices)
        groups.get("training", {}).pop("seed", None)
        return Settings(
            preset=plan["preset"],
            groups=groups,
            methods=plan["methods"],
            seeds=plan["seeds"],
            hyper={name: values for name, values in hyper.items() if name in used},
            overrides={name: tables for name, tables in overrides.items() if name in plan["methods"]},
            experiment=plan["experiment"],
            jobs=plan["jobs"],
            notes=self._notes(),
            choices={key: values for key, values in choices.items() if key.partition(".")[0] in {*used, *GROUPS}},
            locations=self.preset_locations | {".".join(path): text for path, text in self.locations.items()},
            firm=self._firm(),
            tuned=tuned,
        )

    def _whole(
        self,
        method: str,
        groups: Mapping[str, Any],
        overrides: Mapping[str, Any],
        choices: Mapping[str, Sequence[Any]],
    ) -> str:
        """A method with the remedies that its paper adds to it, where it is trained as its paper has it."""
        if PUBLISHED in protocols_of(method, groups, overrides, choices) and EVERYTHING not in self._firm():
            return published(method, epochs=1).method
        return method

    def _firm(self) -> frozenset[str]:
        """The keys that go before a protocol: those of options, of ``--set`` and of Python, and those a file names."""
        strong = [layer for layer in self.layers if layer.source in STRONG]
        told = {f"{group}.{key}" for layer in strong for group, values in layer.groups.items() for key in values}
        told |= {f"{name}.{key}" for layer in strong for name, values in layer.hyper.items() for key in values}
        return frozenset(told | {key for layer in self.layers for key in layer.plan.get("firm", ())})

    def _tuned(
        self,
        plan: Mapping[str, Any],
        groups: Mapping[str, Any],
        overrides: Mapping[str, Any],
        choices: Mapping[str, Sequence[Any]],
    ) -> dict[str, Mapping[str, Any]]:
        """What searches found for the methods that are trained so; notes for which there is none."""
        wanted = [method for method in plan["methods"] if TUNED in protocols_of(method, groups, overrides, choices)]
        if EVERYTHING in self._firm() or not wanted:
            return {}
        known = dict(self.file.plan.get("tuned", {}))
        try:
            return {method: known[method] for method in wanted if method in known} | best_of_searches(
                self.searches, [method for method in wanted if method not in known], groups, plan["preset"]
            )
        except UsageError as error:
            self.problems += str(error).split("\n  ")
            return {}

    def _tell_ownerless(self, methods: Sequence[str]) -> None:
        """Notes settings without a group or remedy, with those of their name."""
        for layer in self.layers:
            for location, name in layer.ownerless.items():
                self.problems.append(
                    f"{location}: {meant(name, methods) or 'name a setting as group.key or remedy.key'}"
                )

    def _notes(self) -> tuple[str, ...]:
        """A line for each ``--set`` that goes before an option of the same command line."""
        options, sets = self.layers[-2:]
        return tuple(
            f"{location} goes before {options.locations[path]} {shown(options.groups[path[0]][path[1]])}"
            for path, location in sets.locations.items()
            if path in options.locations and options.groups[path[0]][path[1]] != sets.groups[path[0]][path[1]]
        )

    def _overrides(self, several_protocols: bool) -> dict[str, Any]:
        """The file's overrides without what an option or ``--set`` says for all methods; papers have their protocol."""
        said = merge(*(layer.groups for layer in self.layers if layer.source in STRONG))
        result: dict[str, Any] = {}
        if not several_protocols and not any("protocol" in layer.groups.get("training", {}) for layer in self.layers):
            result = {method: {"training": {"protocol": PUBLISHED}} for method in self.papers}
        for layer in self.layers:
            for method, tables in layer.overrides.items():
                kept = {
                    group: {key: value for key, value in values.items() if key not in said.get(group, {})}
                    for group, values in tables.items()
                }
                own = {group: values for group, values in kept.items() if values}
                result[method] = merge(result.get(method, {}), own)
        return {method: tables for method, tables in result.items() if tables}

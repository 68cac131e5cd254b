"""One layer of settings: what a TOML file, the options or ``--set`` say, with the location of every key."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import Any

from vaecli.config import GROUPS
from vaecli.core.checked import scalar_kinds, shown, unset
from vaecli.core.errors import UsageError, nearest
from vaecli.core.files import at_home
from vaecli.core.messages import tell
from vaecli.core.option_settings import OPTION_SETTINGS
from vaecli.corpus.origins import EMBEDDED, is_hub
from vaecli.remedies import METHODS_WAY, SPELLINGS, canonical, load_all, method_names, remedy_name
from vaecli.settings.known_keys import OWNERS_WAY, SETTINGS_WAY

OVERRIDABLE = ("model", "training")
"""Groups that may differ between the methods of an experiment; another corpus or estimator would be another table."""
TOP_LEVEL = (
    "experiment",
    "data",
    "preset",
    "method",
    "methods",
    "hyper",
    "seeds",
    "jobs",
    "override",
    "before_protocol",
    "tuned",
    *GROUPS,
)
SCALAR = bool | int | float | str
MAX_SEEDS, MAX_SEED = 1_000, 2**32 - 1
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
MISREAD = "commas separate values; for one number write {}"

NO_VARIANTS = {
    "training.seed": "several are of `vae compare --seeds 0,1`",
    "training.threads": "it decides no figure; name one value",
    "training.save_every": "it decides no figure; name one value",
    "training.early_warning": "it decides no figure; name one value",
    "training.device": "it decides no figure; name one value",
}
"""Settings of which a list would train one model several times, with the way out."""
LISTS = ("training.protocol",)
"""Settings whose option takes several values with commas between, as ``--set`` does."""
MOST_VARIANTS = 1_000
"""Of one method; more is a slip of the keyboard."""

KeyPath = tuple[str, ...]


@dataclass(frozen=True)
class Choices:
    """Several values of one setting, each of which makes a variant of the methods that it concerns.

    Attributes:
        values: In the order given, each once, two or more.
    """

    values: tuple[Any, ...]

    def __str__(self) -> str:
        """``0.3,0.5``."""
        return ",".join(map(str, self.values))


def _told(value: Any) -> str:
    return str(value) if isinstance(value, Choices) else shown(value)


def is_list(value: Any) -> bool:
    """Whether a value is a list of values that a setting may have."""
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, SCALAR) for item in value)


def several(values: Sequence[Any]) -> Any:
    """The choices of a list; its one value where it has no other."""
    unique: dict[tuple[bool, Any], Any] = {}
    for value in values:
        unique.setdefault((isinstance(value, bool), value), value)  # 1 and 1.0 are one value, 1 and true are not
    return Choices(tuple(unique.values())) if len(unique) > 1 else next(iter(unique.values()))


@dataclass
class Layer:
    """What one source of settings says.

    Attributes:
        source: What it was read from, as messages name it: a file, ``variables``, ``table``, ``options``, ``--set``
            or ``settings``.
        groups: Values by group and key.
        hyper: Hyper-parameters by remedy.
        overrides: Groups for one method only, by method.
        locations: For each key path, where it was said: ``exp.toml:12``, ``--epochs``, ``--set bn.gamma=0.5``.
        problems: What is wrong, a line each.
        ownerless: Names of settings without a group or remedy, by where they were said.
        plan: ``experiment``, ``preset``, ``methods``, ``seeds`` and ``jobs``, those that are given, None for methods of
            which a name is wrong; ``papers``, the methods that a paper's name stands for; ``firm``, keys that go before
            a protocol; ``tuned``, of searches.
    """

    source: str
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    hyper: dict[str, dict[str, Any]] = field(default_factory=dict)
    overrides: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    locations: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    ownerless: dict[str, str] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)

    def put(self, group: str, key: str, value: Any, location: str, method: str | None = None) -> None:
        """Takes a value of a group, or of a group of one method's override, or notes what is wrong with it."""
        if key not in GROUPS[group].model_fields:
            self.problems.append(f"{location}: {unknown_key(group, key)}")
            return
        kinds = scalar_kinds(GROUPS[group].model_fields[key].annotation)
        if group in OVERRIDABLE and is_list(value):
            value = several([unset(item, kinds) for item in value])
        path = (group, key) if method is None else ("override", method, group, key)
        if group not in OVERRIDABLE and kinds and str not in kinds and is_list(listed_values(value)):
            why = f"an experiment has one {group}: run one for each, with names of their own (--name)"
            self.problems.append(f"{location}: {group}.{key} makes no variants; {why}")
            return
        if isinstance(value, Choices) and f"{group}.{key}" in NO_VARIANTS:
            self.problems.append(f"{location}: {group}.{key} makes no variants; {NO_VARIANTS[f'{group}.{key}']}")
            return
        if isinstance(value, Choices) and method is not None:
            self.problems.append(f"{location}: {'.'.join(path)}: a list makes variants of every method; name one value")
            return
        values = (self.groups if method is None else self.overrides.setdefault(method, {})).setdefault(group, {})
        self._set(path, values, unset(value, kinds), location)

    def put_hyper(self, remedy: str, key: str, value: Any, location: str) -> None:
        """Takes a hyper-parameter, which its remedy checks later, or notes what is wrong with it."""
        name = remedy_name(remedy)
        if is_list(value):
            value = several(value)
        if name not in method_names():
            hint = f"it is several remedies, so name {name.replace('+', ' or ')}"
            if remedy not in SPELLINGS:
                names = [*method_names(), *(a for a in SPELLINGS if "+" not in SPELLINGS[a]), *GROUPS]
                hint = nearest(remedy, names, OWNERS_WAY)
            self.problems.append(f"{location}: unknown group or remedy {remedy!r}; {hint}")
        elif not isinstance(value, SCALAR | Choices):
            self.problems.append(f"{location}: {name}.{key} must be a number, a text, true or false, got {value!r}")
        else:
            self._set((name, key), self.hyper.setdefault(name, {}), value, location)

    def _set(self, path: KeyPath, values: dict[str, Any], value: Any, location: str) -> None:
        """Sets the last key of a path; one that is set already is noted with both values, of which the first stays."""
        if path in self.locations:
            first, both = self.locations[path], f"{_told(values[path[-1]])} and {_told(value)}"
            self.problems.append(f"{location}: {'.'.join(path)} is set twice, {both} (first: {first}); keep one")
            return
        values[path[-1]] = value
        self.locations[path] = location


def unknown_key(group: str, key: str) -> str:
    """``unknown key 'epochs' in [model]``, with the group that has it or the nearest name."""
    owner = next((name for name, kind in GROUPS.items() if key in kind.model_fields), None)
    hint = f"it belongs in [{owner}]" if owner else nearest(key, GROUPS[group].model_fields, SETTINGS_WAY)
    return f"unknown key {key!r} in [{group}]; {hint}"


def parse_value(text: str) -> Any:
    """A value as in TOML; a number that TOML would write otherwise (``.5``), or else the text itself."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except ValueError:  # no TOML, or an integer of more digits than Python reads
        return float(text) if NUMBER.fullmatch(text) else text
    return parsed["value"] if set(parsed) == {"value"} else text


def parse_values(text: str) -> Any:
    """A value, or a list of several with commas between or in brackets: ``0.3,0.5`` or ``[0.3, 0.5]``."""
    value = parse_value(text)
    if isinstance(value, str) and "," in value and value == text:
        return [parse_value(part.strip()) for part in text.split(",") if part.strip()]
    return value


def misread_number(text: str, is_listed: bool) -> str:
    """How to write the one number that a text with a comma means: ``1,000`` is 1000, ``0,001`` 0.001, ``1,05`` 1.05.

    Args:
        text: As somebody typed it.
        is_listed: Whether a list of values could be meant: then digits after a comma that begin with 0 give it away.

    Returns:
        Nothing where it may well be a list.
    """
    first, *rest = (part.strip() for part in text.split(","))
    if not rest or not all(part.isdecimal() for part in (first, *rest)):
        return ""
    if not any(len(part) > 1 and part[0] == "0" for part in rest) and (is_listed or {3} != set(map(len, rest))):
        return ""
    is_decimal = len(rest) == 1 and (not int(first) or len(rest[0]) != 3)
    return f"{first}.{rest[0]}" if is_decimal else "".join((first, *rest))


def listed_values(value: Any) -> Any:
    """A value that was read before, and of a text with commas the list that it would be."""
    return parse_values(value) if isinstance(value, str) else value


def parse_seeds(value: Any, location: str = "--seeds") -> tuple[int, ...]:
    """Seeds in the order given, each once: ``"0-2,5"`` is ``(0, 1, 2, 5)``.

    Args:
        value: Such a text, an integer, one of numpy's included, or a list of integers.
        location: Where it stands.

    Raises:
        UsageError: Anything else.
    """
    wrong = UsageError(f"{location}: seeds are integers and ranges such as '0-2,5', got {value!r}")
    items = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
    seeds: dict[int, None] = {}
    for item in items:
        if isinstance(item, bool) or not isinstance(item, Integral | str):
            raise wrong
        match = re.fullmatch(r"\s*(\d{1,10})\s*(?:-\s*(\d{1,10})\s*)?", str(item), re.ASCII)
        if not match:
            raise wrong
        first = int(match[1])
        last = int(match[2]) if match[2] else first
        if last < first or last > MAX_SEED or last - first >= MAX_SEEDS:
            raise UsageError(
                f"{location}: {str(item).strip()!r} is no range of at most {MAX_SEEDS} seeds up to {MAX_SEED}"
            )
        seeds.update(dict.fromkeys(range(first, last + 1)))
    if not 0 < len(seeds) <= MAX_SEEDS:
        raise wrong
    return tuple(seeds)


def parse_methods(values: Iterable[Any], location: str = "--methods") -> tuple[str, ...]:
    """Methods in the order given, in their one spelling, each once.

    Args:
        values: Names, or several with commas between; ``all`` is every remedy.
        location: Where they stand.

    Raises:
        UsageError: With every unknown name on a line of its own.
    """
    names: dict[str, None] = {}
    wrong: list[str] = []
    for value in values:
        if not isinstance(value, str):
            wrong.append(f"{location}: a method is a text, got {value!r}")
            continue
        for item in filter(None, (part.strip() for part in value.split(","))):
            try:
                names.update(dict.fromkeys(loaded_names() if item == "all" else [canonical(item, location)]))
            except UsageError as error:
                wrong.append(str(error))
    if wrong:
        raise UsageError("\n  ".join(wrong))
    if not names:
        raise UsageError(f"{location}: no method is named; `{METHODS_WAY}` lists all")
    return tuple(names)


def loaded_names() -> list[str]:
    """The names of all remedies; one of another package that can't be loaded is left out with a line."""
    remedies, broken = load_all()
    for name, why in broken.items():
        tell(f"vae: method {name!r} is left out, it can't be loaded: {why}")
    return list(remedies)


def absolute_data(data: Any, base: Path) -> Any:
    """The corpus as every later process understands it: a relative path from `base`, any other name as it is."""
    if not isinstance(data, str) or data in EMBEDDED or is_hub(data):
        return data
    path = at_home(data)
    if data.startswith("~") and path == Path(data):
        return data  # in nobody's home, which is told where it is opened
    is_path = len(path.parts) != 1 or data.startswith((".", "~")) or os.path.exists(base / path)
    return os.path.abspath(base / path) if is_path and data else data


def read_sets(sets: Sequence[str], base: Path) -> Layer:
    """The layer of ``--set group.key=value`` and ``--set remedy.key=value``."""
    layer = Layer("--set")
    for text in sets:
        location = f"--set {text}"
        name, equals, raw = text.partition("=")
        owner, dot, key = name.strip().partition(".")
        if equals and owner and not dot:
            layer.ownerless[location] = owner
            continue
        if not (equals and dot and owner and key):
            layer.problems.append(f"{location}: write group.key=value or remedy.key=value")
            continue
        makes_variants = owner in OVERRIDABLE or owner not in GROUPS
        field_ = GROUPS[owner].model_fields.get(key) if owner in GROUPS else None
        kinds = scalar_kinds(field_.annotation) if field_ is not None else None
        if str not in (kinds or ()) and (number := misread_number(raw, is_listed=makes_variants or kinds is None)):
            layer.problems.append(f"{location}: {MISREAD.format(number)}")
            continue
        value = parse_values(raw.strip()) if makes_variants else parse_value(raw.strip())
        if owner in GROUPS:
            if field_ is not None and field_.annotation is str and not isinstance(value, str):
                value = raw.strip()
            layer.put(owner, key, absolute_data(value, base) if (owner, key) == ("corpus", "data") else value, location)
        else:
            layer.put_hyper(owner, key, value, location)
    return layer


def read_values(values: Mapping[str, Any], base: Path) -> Layer:
    """The layer of settings by dotted key, such as ``{"bn.gamma": 0.5, "training.epochs": 10}``."""
    layer = Layer("settings")
    for name, value in values.items():
        location = f"settings[{name!r}]"
        owner, dot, key = str(name).partition(".")
        if owner and not dot:
            layer.ownerless[location] = owner
        elif not (dot and owner and key):
            layer.problems.append(f"{location}: name a setting as group.key or remedy.key")
        elif owner in GROUPS:
            layer.put(owner, key, absolute_data(value, base) if (owner, key) == ("corpus", "data") else value, location)
        else:
            layer.put_hyper(owner, key, value, location)
    return layer


def read_options(options: Mapping[str, Mapping[str, Any]], base: Path) -> Layer:
    """The layer of options such as ``--data``, by group and key; None is an option that wasn't given."""
    layer = Layer("options")
    for group, values in options.items():
        for key, value in values.items():
            if value is not None:
                location = "--" + key.replace("_", "-")
                if f"{group}.{key}" in LISTS:
                    value = parse_values(value)
                layer.put(group, key, absolute_data(value, base) if key == "data" else value, location)
    return layer


def read_variables(environment: Mapping[str, str], base: Path) -> Layer:
    """The layer of the environment: ``VAE_PRESET``, ``VAE_JOBS``, a variable for some options; an empty one is none.

    What a file, an option or ``--set`` says goes before it, so that an experiment's file means the same everywhere.
    """
    layer = Layer("variables")
    if preset := environment.get("VAE_PRESET"):
        layer.plan["preset"] = preset
    if jobs := environment.get("VAE_JOBS"):
        if re.fullmatch(r"[0-9]{1,6}", jobs):
            layer.plan["jobs"] = int(jobs)
        else:
            layer.problems.append(f"VAE_JOBS: jobs must be an integer from 0 on, got {jobs!r}")
    for setting in OPTION_SETTINGS.values():
        if value := environment.get(setting.variable) if setting.variable else "":
            data = absolute_data(value, base) if setting.key == "corpus.data" else value
            layer.put(setting.group, setting.name, data, setting.variable)
    return layer

"""What is known of each setting, from the classes that check it: for ``vae config`` and its files."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import tomli_w
from pydantic.fields import FieldInfo

from vaecli.catalogue.methods_table import field_range, range_text
from vaecli.catalogue.published import figures_of, line
from vaecli.config import GROUPS
from vaecli.core.checked import WANTED, scalar_kinds
from vaecli.core.messages import printable
from vaecli.core.nested import flatten, nested, writable
from vaecli.core.option_settings import OPTION_SETTINGS
from vaecli.remedies import make_method, remedy_class
from vaecli.remedies.core.sensible import Sensible, sensible_text
from vaecli.runs.folder import FREE
from vaecli.runs.grid_settings import firm_keys
from vaecli.runs.identity import NOT_PROTOCOL
from vaecli.settings.known_keys import check_key
from vaecli.settings.layers import NO_VARIANTS, OVERRIDABLE
from vaecli.settings.presets import load_preset, preset_names, preset_text
from vaecli.settings.protocols import PROTOCOL_KEY, SHARED
from vaecli.settings.resolve import Settings

WIDTH = 100
"""Columns of the comments in a file of settings."""
BARE = re.compile("[A-Za-z0-9_-]+")
"""Keys of TOML that need no quotation marks; a remedy that is addressed with its package, ``vae-mine:bn``, is none."""


@dataclass(frozen=True)
class SettingInfo:
    """A setting as its user needs to know it.

    Attributes:
        key: As ``--set`` takes it, ``training.epochs`` or ``bn.gamma``.
        description: What it is.
        kind: ``a number``, ``an integer``, ``a text``; what it may be where it is one of some words.
        range: In words; empty where there is none.
        default: Without a preset.
        presets: What presets say, by preset; of a group's setting only.
        option: Its own, such as ``--epochs``; empty without.
        variable: Of the environment; empty without.
        sensible: The values worth trying, in words; empty where none are said.
    """

    key: str
    description: str
    kind: str
    range: str
    default: Any
    presets: Mapping[str, Any]
    option: str = ""
    variable: str = ""
    sensible: str = ""

    @property
    def is_hyper(self) -> bool:
        """Whether it is a hyper-parameter of a remedy."""
        return self.key.partition(".")[0] not in GROUPS

    @property
    def limits(self) -> str:
        """``a number, 0 < x <= 1``."""
        return f"{self.kind}, {self.range}" if self.range else self.kind


def setting_info(key: str) -> SettingInfo:
    """A setting by its dotted key.

    Raises:
        UsageError: There is none, with what is near.
    """
    owner, name = check_key(key)
    field = (GROUPS[owner] if owner in GROUPS else remedy_class(owner)).model_fields[name]
    option = OPTION_SETTINGS.get(f"{owner}.{name}")
    presets = {preset: load_preset(preset).get(owner, {}).get(name) for preset in preset_names()}
    return SettingInfo(
        key=f"{owner}.{name}",
        description=field.description or "",
        kind=_kind(field),
        range="" if _choices(field) else range_text(field_range(field)),
        default=field.get_default(call_default_factory=True, validated_data={}),
        presets={preset: value for preset, value in presets.items() if value is not None},
        option=option.option if option else "",
        variable=option.variable if option else "",
        sensible=sensible_text(tried) if (tried := _sensible(owner, name)) else "",
    )


def _sensible(owner: str, name: str) -> Sensible | None:
    return None if owner in GROUPS else remedy_class(owner).sensible.get(name)


def _choices(field: FieldInfo) -> list[str]:
    kinds = (field.annotation,) if get_origin(field.annotation) is Literal else get_args(field.annotation)
    return [str(choice) for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]


def _kind(field: FieldInfo) -> str:
    if choices := _choices(field):
        return " or ".join(choices)
    kinds = scalar_kinds(field.annotation)
    if kinds is None:
        numbers = scalar_kinds(next(iter(get_args(field.annotation)), None)) == frozenset({int})
        return "integers with commas between" if numbers else "a list of texts"
    return " or ".join(text for kind, text in WANTED.items() if kind in kinds and not (kind is int and float in kinds))


def explanation(info: SettingInfo) -> list[str]:
    """All about a setting, a line a fact."""
    lines = [info.key, info.description, f"{info.limits}; default {toml_value(info.default)}"]
    if info.sensible:
        lines.append(f"sensible: {info.sensible}; `vae tune` searches these")
    if info.presets:
        lines.append("presets: " + ", ".join(f"{name} {toml_value(value)}" for name, value in info.presets.items()))
    ways = [f"--set {info.key}=VALUE", f"[{_table(info.key)}] in a file"]
    lines.append("said by " + ", ".join(filter(None, [info.option, *ways, info.variable])))
    lines.append(_variants_text(info))
    lines.append(_effect_text(info))
    return lines + [f"published: {text}" for text in _published(info)]


def _table(key: str) -> str:
    owner = key.partition(".")[0]
    if owner in GROUPS:
        return owner
    return f"method.{owner}" if BARE.fullmatch(owner) else f'method."{owner}"'


def _variants_text(info: SettingInfo) -> str:
    owner = info.key.partition(".")[0]
    if info.key in NO_VARIANTS:
        return f"a list makes no variants: {NO_VARIANTS[info.key]}"
    if info.is_hyper or owner in OVERRIDABLE:
        return "a list of values makes variants in `vae compare`, each a row"
    return "one value an experiment"


def _effect_text(info: SettingInfo) -> str:
    """What a change of it does to a table."""
    group, _, name = info.key.partition(".")
    if info.is_hyper:
        return "decides the method's figures; rows of other values are variants of it"
    if info.key in FREE:
        return "decides no figure; a run may be gone on with at another value"
    if group == "corpus":
        return "decides figures; trials of another text or vocabulary are never in one table"
    if name in NOT_PROTOCOL.get(group, ()):
        return "is no part of the protocol; trials of other values stand in one table"
    return "decides figures; trials of other values are never averaged or compared in one table"


def _published(info: SettingInfo) -> list[str]:
    """The figures in print of a hyper-parameter's remedy that name its value."""
    owner, _, name = info.key.partition(".")
    if not info.is_hyper:
        return []
    rows = figures_of(owner)
    return [line(row) for row in rows if f"{name}=" in str(row.get("setting", ""))]


def toml_value(value: Any) -> str:
    """A value as TOML writes it on one line; ``"none"`` for what is unset."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    return tomli_w.dumps({"value": "none" if value is None else value}).removeprefix("value = ").removesuffix("\n")


def annotated(preset: str, methods: Sequence[str]) -> str:
    """A file of an experiment that says every setting of a preset, each with its meaning, range and default.

    Args:
        preset: Its name.
        methods: In their one spelling; their remedies' hyper-parameters are in the file.

    Raises:
        UsageError: An unknown preset, or a method that doesn't compose.
    """
    head = [text for text in preset_text(preset).split("\n\n[")[0].splitlines() if text.startswith("#")]
    names = ", ".join(f'"{method}"' for method in methods)
    lines = [
        *head,
        "#",
        "# `vae compare` takes this file. What is left out has the preset's value; options go before the file.",
        "",
        f"methods = [{names}]",
        "seeds = [0]",
        f'preset = "{preset}"',
    ]
    said = load_preset(preset)
    for group, kind in GROUPS.items():
        lines += ["", f"[{group}]"]
        for name in kind.model_fields:
            if (group, name) != ("training", "seed"):  # which is one of `seeds`
                lines += _annotated_key(setting_info(f"{group}.{name}"), said.get(group, {}))
    for remedy in dict.fromkeys(part for method in methods for part in make_method(method).name.split("+")):
        if fields := remedy_class(remedy).model_fields:
            lines += ["", f"[{_table(remedy)}]"]
            for name in fields:
                lines += _annotated_key(setting_info(f"{remedy}.{name}"), {})
    return "\n".join(lines) + "\n"


def _annotated_key(info: SettingInfo, said: Mapping[str, Any]) -> list[str]:
    name = info.key.partition(".")[2]
    default = f"default {toml_value(info.default)}" + (f", sensible {info.sensible}" if info.sensible else "")
    text = f"{info.description}: {info.limits}; {default}"
    comment = textwrap.wrap(" ".join(text.split()), WIDTH, break_on_hyphens=False)
    return [*(f"# {part}" for part in comment), f"{name} = {toml_value(said.get(name, info.default))}"]


def effective(settings: Settings) -> dict[str, Any]:
    """Every setting of a grid by key, defaults included; a list makes variants, ``override.`` is of one method.

    Args:
        settings: Of one or several methods and seeds.
    """
    values: dict[str, Any] = {"methods": list(settings.methods), "seeds": list(settings.seeds)}
    values["preset"] = settings.preset
    for group in GROUPS:
        shared = GROUPS[group].model_validate(dict(settings.groups.get(group, {}))).model_dump(mode="json")
        values |= {f"{group}.{key}": value for key, value in writable(shared).items()}
    for method in settings.methods:
        first = settings.variants(method)[0]
        if PROTOCOL_KEY in first:  # of several protocols each says its own
            first |= {PROTOCOL_KEY: SHARED}
        values |= flatten(settings.config(method, settings.seeds[0], variant=first).hyper)
    values |= {key: value for key, value in flatten(settings.hyper).items() if key not in values}
    values |= {key: list(choice) for key, choice in settings.choices.items()}
    for method in settings.methods:
        own_tables = settings.override(method, {})
        for group, own_values in own_tables.items():
            told = writable(own_values)
            values |= {f"override.{method}.{group}.{key}": value for key, value in told.items()}
    del values["training.seed"]
    return values


def shown_settings(settings: Settings) -> str:
    """Every setting of a grid as TOML, each line with where it was said."""
    values = effective(settings)
    top = {key: values.pop(key) for key in ("methods", "seeds", "preset")}
    top |= {"before_protocol": firm} if (firm := firm_keys(settings)) else {}
    lines = [(f"{key} = {toml_value(value)}", "") for key, value in top.items()]
    overrides = {key: value for key, value in values.items() if key.startswith("override.")}
    tables = nested({key: value for key, value in values.items() if key not in overrides})
    for owner, keys in tables.items():
        lines += [("", ""), (f"[{_table(owner)}]", "")]
        lines += [(f"{k} = {toml_value(v)}", _said(settings, f"{owner}.{k}")) for k, v in keys.items()]
    for key, value in overrides.items():
        path, _, name = key.rpartition(".")
        _, method, group = path.split(".", 2)
        lines += [("", ""), (f'[override."{method}".{group}]', ""), (f"{name} = {toml_value(value)}", "")]
    for method, table in settings.tuned.items():
        lines += [("", ""), (f'[tuned."{method}"]', "")]
        lines += [(f'"{key}" = {toml_value(value)}', "") for key, value in table.items()]
    width = min(40, max(len(text) for text, _ in lines))
    told = ((text, printable(said)) for text, said in _merged(lines))
    return "\n".join(f"{text:<{width}}  # {said}" if said else text for text, said in told) + "\n"


def _merged(lines: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The lines, each table's head once."""
    seen: set[str] = set()
    kept: list[tuple[str, str]] = []
    for text, said in lines:
        if text.startswith("[") and text in seen:
            kept.pop()  # the empty line before it
            continue
        seen |= {text} if text.startswith("[") else set()
        kept.append((text, said))
    return kept


def _said(settings: Settings, key: str) -> str:
    """Where a setting was said; ``default`` where nowhere."""
    return settings.locations.get(key, "default")

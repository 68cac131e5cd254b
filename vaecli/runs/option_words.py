"""The options of a command that trains other methods as a run was trained."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from vaecli.config import GROUPS, RunConfig, build_config
from vaecli.core.errors import VaeError
from vaecli.core.nested import flatten, writable
from vaecli.remedies import make_method
from vaecli.remedies.core.recipe import MODEL_KEYS, TRAINING_KEYS
from vaecli.runs.identity import NOT_PROTOCOL
from vaecli.settings.presets import load_preset, preset_names
from vaecli.settings.protocols import SHARED
from vaecli.settings.run_file import run_text

DEFAULT_PRESET = "quick"
"""Needs no option."""

OF_PROTOCOLS = frozenset({*(f"training.{key}" for key in TRAINING_KEYS), *(f"model.{key}" for key in MODEL_KEYS)})
"""Settings that a paper's training may say, a method's otherwise than another's."""

COMPARED = ("corpus", "model", "training", "evaluation")
"""Groups whose settings decide figures."""


def option_words(config: Mapping[str, Any]) -> tuple[str, ...]:
    """What is to be said of a run's corpus, sizes and training: ``("--data", "news", "--set", "training.epochs=30")``.

    Options are what the run has otherwise than its preset, and its hyper-parameters that aren't defaults, without what
    decides no figure (`NOT_PROTOCOL`). Of a run under another protocol than the shared one the options name that one,
    which says for each method how it is trained, and what no protocol says, such as the number of epochs.

    Args:
        config: Of the run, by group and key, as config.toml has them.
    """
    told = config.get("preset")
    preset = told if told in preset_names() else DEFAULT_PRESET
    protocol = str(_table(config, "training").get("protocol") or SHARED)
    usual = _groups(load_preset(preset))
    values = {key: value for key, value in flatten(_tables(config)).items() if key in usual and value != usual[key]}
    data = str(values.pop("corpus.data", ""))
    words = [*(("--data", data) if data else ()), *(("--preset", preset) if preset != DEFAULT_PRESET else ())]
    if protocol != SHARED:
        words += ["--protocol", protocol]
        values = {key: value for key, value in values.items() if key not in OF_PROTOCOLS}
    else:
        values |= _changed_hyper(config)
    return (*words, *(word for key, value in values.items() for word in ("--set", f"{key}={_text(value)}")))


def config_words(config: RunConfig) -> tuple[str, ...]:
    """The same of settings that are no file."""
    return option_words(tomllib.loads(run_text(config)))


def _groups(groups: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are compared, by key, defaults included."""
    config = build_config({group: dict(groups[group]) for group in GROUPS if group in groups})
    tables = {group: writable(getattr(config, group).model_dump(mode="json")) for group in COMPARED}
    for group, names in NOT_PROTOCOL.items():
        tables[group] = {key: value for key, value in tables[group].items() if key not in names}
    return flatten(tables)


def _tables(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {group: dict(_table(config, group)) for group in COMPARED}


def _table(config: Mapping[str, Any], group: str) -> Mapping[str, Any]:
    table = config.get(group)
    return table if isinstance(table, Mapping) else {}


def _changed_hyper(config: Mapping[str, Any]) -> dict[str, Any]:
    """Hyper-parameters by key that are no defaults; none of a remedy that isn't installed."""
    changed: dict[str, Any] = {}
    tables = _table(config, "method")
    for name in tables:
        try:
            usual = make_method(name).hyper[name]
        except VaeError:
            continue
        own = _table(tables, name)
        changed |= {f"{name}.{key}": value for key, value in own.items() if usual.get(key, value) != value}
    return changed


def _text(value: Any) -> str:
    """As ``--set`` takes it."""
    return value if isinstance(value, str) else json.dumps(value)

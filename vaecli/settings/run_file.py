"""The settings of one run as its folder keeps them, in ``config.toml``, which is an experiment's file too.

Hyper-parameters are spelled as in every other file of settings, ``[method.bn]``. Runs of earlier versions have
``[hyper.bn]`` beside ``method = "bn"``; they are read as before.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from vaecli.config import GROUPS, RunConfig, build_config
from vaecli.core.errors import UsageError
from vaecli.core.nested import flatten, writable
from vaecli.settings.protocols import EVERYTHING, SHARED
from vaecli.settings.toml_file import framed, read_toml

WRITTEN = ("corpus", "model", "training", "evaluation")
"""The groups of settings that `run_text` of every version wrote beside ``methods``."""


def run_text(config: RunConfig) -> str:
    """The settings as TOML, all of them; `vae train` with such a file repeats the run."""
    head: dict[str, Any] = {"experiment": config.experiment, "methods": [config.method], "preset": config.preset}
    if config.training.protocol != SHARED:
        head["before_protocol"] = [EVERYTHING]  # all that the protocol said is below
    hyper = {"method": config.hyper} if config.hyper else {}
    groups = {group: writable(getattr(config, group).model_dump()) for group in GROUPS}
    return framed(tomli_w.dumps(head | hyper | groups))


def read_run(path: Path) -> RunConfig:
    """The settings in a file that `run_text` wrote, of this version or an earlier one.

    Raises:
        UsageError: The file can't be read, isn't TOML, isn't valid, has lost its end or lacks what every run's has.
    """
    return build_config(_of_one_method(read_toml(path)[0], path), str(path))


def _of_one_method(values: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The values of a file by the names of `RunConfig`.

    Raises:
        UsageError: It names no method or several, or lacks a group, for which defaults would stand silently.
    """
    if "methods" not in values:  # of an earlier version
        if "method" not in values:
            raise UsageError(f"{path}: damaged: it names no method; put back the one that the run wrote")
        return dict(values)
    methods = values["methods"]
    if not (isinstance(methods, list) and len(methods) == 1):
        raise UsageError(f"{path}: methods must name the one method of the run, got {methods!r}")
    lost = [group for group in WRITTEN if group not in values]
    if lost:
        raise UsageError(f"{path}: damaged: it has no [{lost[0]}]; put back the one that the run wrote")
    rest = {key: value for key, value in values.items() if key not in ("methods", "method", "before_protocol")}
    return rest | {"method": methods[0], "hyper": values.get("method", {})}


def settings_by_key(config: RunConfig) -> dict[str, Any]:
    """All settings of a run by the keys that ``--set`` takes, ``bn.gamma`` and ``training.epochs``; and what it is of.

    Returns:
        ``experiment``, ``method`` and ``preset``, the hyper-parameters that were given, and every group.
    """
    values = config.model_dump()
    names = {key: values.pop(key) for key in ("experiment", "method", "preset")}
    return names | flatten(values.pop("hyper")) | flatten(values)

"""Presets: the protocols of the papers as TOML, one file each; a run starts from one and changes what it likes."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

from vaecli.core.errors import unknown


def preset_names() -> list[str]:
    """Names of all presets, ``quick`` first."""
    names = [f.name.removesuffix(".toml") for f in files(__name__).iterdir() if f.name.endswith(".toml")]
    return sorted(names, key=lambda name: (name != "quick", name))


def preset_text(name: str) -> str:
    """A preset as it is written, comments included.

    Raises:
        UsageError: An unknown name, with the nearest.
    """
    if name not in preset_names():
        raise unknown("preset", name, preset_names())
    return files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")


def load_preset(name: str) -> dict[str, dict[str, Any]]:
    """The groups of settings that a preset fills.

    Raises:
        UsageError: An unknown name, with the nearest.
    """
    return tomllib.loads(preset_text(name))

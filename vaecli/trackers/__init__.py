"""Trackers: TensorBoard, MLflow, Weights & Biases, Aim, and those of other packages, behind one protocol.

A file is a tracker, imported when a run asks for it. Other packages add theirs through the entry-point group
``vaecli.trackers`` (name = ``module:Class``, see `vaecli.trackers.tracker.Tracker`).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from vaecli.core.errors import UsageError, unknown
from vaecli.core.plugins import Plugin, installed

if TYPE_CHECKING:
    from vaecli.trackers.tracker import Tracker

GROUP = "vaecli.trackers"
"""The entry points of other packages' trackers."""

TRACKERS: dict[str, str] = {
    "tensorboard": "vaecli.trackers.tensorboard_tracker:TensorBoardTracker",
    "mlflow": "vaecli.trackers.mlflow_tracker:MLflowTracker",
    "wandb": "vaecli.trackers.wandb_tracker:WandbTracker",
    "aim": "vaecli.trackers.aim_tracker:AimTracker",
}
"""The trackers of this package, by name, which is that of the extra too."""

REQUIRED: dict[str, tuple[str, ...]] = {
    "tensorboard": ("tensorboard",),
    "mlflow": ("mlflow", "sqlalchemy", "alembic"),
    "wandb": ("wandb",),
    "aim": ("aim",),
}
"""The modules that each needs."""


def other_trackers() -> dict[str, Plugin]:
    """Those of other packages; one whose name is taken is addressed with its package, ``vae-mine:wandb``."""
    plugins = installed(GROUP)
    names = [plugin.name for plugin in plugins]
    taken = {name for name in names if names.count(name) > 1 or name in TRACKERS}
    return {plugin.address if plugin.name in taken else plugin.name: plugin for plugin in plugins}


def check_trackers(names: Iterable[str]) -> None:
    """Refuses trackers that can't be used, before anything is trained or written.

    Raises:
        UsageError: An unknown name, with the nearest; or what it needs isn't installed, with the command that does.
    """
    for name in names:
        if name in TRACKERS:
            missing = [module for module in REQUIRED[name] if find_spec(module) is None]
            if missing:
                told = f"--tracker {name} needs {', '.join(missing)}"
                raise UsageError(f"{told}; install it with `pip install 'vaecli[{name}]'`")
        else:
            _plugin(name).load()


def make_tracker(name: str) -> Tracker:
    """A tracker by its name.

    Raises:
        UsageError: See `check_trackers`.
    """
    if name not in TRACKERS:
        made: Tracker = _plugin(name).load()()
        return made
    check_trackers([name])
    module, _, kind = TRACKERS[name].partition(":")
    tracker: Tracker = getattr(importlib.import_module(module), kind)()
    return tracker


def _plugin(name: str) -> Plugin:
    others = other_trackers()
    if name not in others:
        raise unknown("tracker", name, [*TRACKERS, *others], "--tracker")
    return others[name]

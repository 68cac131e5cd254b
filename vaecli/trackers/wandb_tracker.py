"""Weights & Biases: offline in the run's folder, for ``wandb sync``, unless ``WANDB_MODE`` or ``WANDB_DIR`` are set."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import Any

os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # its own crash reports go to a server

import wandb

from vaecli.trackers.tracker import End, TrackedRun


class WandbTracker:
    """A run of W&B's project of the experiment's name, grouped by method."""

    def start(self, run: TrackedRun) -> str:
        """Begins a run, or goes on with it under the same id, which a sync joins to one."""
        known = run.known_as or secrets.token_hex(4)
        begin: Any = wandb.init
        self.run = begin(
            project=os.environ.get("WANDB_PROJECT") or run.experiment,
            group=run.method,
            name=run.name,
            id=known,
            resume="allow",
            dir=os.environ.get("WANDB_DIR") or str(run.folder),
            mode=os.environ.get("WANDB_MODE") or "offline",
            config=dict(run.settings),
            settings=wandb.Settings(silent=True, console="off", x_disable_stats=True, x_disable_meta=True),
        )
        self.run.define_metric("*", step_metric="steps")
        return known

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """A row of the run's history, whose steps are updates."""
        self.run.log({"steps": step, **figures}, step=step)

    def finish(self, figures: Mapping[str, float], end: End) -> None:
        """The final figures as the run's summary."""
        self.run.summary.update({**figures, "status": end})
        self.run.finish(exit_code=0 if end == "done" else 1)

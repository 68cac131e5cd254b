"""Aim: a repository of the run's own in its folder, or the one, or the server, that ``AIM_REPO`` names."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

import aim

from vaecli.trackers.tracker import End, TrackedRun

logging.getLogger("aim.sdk.lock_manager").setLevel(logging.ERROR)  # the run's folder has one writer, see FolderLock


class AimTracker:
    """A run of Aim's experiment of the same name; Aim itself has no variable for where it is kept."""

    def start(self, run: TrackedRun) -> str:
        """Begins a run, or opens the one that there is, even if its process was killed."""
        repository = os.environ.get("AIM_REPO") or str(run.folder / "aim")
        if "://" not in repository:
            os.makedirs(repository, exist_ok=True)
        self.step = run.step
        self.run = aim.Run(
            run_hash=run.known_as,
            repo=repository,
            experiment=run.experiment,
            force_resume=run.known_as is not None,
            system_tracking_interval=None,
            log_system_params=False,
            capture_terminal_logs=False,
        )
        self.run.name = run.name
        self.run["hparams"] = dict(run.settings)
        self.run["method"], self.run["seed"] = run.method, run.seed
        return str(self.run.hash)

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """A sequence a column."""
        self.step = step
        for name, value in figures.items():
            self.run.track(value, name=name, step=step, epoch=int(figures.get("epoch", 0)))

    def finish(self, figures: Mapping[str, float], end: End) -> None:
        """The final figures at the last step, and how the run ended."""
        for name, value in figures.items():
            self.run.track(value, name=name, step=self.step)
        self.run["end"] = end
        self.run.close()

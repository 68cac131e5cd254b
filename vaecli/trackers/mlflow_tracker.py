"""MLflow: a store of the run's own in its folder, or the one that ``MLFLOW_TRACKING_URI`` names."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress

# nothing leaves the machine but to the server that the user names
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # no line a table that it makes

from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException

from vaecli.trackers.tracker import End, TrackedRun

STATUSES = {"done": "FINISHED", "interrupted": "KILLED"}
"""Of MLflow; every other end is a failure."""
MOST_PARAMS = 100
"""Of one request."""


class MLflowTracker:
    """A run of MLflow's experiment of the same name."""

    def start(self, run: TrackedRun) -> str:
        """Makes a run, or takes up the one that there is."""
        self.client, self.step = MlflowClient(tracking_uri=self._store(run)), run.step
        if run.known_as is not None:
            self.id = run.known_as
            self.client.update_run(self.id, status="RUNNING")
        else:
            tags = {"method": run.method, "seed": str(run.seed), "folder": str(run.folder)}
            made = self.client.create_run(self._experiment(run), run_name=run.name, tags=tags)
            self.id = str(made.info.run_id)
        known = self.client.get_run(self.id).data.params
        new = [Param(key, str(value)) for key, value in run.settings.items() if key not in known]
        for first in range(0, len(new), MOST_PARAMS):
            self.client.log_batch(self.id, params=new[first : first + MOST_PARAMS])
        return self.id

    def _store(self, run: TrackedRun) -> str:
        self.own = run.folder / "mlflow"
        if uri := os.environ.get("MLFLOW_TRACKING_URI"):
            return uri
        self.own.mkdir(exist_ok=True)
        return f"sqlite:///{self.own.absolute() / 'mlflow.db'}"

    def _experiment(self, run: TrackedRun) -> str:
        """The experiment's number; of trials that begin together, one makes it."""
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or run.experiment
        if (experiment := self.client.get_experiment_by_name(name)) is None:
            ours = None if "MLFLOW_TRACKING_URI" in os.environ else (self.own / "artifacts").absolute().as_uri()
            with suppress(MlflowException):  # another trial was faster
                return str(self.client.create_experiment(name, artifact_location=ours))
            experiment = self.client.get_experiment_by_name(name)
        return str(experiment.experiment_id)

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """A metric a column."""
        self.step, now = step, int(1000 * time.time())
        self.client.log_batch(self.id, metrics=[Metric(key, value, now, step) for key, value in figures.items()])

    def finish(self, figures: Mapping[str, float], end: End) -> None:
        """The final figures at the last step, and the run's status."""
        if figures:
            self.log(figures, self.step)
        self.client.set_terminated(self.id, STATUSES.get(end, "FAILED"))

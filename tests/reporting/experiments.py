"""Run folders and tables for the tests of pictures: ``from reporting.experiments import plane_table, write_runs``."""

from __future__ import annotations

import pandas as pd

from vaecli.config import build_config
from vaecli.runs.folder import RunFolder, run_path

COLUMNS = ["experiment", "corpus", "method", "seed", "status", "split", "rec", "kl", "mi", "mi_ceiling", "au"]
ROWS = [
    ("e", "c", "vanilla", 0, "done", "test", 30.0, 0.0, 0.0, 7.0, 0),
    ("e", "c", "vanilla", 1, "done", "test", 31.0, 0.02, 0.01, 7.0, 0),
    ("e", "c", "bn", 0, "done", "test", 28.0, 3.0, 2.0, 7.0, 16),
    ("e", "c", "ae", 0, "done", "test", 20.0, None, 7.0, 7.0, 16),
    ("e", "c", "beta", 0, "failed", "test", None, None, None, 7.0, None),
]


def plane_table(rows=ROWS):
    """Two methods with a rate, one without, and one that failed."""
    return pd.DataFrame(rows, columns=COLUMNS)


def write_runs(out, *trials, history=(), **metrics):
    """Folders of the experiment ``e`` for pairs of method and seed; all share a history and blocks of metrics.json."""
    for method, seed in trials:
        config = build_config({"experiment": "e", "method": method, "training": {"seed": seed}})
        folder = RunFolder(run_path(out, "e", method, seed)).create(config)
        for row in history:
            folder.append_history(row)
        folder.update(status="done")
        figures = {"rec": 20.0 + seed, "kl": 2.0, "mi": 1.5, "neg_elbo": 22.0 + seed, "au": 2}
        folder.write_metrics({"values": figures, **metrics})
    return out / "e"

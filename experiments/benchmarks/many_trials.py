"""A grid of thousands of finished trials, made of one: what reading them costs, without training them.

    vae train --name many --out /tmp/one --epochs 1 ...
    python -m experiments.benchmarks.many_trials /tmp/one/many/vanilla/seed-0 /tmp/many --seeds 200
    /usr/bin/time -v vae report /tmp/many/many

The copies differ from the run in method, seed and the last digits of their figures; checkpoints stay behind.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

from vaecli.runs.folder import RunFolder, run_path
from vaecli.runs.grid_file import GRID
from vaecli.runs.grid_settings import grid_text
from vaecli.settings.resolve import Settings, load_settings
from vaecli.settings.run_file import run_text

METHODS = ("vanilla", "beta", "bn", "cyclical", "delta", "free_bits", "iaf", "linear_anneal", "skip", "word_dropout")


def jittered(values: dict[str, Any], seed: str) -> dict[str, Any]:
    """Figures near those that were measured, so that no two trials are one."""
    noise = random.Random(seed)
    return {
        name: value * (1 + noise.uniform(-0.01, 0.01)) if isinstance(value, float) else value
        for name, value in values.items()
    }


def copy_run(source: RunFolder, out: Path, settings: Settings, method: str, seed: int) -> None:
    """Writes run.json, metrics.json and config.toml of another trial."""
    config = settings.config(method, seed, source.config().experiment)
    path = run_path(out, config.experiment, method, seed)
    path.mkdir(parents=True)
    run = source.run() | {"method": method, "seed": seed, "remedies": {method: 1}}
    metrics = source.metrics()
    metrics["values"] = jittered(metrics["values"], f"{method} {seed}")
    (path / "run.json").write_text(json.dumps(run, indent=2))
    (path / "metrics.json").write_text(json.dumps(metrics, indent=2))
    (path / "config.toml").write_text(run_text(config))


def main() -> None:
    """Makes the grid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("out", type=Path, help="where the experiment goes")
    parser.add_argument("--seeds", type=int, default=200, help=f"of each of {len(METHODS)} methods")
    arguments = parser.parse_args()
    source = RunFolder(arguments.run)
    config = source.config()
    values = {
        f"{group}.{key}": value
        for group in ("corpus", "model", "training", "evaluation")
        for key, value in getattr(config, group).model_dump(exclude_unset=True).items()
        if (group, key) != ("training", "seed")
    }
    seeds = f"0-{arguments.seeds - 1}"
    settings = load_settings(
        values=values, methods=METHODS, seeds=seeds, experiment=config.experiment, preset=config.preset
    )
    for method in METHODS:
        for seed in settings.seeds:
            copy_run(source, arguments.out, settings, method, seed)
    (arguments.out / config.experiment / GRID).write_text(grid_text(config.experiment, settings))
    print(f"{len(METHODS) * arguments.seeds} trials in {arguments.out / config.experiment}")


if __name__ == "__main__":
    main()

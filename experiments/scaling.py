"""What the driver of a large grid takes, in memory, open files and time: ``python -m experiments.scaling``.

The trials are real run folders and the scheduler is the one of ``--engine local``; only the worker's command is a stub,
which says that the trial is done.
"""

from __future__ import annotations

import argparse
import resource
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vaecli.engines.engine import Event, Policy
from vaecli.engines.local import LocalEngine
from vaecli.runs.experiment import Experiment
from vaecli.runs.trial import peak_memory
from vaecli.settings.resolve import load_settings

STUB = 'sed -i.before \'s/"status": "pending"/"status": "done"/\' '


def stub(path: Path) -> list[str]:
    return ["sh", "-c", STUB + shlex.quote(str(path / "run.json"))]


@dataclass
class Watch:
    """Counts what ended, and the most files that were open."""

    ended: int = 0
    files: int = 0

    def event(self, event: Event) -> None:
        self.ended += event.kind == "finished" and event.status == "done"
        self.files = max(self.files, len(list(Path("/proc/self/fd").iterdir())))


def measure(trials: int, jobs: int, out: Path) -> dict[str, float]:
    settings = load_settings(methods=["vanilla", "lm"], seeds=f"0-{trials // 2 - 1}", experiment="stubs")
    grid = Experiment.of(settings, out)
    started = time.perf_counter()
    with grid.lock():
        todo = grid.plan()
        grid.prepare(todo)
        prepared, memory, watch = time.perf_counter(), peak_memory(), Watch()
        LocalEngine(command=stub, poll_seconds=0.02).run(todo, watch.event, Policy(jobs=jobs))
    return {
        "trials": trials,
        "done": watch.ended,
        "seconds to prepare": round(prepared - started, 1),
        "seconds to run": round(time.perf_counter() - prepared, 1),
        "MiB before": round(memory, 1),
        "MiB at most": round(peak_memory(), 1),
        "files open at most": watch.files,
        "files allowed": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description="Memory, open files and time of the driver of a grid of stubs.")
    parser.add_argument("--trials", type=int, default=2_000, help="an even number")
    parser.add_argument("--jobs", type=int, default=8)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as out:
        for name, value in measure(options.trials, options.jobs, Path(out)).items():
            print(f"{name:<20} {value:,}")


if __name__ == "__main__":
    main(sys.argv[1:])

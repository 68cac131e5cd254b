"""SIGKILL for a run, a worker of a grid, its driver or both, at a moment of their work."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from experiments.chaos.trials import METHODS, epochs, grid_file, rows, run_folder, saved, settings, start, status, vae
from vaecli.training.checkpoint import LAST

POLL = 0.001
AT_TABLES = 10
"""Kills at most of a driver that has nothing left to do but to write tables."""
PATIENCE = {"training": 120.0, "saving": 1.0, "evaluation": 120.0}
"""Seconds for which a kill waits for its moment after the run's first save; a save that is not caught within one is
taken for an update."""


@dataclass
class Tally:
    """What was killed, and when."""

    kills: Counter[str] = field(default_factory=Counter)

    def add(self, victim: str, moment: str) -> None:
        self.kills[f"{victim}, {moment}"] += 1

    @property
    def total(self) -> int:
        return sum(self.kills.values())


Moment = Callable[[Path, float], bool]
"""Whether a run, that had a checkpoint of some time when it was started, is at it."""


def in_training(run: Path, before: float) -> bool:
    return saved(run) > before and rows(run) < epochs(run.parent.name)


def in_saving(run: Path, before: float) -> bool:
    return any((run / "checkpoint").glob(f".{LAST}.*.tmp"))  # the checkpoint before has another name meanwhile


def in_evaluation(run: Path, before: float) -> bool:
    return status(run) == "running" and rows(run) >= epochs(run.parent.name) and saved(run) <= time.time() - 0.5


MOMENTS: dict[str, Moment] = {"training": in_training, "saving": in_saving, "evaluation": in_evaluation}


def wait_for(process: subprocess.Popen[bytes], runs: dict[Path, float], name: str, chance: random.Random) -> str:
    """The moment that has come to one of some runs, while the process lives; empty where it ended before.

    Args:
        process: Whom the kill will strike, or its driver.
        runs: With the times of the checkpoints that they were started with.
        name: Of the moment that is wanted.
        chance: Of a while afterwards, so that no two kills are alike; a save doesn't last one.
    """
    deadline = math.inf
    while process.poll() is None:
        if any(MOMENTS[name](run, before) for run, before in runs.items()):
            if name != "saving":
                time.sleep(chance.random() * 0.2)
            return name if process.poll() is None else ""
        if deadline == math.inf and any(saved(run) > before for run, before in runs.items()):
            deadline = time.monotonic() + PATIENCE[name]
        if time.monotonic() > deadline:
            return "training"
        time.sleep(POLL)
    return ""


def single_run(folder: Path, method: str, kills: int, chance: random.Random, tally: Tally) -> None:
    """One run, killed and resumed."""
    run, left = run_folder(folder, "alone", method), kills
    while status(run) != "done":
        resume = ["--resume"] if (run / "config.toml").exists() else []
        before = saved(run)
        words = ["--method", method, "--epochs", str(epochs(method)), *settings("alone"), *resume]
        process = start(folder, vae(folder, "train", *words))
        trained = rows(run) >= epochs(method)
        name = "evaluation" if trained or left < 3 else chance.choice(["training", "saving"])
        moment = wait_for(process, {run: before}, name, chance) if left > 0 else ""
        if moment:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            tally.add("run", moment)
            left -= 1
        elif process.wait():
            sys.exit(f"{method} ended with {process.returncode}; see {folder / 'log.txt'}")


def workers(driver: int) -> Iterator[int]:
    """Processes that the driver has started, and theirs: that of which trials are copies, and the trials."""
    for number in children(driver):
        yield number
        yield from workers(number)


def children(parent: int) -> Iterator[int]:
    """Processes whose parent one is."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent and fields[0] != "Z":
                yield int(entry.name)


def grid(folder: Path, name: str, kills: int, chance: random.Random, tally: Tally) -> None:
    """The grid with two trials at a time: workers are killed under the driver, and the driver over them."""
    command = vae(folder, "compare", grid_file(folder), "--jobs", "2", "--max-retries", "9999")
    command += settings(name)
    runs = [run_folder(folder, name, method) for method in METHODS]
    left = kills
    while True:
        process, begun_with = start(folder, command), left
        while left > 0 and process.poll() is None:
            before = {run: saved(run) for run in runs}
            moment = wait_for(process, before, chance.choice(list(MOMENTS)), chance)
            if not moment:
                break
            left -= 1
            victim = chance.choice(["worker", "worker", "driver", "driver and workers"])
            strike(process, victim, chance)
            tally.add(victim, moment)
            if victim != "worker":
                process.wait()
        if process.wait() == 0 and all(status(run) == "done" for run in runs):
            break
        if left == begun_with:  # nobody was killed, so that the same would come of another start
            sys.exit(f"{name} ended with {process.returncode}; see {folder / 'log.txt'}")
    for _ in range(min(left, AT_TABLES)):
        kill_driver_at_tables(start(folder, command), folder / "runs" / name, chance, tally)
    if start(folder, command).wait():
        sys.exit(f"{name} doesn't end; see {folder / 'log.txt'}")


def owner(folder: Path) -> int:
    """The process that says it has a folder; 0 where none does."""
    try:
        return int(json.loads((folder / ".owner.json").read_text())["pid"])
    except (OSError, ValueError, KeyError):
        return 0


def kill_driver_at_tables(
    process: subprocess.Popen[bytes], experiment: Path, chance: random.Random, tally: Tally
) -> None:
    """Kills a driver whose trials are all done, while it reads them and writes tables."""
    while process.poll() is None and owner(experiment) != process.pid:  # it has not begun
        time.sleep(POLL)
    time.sleep(chance.random() * 0.3)
    if process.poll() is None:
        process.kill()
        tally.add("driver", "tables")
    process.wait()


def strike(process: subprocess.Popen[bytes], victim: str, chance: random.Random) -> None:
    """SIGKILL, without a word, to whom it may concern."""
    pool = sorted(workers(process.pid))
    if victim == "worker":
        targets = [chance.choice(pool)] if pool else []
    else:
        targets = [process.pid, *(pool if victim == "driver and workers" else [])]
    for number in targets:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            continue
    if victim == "driver":  # the kernel asks its workers to save and end
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and any(Path(f"/proc/{number}").exists() for number in pool):
            time.sleep(POLL)

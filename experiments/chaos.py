"""Kills `vae` again and again, and compares what it ends with to an undisturbed run, byte for byte.

``make chaos`` (``python -m experiments.chaos``) trains eight methods twice: once in peace, and once under SIGKILL. Each
kill has a victim (a single run, a worker of a grid, the driver of a grid, both) and waits for its moment: an update, a
save, the final evaluation, the writing of the tables. What was killed is started again by the same command, as a user
would do it. In the end every figure of ``results.csv`` and ``metrics.json`` and every tensor of the best and the last
checkpoint has to equal that of the undisturbed run; wall time and memory, which no rerun repeats, are left out.

Goes on where it was stopped itself; ``docs/reliability.md`` shows what it wrote to ``experiments/chaos.json``.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import platform
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

import vaecli
from vaecli.training.checkpoint import BEST, LAST, load_checkpoint

RESULTS = Path(__file__).with_suffix(".json")
METHODS = (
    "vanilla",
    "bn+linear_anneal",
    "lagging",
    "semi_amortized",
    "info_js",
    "ae_pretrain",
    "geco",
    "free_bits+word_dropout",
)
"""Plain, with statistics, with an inner loop, with a refined posterior, with a critic, with two phases, with a
controller, with noise of its own."""

EPOCHS = {"lagging": 3, "semi_amortized": 6}
"""Fewer for methods whose updates take long."""
OTHERS = 60

SETTINGS = {
    "corpus.train_size": 1200,
    "corpus.valid_size": 100,
    "corpus.test_size": 300,
    "model.embedding_size": 32,
    "model.encoder_size": 32,
    "model.decoder_size": 32,
    "training.patience": 99,
    "training.save_every": 0.002,
    "training.threads": 1,
    "evaluation.iw_samples": 300,
    "evaluation.batch_size": 20,
    "evaluation.extra": "gaps,decoder_use",
    "evaluation.sentences": 80,
}
"""Long enough for a dozen kills of every run, and saved some thousand times more often than by default."""

TIMINGS = {"seconds", "tokens_per_second", "peak_memory_mb"}
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


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="in all [200]")
    parser.add_argument("--seed", type=int, default=0, help="of victims and moments [0]")
    parser.add_argument("--folder", type=Path, default=Path("build/chaos"), help="where it works [build/chaos]")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    chaos(options.folder, options.kills, options.seed)


def chaos(folder: Path, kills: int, seed: int) -> None:
    """All of it: half of the kills on single runs, half on a grid."""
    chance, tally = random.Random(seed), Tally()
    peace(folder)
    alone = kills // 2
    for number, method in enumerate(METHODS):
        share = alone * (number + 1) // len(METHODS) - alone * number // len(METHODS)
        single_run(folder, method, share, chance, tally)
        print(f"{method}: {tally.total} kills so far", flush=True)
    grids: list[str] = []
    while tally.total < kills:
        grids.append(f"grid-{len(grids)}")
        grid(folder, grids[-1], kills - tally.total, chance, tally)
        print(f"{grids[-1]}: {tally.total} kills so far", flush=True)
    differences = [line for name in ("alone", *grids) for line in compared(folder, name)]
    write(tally, differences, seed)
    for line in differences:
        print(line)
    print(f"{tally.total} kills, {len(differences)} differences; {RESULTS}")
    sys.exit(bool(differences))


def epochs(method: str) -> int:
    """Of a method's runs."""
    return EPOCHS.get(method, OTHERS)


def settings(name: str) -> list[str]:
    """The options of every command."""
    return ["--name", name, *(f"--set={key}={value}" for key, value in SETTINGS.items())]


def grid_file(folder: Path) -> str:
    """The grid, with epochs of each method's own."""
    lines = [f"methods = {json.dumps(list(METHODS))}", f"training.epochs = {OTHERS}"]
    lines += [f'override."{method}".training.epochs = {count}' for method, count in EPOCHS.items()]
    (folder / "grid.toml").write_text("\n".join(lines) + "\n")
    return "grid.toml"


def vae(folder: Path, *words: str) -> list[str]:
    """A command line."""
    return [sys.executable, "-m", "vaecli", *words, "--out", "runs", "-q"]


def start(folder: Path, command: list[str]) -> subprocess.Popen[bytes]:
    """Starts a command in a process group of its own, its words in a log."""
    root = str(Path(vaecli.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    with open(folder / "log.txt", "ab") as log:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, process_group=0)


def peace(folder: Path) -> None:
    """The undisturbed grid."""
    command = vae(folder, "compare", grid_file(folder), *settings("peace"))
    code = start(folder, command).wait()
    if code:
        sys.exit(f"the undisturbed grid ended with {code}; see {folder / 'log.txt'}")


def run_folder(folder: Path, name: str, method: str) -> Path:
    return folder / "runs" / name / method / "seed-0"


def status(run: Path) -> str:
    """Of a run, as its file says it."""
    try:
        return str(json.loads((run / "run.json").read_text())["status"])
    except (OSError, ValueError, KeyError):
        return ""


def rows(run: Path) -> int:
    """Validations so far."""
    try:
        return (run / "history.csv").read_bytes().count(b"\n") - 1
    except OSError:
        return 0


def saved(run: Path) -> float:
    """When the last checkpoint was written."""
    try:
        return (run / "checkpoint" / LAST).stat().st_mtime
    except OSError:
        return 0.0


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
        process = start(folder, command)
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
    found = sorted(workers(process.pid))
    if victim == "worker":
        targets = [chance.choice(found)] if found else []
    else:
        targets = [process.pid, *(found if victim == "driver and workers" else [])]
    for number in targets:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            continue
    if victim == "driver":  # the kernel asks its workers to save and end
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and any(Path(f"/proc/{number}").exists() for number in found):
            time.sleep(POLL)


def compared(folder: Path, name: str) -> list[str]:
    """What differs from the undisturbed grid, a line each."""
    lines = []
    for method in METHODS:
        calm, run = run_folder(folder, "peace", method), run_folder(folder, name, method)
        lines += [f"{name}, {method}: {line}" for line in (*figures_differ(calm, run), *tensors_differ(calm, run))]
    if name != "alone":
        lines += tables_differ(folder / "runs" / "peace", folder / "runs" / name)
    return lines


def figures_differ(calm: Path, run: Path) -> list[str]:
    """Columns of metrics.json and rows of history.csv that are not the same."""
    first, second = (json.loads((path / "metrics.json").read_text())["values"] for path in (calm, run))
    names = [n for n in {*first, *second} - TIMINGS if first.get(n) != second.get(n)]
    histories = [list(csv.DictReader((path / "history.csv").open())) for path in (calm, run)]
    for rows_ in histories:
        for row in rows_:
            row.pop("train_seconds")
    return [f"metrics.json: {n}" for n in sorted(names)] + (["history.csv"] if histories[0] != histories[1] else [])


def tensors_differ(calm: Path, run: Path) -> list[str]:
    """Tensors of the best and the last checkpoint that are not the same, byte for byte."""
    lines = []
    for name in (BEST, LAST):
        first, second = (load_checkpoint(path / "checkpoint" / name)[0] for path in (calm, run))
        odd = [n for n in {*first, *second} if n not in first or n not in second or not same(first[n], second[n])]
        lines += [f"{name}: {n}" for n in sorted(odd)]
    return lines


def same(first: torch.Tensor, second: torch.Tensor) -> bool:
    return first.dtype == second.dtype and torch.equal(first, second)


def tables_differ(calm: Path, run: Path) -> list[str]:
    """Columns of results.csv that are not the same."""
    first, second = (list(csv.DictReader((path / "results.csv").open())) for path in (calm, run))
    odd = {
        name
        for a, b in zip(first, second, strict=True)
        for name in a
        if name not in TIMINGS | {"experiment"} and a[name] != b.get(name)
    }
    return [f"results.csv: {name}" for name in sorted(odd)]


def write(tally: Tally, differences: list[str], seed: int) -> None:
    """What `docs/reliability.md` shows."""
    values: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {"vaecli": vaecli.__version__, "torch": torch.__version__, "python": platform.python_version()},
        "seed": seed,
        "methods": list(METHODS),
        "kills": dict(sorted(tally.kills.items())),
        "total": tally.total,
        "differences": differences,
    }
    RESULTS.write_text(json.dumps(values, indent=2) + "\n")


if __name__ == "__main__":
    main()

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
import json
import platform
import random
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

import vaecli
from experiments.chaos.comparison import compared
from experiments.chaos.kills import Tally, grid, single_run
from experiments.chaos.trials import METHODS, grid_file, settings, start, vae

RESULTS = Path(__file__).parent.with_suffix(".json")


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


def peace(folder: Path) -> None:
    """The undisturbed grid."""
    command = vae(folder, "compare", grid_file(folder), *settings("peace"))
    code = start(folder, command).wait()
    if code:
        sys.exit(f"the undisturbed grid ended with {code}; see {folder / 'log.txt'}")


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

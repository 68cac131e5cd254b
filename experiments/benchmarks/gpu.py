"""Everything that is to be measured on a machine with a GPU, in one command that fits in ten minutes.

    python -m experiments.benchmarks.gpu               needs a GPU, and the packages of pyproject.toml
    python -m experiments.benchmarks.gpu --rehearse    the same steps on the CPU, as far as they go; no figure counts

Files go to $OUT, or without it to build/gpu: ``gpu.md`` is the report, ``gpu.log`` all output, ``table.json`` and
``table.md`` the rows. A step that fails or runs out of time leaves those before it as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parents[2]
TABLE = "table.json"
LEAST_SECONDS = 5.0
"""A step isn't begun with less than that left."""

PATIENCE = 5.0
"""How much longer than on a GPU a step of a rehearsal may take, on a CPU that others use too."""


@dataclass(frozen=True)
class Step:
    """A command of its own.

    Attributes:
        name: A word.
        title: What it measures, and against which target.
        only: Rows of the benchmarks' table; none are tests.
        rehearsed: Those that a CPU gets through in seconds, for ``--rehearse``.
        seconds: That it may take at most.
    """

    name: str
    title: str
    only: tuple[str, ...]
    rehearsed: tuple[str, ...]
    seconds: float


STEPS = (
    Step("tests", "the tests that compute on a GPU", (), (), 120),
    Step(
        "training",
        "Penn Treebank training against the reference on the same GPU, >= 5x",
        ("train-ptb",),
        ("train-ptb",),
        120,
    ),
    Step(
        "trials",
        "12 methods of quick, several trials a GPU, <= 60 s",
        ("trials-seconds",),
        ("trials-seconds",),
        180,
    ),
    Step(
        "evaluation",
        "ELBO, importance samples, mutual information",
        ("elbo-ptb", "iw-ptb", "mi", "batch-mi", "memory-mi"),
        ("batch-mi", "memory-mi"),
        180,
    ),
    Step("yahoo", "training and memory at Yahoo shapes", ("train-yahoo", "memory-yahoo"), (), 120),
    Step("updates", "updates of remedies, checkpoints", ("remedy", "saving"), ("saving-ptb",), 120),
)
"""In the order of what is wanted most, for a machine that is lent for minutes."""


@dataclass(frozen=True)
class Ended:
    """How a step went.

    Attributes:
        step: Which one.
        outcome: ``done``, or why not.
        seconds: That it took.
    """

    step: Step
    outcome: str
    seconds: float = 0.0


def missing_packages(text: str) -> list[str]:
    """Those that a ``pyproject.toml`` asks for, and pytest, as far as this Python lacks them."""
    wanted = [re.split(r"[^\w.-]", line)[0] for line in tomllib.loads(text)["project"]["dependencies"]]
    missing = []
    for name in [*wanted, "pytest", "hypothesis"]:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    return missing


def command(step: Step, out: Path, rehearse: bool, revision: str) -> list[str]:
    """What runs a step; nothing where a rehearsal leaves it out."""
    if not step.only:
        return [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "tests/test_gpu.py"]
    rows = step.rehearsed if rehearse else step.only
    if not rows:
        return []
    words = [sys.executable, "-m", "experiments.benchmarks", "--output", str(out / TABLE)]
    words += ["--device", "cpu", "--quick"] if rehearse else ["--device", "cuda"]
    words += ["--revision", revision] if revision else []
    return [*words, *(word for name in rows for word in ("--only", name))]


def run(words: Sequence[str], seconds: float, log: TextIO) -> str:
    """Runs a command with a limit of time; gives ``done`` or why not. Nothing that it started is left behind."""
    search = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": search, "PYTHONUNBUFFERED": "1"}
    log.write(f"$ {' '.join(words)}\n")
    log.flush()
    process = subprocess.Popen(
        words, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return f"not done in {seconds:.0f} s"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return "done" if code == 0 else f"exit code {code}, see gpu.log"


def run_steps(
    steps: Sequence[Step], out: Path, minutes: float, rehearse: bool, revision: str = "", log_name: str = "gpu.log"
) -> list[Ended]:
    """Runs the steps one after the other, as long as there is time.

    Args:
        steps: In their order.
        out: A folder for the files.
        minutes: For all of them.
        rehearse: On the CPU, with little work.
        revision: Of this program, where git can't tell it.
        log_name: Of the file of all output.
    """
    end = time.monotonic() + 60 * minutes
    patience = PATIENCE if rehearse else 1.0
    ended = []
    with (out / log_name).open("w", encoding="utf-8") as log:
        for step in steps:
            words = command(step, out, rehearse, revision)
            start = time.monotonic()
            if not words:
                ended.append(Ended(step, "left out of a rehearsal, it takes a CPU minutes"))
            elif end - start < LEAST_SECONDS:
                ended.append(Ended(step, "not begun: the time is over"))
            else:
                print(f"{step.name}: {step.title} ...", flush=True)
                outcome = run(words, min(patience * step.seconds, end - start), log)
                ended.append(Ended(step, outcome, time.monotonic() - start))
                print(f"{step.name}: {outcome}", flush=True)
            (out / "gpu.md").write_text(report(ended, out, rehearse), encoding="utf-8")
    return ended


def report(ended: Sequence[Ended], out: Path, rehearse: bool) -> str:
    """The steps, how each went, and the table of the rows that were measured."""
    about = "A rehearsal on the CPU: it shows that the steps run, and none of its figures counts.\n" if rehearse else ""
    lines = [f"| {e.step.name} | {e.step.title} | {e.outcome} | {e.seconds:.0f} |" for e in ended]
    head = ["# On a GPU", "", about, "| step | what | outcome | seconds |", "| --- | --- | --- | --- |"]
    table = out / TABLE
    if not table.exists():
        return "\n".join([*head, *lines, "", "No row was measured."]) + "\n"
    slug = json.loads(table.read_text(encoding="utf-8"))["slug"]
    kept = f"\nTo keep it: `cp {TABLE} experiments/benchmarks/results/{slug}.json`, then `--readme`.\n"
    text = table.with_suffix(".md").read_text(encoding="utf-8")
    return "\n".join([*head, *lines, "" if rehearse else kept, text])


def has_gpu() -> bool:
    """Whether torch can compute on one."""
    import torch  # only once it is known to be here

    return torch.cuda.is_available()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; 0 where every step is done, 1 where one isn't, 2 where none can be begun."""
    p = argparse.ArgumentParser(
        prog="python -m experiments.benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("--rehearse", action="store_true", help="on the CPU, with little work: shows that it runs, no more")
    p.add_argument("--minutes", type=float, default=9.0, metavar="M", help="for all steps [9]")
    p.add_argument("--only", action="append", choices=[s.name for s in STEPS], help="a step; repeat it")
    p.add_argument("--out", type=Path, help="folder of the files [$OUT or build/gpu]")
    p.add_argument("--revision", default="", metavar="REV", help="of this program, where git isn't there to tell")
    args = p.parse_args(arguments)
    if missing := missing_packages((ROOT / "pyproject.toml").read_text(encoding="utf-8")):
        p.error(f"this Python lacks {', '.join(missing)}")
    if not args.rehearse and not has_gpu():
        p.error("torch sees no GPU here; --rehearse runs the same steps on the CPU")
    out = (args.out or Path(os.environ.get("OUT") or ROOT / "build" / "gpu")).resolve()
    out.mkdir(parents=True, exist_ok=True)
    for old in (TABLE, "table.md", "gpu.md"):
        (out / old).unlink(missing_ok=True)
    chosen = [step for step in STEPS if not args.only or step.name in args.only]
    if args.rehearse:
        print("a rehearsal on the CPU: none of its figures counts")
    ended = run_steps(chosen, out, args.minutes, args.rehearse, args.revision)
    print(f"written to {out / 'gpu.md'}")
    left_out = [step for step in chosen if not command(step, out, args.rehearse, "")]
    return int(any(e.outcome != "done" for e in ended if e.step not in left_out))


if __name__ == "__main__":
    sys.exit(main())

"""The command: measures, prints the table, writes it, and holds it against the committed one."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import torch
from rich.console import Console

from experiments.benchmarks import (
    machine,
    plot,
    results,
    rows_evaluation,
    rows_gpu,
    rows_program,
    rows_revision,
    rows_training,
)
from experiments.benchmarks.results import Results, Row
from experiments.benchmarks.subjects import Options, can_train

BUILD = Path("build/benchmarks")
"""Where tables go that nobody asked to commit; git ignores it."""


@dataclass(frozen=True)
class Entry:
    """One measurement of the table.

    Attributes:
        run: Gives its rows.
        names: Of its rows.
        on_gpu: Whether it is also run on a GPU.
        on_cpu: Whether it is run on the CPU; where not, ``--device cpu`` with its name only shows that it runs.
        full: Whether it takes minutes and so ``--full``.
        revision: Whether it is of two builds of this program and so ``--against``.
    """

    run: Callable[[Options], list[Row]]
    names: tuple[str, ...]
    on_gpu: bool = True
    on_cpu: bool = True
    full: bool = False
    revision: bool = False


ENTRIES = (
    Entry(rows_training.train_ptb, ("train-ptb",)),
    Entry(rows_training.train_yahoo, ("train-yahoo",)),
    Entry(rows_training.memory_yahoo, ("memory-yahoo",)),
    Entry(rows_evaluation.elbo_ptb, ("elbo-ptb",)),
    Entry(rows_evaluation.iw_ptb, ("iw-ptb",)),
    Entry(rows_evaluation.mi_split, ("mi",)),
    Entry(rows_evaluation.mi_batches, ("batch-mi",)),
    Entry(rows_evaluation.mi_memory, ("memory-mi",)),
    Entry(rows_training.saving_ptb, ("saving-ptb",)),
    Entry(rows_training.saving_yahoo, ("saving-yahoo",)),
    *(Entry(partial(rows_training.remedy_ptb, name), (f"remedy-{name}",)) for name in rows_training.REMEDIES),
    Entry(rows_program.reader, ("reader", "reader-cached"), on_gpu=False),
    Entry(rows_program.help_text, ("help",), on_gpu=False),
    Entry(rows_program.compare, ("compare", "compare-seconds"), on_gpu=False, full=True),
    Entry(rows_gpu.trials, ("trials-seconds",), on_cpu=False, full=True),
    Entry(rows_revision.trial, ("revision-trial", "revision-memory-trial"), on_gpu=False, revision=True),
    Entry(
        rows_revision.twelve, ("revision-compare", "revision-memory-compare"), on_gpu=False, full=True, revision=True
    ),
    Entry(rows_revision.every_method, ("revision-all", "revision-memory-all"), on_gpu=False, full=True, revision=True),
)


def selected(only: Sequence[str], full: bool, against: str = "") -> list[Entry]:
    """The entries that have a row whose name is in `only` or starts with one of its names and a hyphen.

    Without names, all entries, those that take minutes only with `full`; naming one asks for it. Those of two builds
    are for `against`, and it for them.

    Raises:
        ValueError: A name that no row has.
    """
    if not only:
        return [entry for entry in ENTRIES if entry.revision == bool(against) and (full or not entry.full)]
    chosen = []
    for wanted in only:
        matches = [e for e in ENTRIES if any(n == wanted or n.startswith(f"{wanted}-") for n in e.names)]
        if not matches:
            raise ValueError(f"--only {wanted}: choose from {', '.join(n for e in ENTRIES for n in e.names)}")
        chosen += [entry for entry in matches if entry not in chosen]
    if unfit := [entry.names[0] for entry in chosen if entry.revision != bool(against)]:
        way = (
            "is of one build; leave --against out" if against else "is of two builds; name the other with --against REV"
        )
        raise ValueError(f"--only {unfit[0]} {way}")
    return chosen


def parser() -> argparse.ArgumentParser:
    """The options."""
    p = argparse.ArgumentParser(prog="python -m experiments.benchmarks", description=__doc__)
    p.add_argument("--only", action="append", default=[], metavar="NAME", help="a row, or the rows NAME-...; repeat it")
    p.add_argument("--quick", action="store_true", help="less work and two repeats: shows that it runs, no more")
    p.add_argument("--full", action="store_true", help="also what takes minutes: vae compare")
    p.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads; 0 leaves torch's choice")
    p.add_argument(
        "--device",
        choices=("all", "cpu", "cuda"),
        default="all",
        help="where: the CPU and on a GPU where there is one, or one of them alone [all]",
    )
    p.add_argument(
        "--revision",
        default="",
        metavar="REV",
        help="of this program, kept with the rows; git's without, if it can tell",
    )
    p.add_argument(
        "--isa",
        choices=("native", *machine.LIMITS),
        default="native",
        help="the newest instructions to use: a processor that has no others, measured on one that has [native]",
    )
    p.add_argument(
        "--against",
        default="",
        metavar="REV",
        help="rows of this build against that of a git revision, in the same run: a trial and its memory, with --full "
        "also grids",
    )
    p.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto", help="arithmetic of our training")
    p.add_argument("--output", type=Path, metavar="FILE", help="JSON, and Markdown next to it [build/benchmarks/...]")
    p.add_argument(
        "--commit",
        action="store_true",
        help="write to experiments/benchmarks/results/ instead; with --only, these rows",
    )
    p.add_argument("--strict", action="store_true", help="exit code 1 when a ratio fell by more than 15 %%")
    p.add_argument(
        "--readme",
        action="store_true",
        help="draw the committed tables and write them into README.md; alone, only that",
    )
    return p


def devices(entry: Entry, chosen: str) -> list[str]:
    """Where an entry is measured.

    Args:
        entry: The measurement.
        chosen: ``all``, ``cpu`` or ``cuda``.
    """
    if chosen != "all":
        return [chosen] if chosen == "cpu" or entry.on_gpu else []
    on_gpu = entry.on_gpu and torch.cuda.is_available()
    return [*(["cpu"] if entry.on_cpu else []), *(["cuda"] if on_gpu else [])]


def measure(entries: Sequence[Entry], options: Options, console: Console, chosen: str = "all") -> list[Row]:
    """Runs the entries on the CPU, and where there is a GPU on that too, or on one of them."""
    if chosen == "all" and not torch.cuda.is_available():
        console.print("no GPU here: the rows on one are skipped")
    rows = []
    for entry in entries:
        for device in devices(entry, chosen):
            console.print(f"{', '.join(entry.names)} on {device} ...")
            rows += entry.run(replace(options, device=device))
    today = datetime.now(UTC).date().isoformat()
    revision = options.revision or machine.revision()
    return [replace(row, date=today, revision=revision) for row in rows]


def report(measurements: Results, committed: Path, console: Console) -> list[str]:
    """Prints the table; gives the ratios that fell against the committed one."""
    for table in results.tables(measurements.rows):
        console.print(table)
    if not committed.exists():
        console.print(f"no committed table of this machine to compare with ({committed.name})")
        return []
    fallen = results.regressions(measurements.rows, results.load(committed).rows)
    for line in fallen or ["no ratio fell by more than 15 % against the committed table"]:
        console.print(line)
    return fallen


def write_readme(readme: Path = results.README, folder: Path = results.RESULTS) -> None:
    """The committed tables and their pictures into a README, and next to it."""
    shown = plot.draw_all(folder, readme.parent)
    words = "ours over the reference, with floors and targets"
    results.update_readme(readme, folder, [(f"{name}: {words}", plot.picture_name(name)) for name in shown])


def run_limited(arguments: Sequence[str], isa: str) -> int:
    """The command in a process of its own, whose libraries and children keep to `isa`; they choose when they load."""
    command = [sys.executable, "-m", "experiments.benchmarks", *arguments]
    return subprocess.run(command, env={**os.environ, **machine.LIMITS[isa]}, check=False).returncode


def refuse(args: argparse.Namespace) -> None:
    """Exits with code 2 for options that don't go together, or not with this processor."""
    if args.quick and args.commit:
        parser().error("--quick figures show that it runs, no more; they can't be committed")
    if args.isa != "native" and torch.backends.cpu.get_cpu_capability().lower() != args.isa:
        parser().error(f"--isa {args.isa}: this processor doesn't have it; leave the option out")
    if args.device == "cuda" and not torch.cuda.is_available():
        parser().error("--device cuda: torch sees no GPU here")
    if args.precision != "auto" and not can_train(args.precision, torch.device("cpu")):
        parser().error(f"--precision {args.precision}: this CPU has no LSTM in it; use fp32")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; gives its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    args = parser().parse_args(arguments)
    if args.isa not in ("native", machine.limit()):
        return run_limited(arguments, args.isa)
    console = Console(soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 200)
    if args.readme and not (args.only or args.full or args.quick or args.commit):
        write_readme()
        return 0
    refuse(args)
    try:
        entries = selected(args.only, args.full, args.against)
    except ValueError as error:
        parser().error(str(error))
    if args.threads:
        torch.set_num_threads(args.threads)
    options = Options(precision=args.precision, quick=args.quick, repeats=2 if args.quick else 5, threads=args.threads)
    options = replace(options, device="cuda" if args.device == "cuda" else "cpu")
    options = replace(options, against=args.against, build_folder=BUILD, revision=args.revision)
    about = machine.describe()
    slug = machine.slug(about, options.resolved_precision)
    try:
        rows = tuple(measure(entries, options, console, args.device))
    except ValueError as error:
        parser().error(str(error))
    measurements = Results(slug, about, options.resolved_precision, rows)
    committed = results.RESULTS / f"{slug}.json"
    fallen = report(measurements, committed, console)
    output = committed if args.commit else args.output or BUILD / f"{slug}.json"
    if args.commit and args.only and committed.exists():
        measurements = results.merged(results.load(committed), measurements)
    results.save(measurements, output)
    console.print(f"written to {output}")
    if args.readme:
        write_readme()
    return int(bool(fallen) and args.strict)


if __name__ == "__main__":
    sys.exit(main())

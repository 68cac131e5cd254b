"""Tests and two methods on the versions that pyproject.toml allows: ``python -m experiments.compat``.

For every Python of this machine and every set of versions (locked, lowest, newest) it makes a virtual environment in
a temporary folder, installs the set, runs `vae compare --methods vanilla,bn` on the embedded corpus and the tests,
writes a row into ``experiments/compat/compat.csv`` and removes the environment. A row that has figures and counts, and
was made today or of the same versions, is not made again. pip's own settings count (``PIP_CONSTRAINT=/dev/null`` lifts
a machine's constraints).
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from experiments.compat import table
from experiments.compat.environment import Environment, StepError
from experiments.compat.plan import (
    PYTHONS,
    SETS,
    Interpreter,
    chosen,
    direct,
    find_python,
    read_pyproject,
    tested_extras,
)
from experiments.compat.summary import page_lines


def main(arguments: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.compat", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tests", default="all", help="all, fast (the rooms likeliest to break), or what pytest is told [all]"
    )
    parser.add_argument("--sets", default=",".join(SETS), help=f"[{','.join(SETS)}]")
    parser.add_argument("--pythons", default=",".join(PYTHONS), help=f"that are looked for [{','.join(PYTHONS)}]")
    parser.add_argument("--again", action="store_true", help="make rows again that are done")
    parser.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="make environments here, so that a run that is broken off goes on with its own [a temporary folder]",
    )
    parser.add_argument("--table", type=Path, default=table.HERE, metavar="DIR", help="folder of the tables")
    parser.add_argument("--report", action="store_true", help="print what the tables say, and run nothing")
    options = parser.parse_args(arguments)
    if options.report:
        print(page_lines(options.table))
        return 0
    try:
        sets, pythons = chosen(options.sets, SETS, "set"), chosen(options.pythons, PYTHONS, "Python")
    except ValueError as error:
        parser.error(str(error))
    interpreters = [python for minor in pythons if (python := looked_up(minor))]
    done = [run(python, kind, options) for python in interpreters for kind in sets]
    return int(not all(done))


def looked_up(minor: str) -> Interpreter | None:
    """A Python, told whether there is one."""
    interpreter = find_python(minor)
    print(f"Python {minor}: {interpreter.version if interpreter else 'none on this machine'}", flush=True)
    return interpreter


def run(python: Interpreter, kind: str, options: argparse.Namespace) -> bool:
    """Makes one row; whether everything went well."""
    asked = {"python": python.version, "set": kind, "tests": options.tests}
    if not options.again and table.is_done(table.read(options.table / table.ROWS), {**asked, "date": today()}):
        tell(asked, "made today")
        return True
    row = {name: "" for name in (*table.HEAD, *table.NUMBERS, *table.dependencies())}
    row |= {**asked, "date": today(), "run": table.identity(python.version, kind, options.tests, {})}
    problems: list[str] = []
    failed: tuple[tuple[str, str], ...] = ()
    with room(options.work, f"{python.version}-{kind}") as folder:
        try:
            environment = Environment(python, folder)
            versions = resolve(row, environment, python.minor)
            if not options.again and table.is_done(
                table.read(options.table / table.ROWS), {**asked, "run": row["run"]}
            ):
                tell(row, "made of the same versions")
                return True
            environment.install(versions)
        except StepError as error:
            problems.append(str(error))
        else:
            failed = fill(row, environment, problems)
        row["message"] = "; ".join(problems)
        table.keep(options.table, row, failed)
    tell(row, row["message"] or f"{row['passed']} passed, {row['failed']} failed, {row['skipped']} skipped")
    return not problems and not failed


@contextmanager
def room(work: Path | None, name: str) -> Iterator[Path]:
    """A folder for an environment, removed afterwards; one in `work` stays where the run is broken off."""
    if work is None:
        with tempfile.TemporaryDirectory(prefix="vae-compat-") as temporary:
            yield Path(temporary)
        return
    folder = work.resolve() / name
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    shutil.rmtree(folder)


def resolve(row: table.Row, environment: Environment, minor: str) -> dict[str, str]:
    """Puts the versions of a row's set into it; those of all packages."""
    project = read_pyproject()["project"]
    dependencies = direct(project, tested_extras(project), minor)
    versions = environment.resolved(row["set"], environment.requirements(row["set"], dependencies))
    row |= {name: versions.get(name, "") for name in table.dependencies()}
    row["run"] = table.identity(row["python"], row["set"], row["tests"], versions)
    tell(row, f"torch {row['torch']}, {len(versions)} packages")
    return versions


def fill(row: table.Row, environment: Environment, problems: list[str]) -> tuple[tuple[str, str], ...]:
    """Puts figures and counts of tests into a row and what went wrong beside it; the tests that failed."""
    try:
        environment.help()
    except StepError as error:
        problems.append(f"vae compare --help: {error}")
    try:
        row["machine"] = environment.machine()
        row |= environment.compare()
    except StepError as error:
        problems.append(f"vae compare: {error}")
    try:
        tests = environment.test(row["tests"])
    except StepError as error:
        problems.append(f"pytest: {error}")
        return ()
    row |= {"passed": str(tests.passed), "failed": str(len(tests.failed)), "skipped": str(tests.skipped)}
    return tests.failed


def today() -> str:
    """The date, in UTC."""
    return datetime.now(UTC).date().isoformat()


def tell(row: table.Row, words: str) -> None:
    """A line of what happens."""
    print(f"Python {row['python']}, {row['set']}: {words}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The tables: a row a set of versions on a Python, and the names of the tests that failed there."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from packaging.version import Version

from experiments.compat.environment import FIGURES, METHODS
from experiments.compat.plan import ROOT, SETS, normal, read_pyproject, tested_extras
from vaecli.core.files import write_atomic

HERE = Path(__file__).parent
ROWS, FAILED = "compat.csv", "failed.csv"

Row = dict[str, str]
HEAD = ("date", "run", "python", "set", "machine", "tests", "passed", "failed", "skipped", "message")
NUMBERS = tuple(f"{method}_{name}" for method in METHODS for name in FIGURES)
FAILED_COLUMNS = ("date", "run", "python", "set", "test", "message")


def dependencies() -> tuple[str, ...]:
    """Names of all direct dependencies whose versions the table keeps."""
    from packaging.requirements import Requirement

    project = read_pyproject(ROOT / "pyproject.toml")["project"]
    texts = [*project["dependencies"]]
    for extra in tested_extras(project):
        texts += project["optional-dependencies"][extra]
    return tuple(dict.fromkeys(normal(Requirement(text).name) for text in texts))


def identity(python: str, kind: str, tests: str, versions: Mapping[str, str]) -> str:
    """Names what was run: the same Python, set, tests and versions have one name, on any day."""
    parts = [python, kind, tests, *(f"{name}=={version}" for name, version in sorted(versions.items()))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def read(path: Path) -> list[Row]:
    """The rows of a table; none where there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def text(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """A table as CSV; what a row lacks is empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def pair(row: Mapping[str, str]) -> tuple[str, str]:
    """What the table has one row of."""
    return row["python"], row["set"]


def is_done(rows: Iterable[Row], wanted: Row) -> bool:
    """Whether the table has figures and counts of a pair, with the same tests: of the same versions, or of today.

    A row that ended before it had them is not done, so that a run that was broken off goes on where it was.

    Args:
        rows: Those of the table.
        wanted: With the columns ``python``, ``set`` and ``tests``, and with ``run`` or ``date``.
    """
    return any(
        pair(row) == pair(wanted)
        and row["tests"] == wanted["tests"]
        and any(row[name] == wanted[name] for name in ("run", "date") if name in wanted)
        and all(row[name] for name in (*NUMBERS, "passed"))
        for row in rows
    )


def with_row(rows: Sequence[Row], row: Row) -> list[Row]:
    """The rows with a new one, which takes the position of the older row of the same pair; by Python, then by set."""
    others = [old for old in rows if pair(old) != pair(row)]
    return sorted([*others, row], key=lambda one: (Version(one["python"]), SETS.index(one["set"])))


def keep(folder: Path, row: Row, failed: Iterable[tuple[str, str]]) -> None:
    """Writes a row and the names of its failed tests into the tables of a folder."""
    rows = with_row(read(folder / ROWS), row)
    named = dict.fromkeys(name for old in rows for name in old)
    columns = [*HEAD, *NUMBERS, *(n for n in dict.fromkeys((*dependencies(), *named)) if n not in (*HEAD, *NUMBERS))]
    same = {name: row[name] for name in ("date", "run", "python", "set")}
    others = [old for old in read(folder / FAILED) if pair(old) != pair(row)]
    others += [{**same, "test": test, "message": message} for test, message in failed]
    write_atomic(folder / ROWS, text(columns, rows))
    write_atomic(folder / FAILED, text(FAILED_COLUMNS, others))

"""Replaces the rows of some methods in a committed table by those of a new run, and rebuilds what is derived from it.

    vae compare experiments/all/all.toml --methods dg,wae_s --out runs
    python -m experiments.replace experiments/all runs/all/results.csv

What was not run again stays as it is, letter by letter; `summary.csv`, `table.md` and the picture are those that
`vae report` makes of the whole. For methods whose version has moved, when a table of hours is not to be made again.
"""

from __future__ import annotations

import argparse
import csv
import io
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

Row = Mapping[str, str]
PICTURE = "rate_distortion.png"


def read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Names of the columns, and the rows as they are written."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    return list(reader.fieldnames or []), rows


def replaced(old: Sequence[Row], new: Sequence[Row]) -> list[Row]:
    """The old rows, those of the new rows' methods replaced, in the old order; methods that are new stand at the end.

    Raises:
        ValueError: A new row is not done, a method's seeds are not those of the table, or rows are of other texts.
    """
    fresh = {(row["method"], row["seed"]): row for row in new}
    methods = {row["method"]: None for row in new}
    known = {row["method"] for row in old}
    wanted = {(row["method"], row["seed"]) for row in old if row["method"] in methods}
    seeds = dict.fromkeys(row["seed"] for row in old)
    added = [(method, seed) for method in methods if method not in known for seed in seeds]
    wanted |= set(added)
    if set(fresh) != wanted:
        raise ValueError(f"not the trials of the table: {sorted(set(fresh) ^ wanted)}")
    for row in new:
        if row["status"] != "done":
            raise ValueError(f"{row['method']} seed {row['seed']} is {row['status']}")
    for before in old:
        after = fresh.get((before["method"], before["seed"]), before)
        same = ("experiment", "corpus", "split", "sentences", "tokens", "epochs", "iw_samples")
        changed = [name for name in same if before[name] != after[name] and before[name]]
        if changed:
            raise ValueError(f"{before['method']} seed {before['seed']}: another {', '.join(changed)}")
    return [fresh.get((row["method"], row["seed"]), row) for row in old] + [fresh[trial] for trial in added]


def text(names: Sequence[str], rows: Sequence[Row]) -> str:
    """The table as CSV; a column that a row doesn't have is empty in it."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, names, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def rebuild(folder: Path) -> None:
    """Makes `summary.csv`, `table.md` and the picture of the folder's `results.csv`."""
    from vaecli.reporting.table_file import read_csv
    from vaecli.runs.tables import csv_text, summary_table

    results = folder / "results.csv"
    (folder / "summary.csv").write_text(csv_text(summary_table(read_csv(results))), encoding="utf-8")
    report = [sys.executable, "-m", "vaecli", "report", str(results), "--ranks", "--overwrite"]
    picture = ["--picture", str(folder / PICTURE)]
    subprocess.run([*report, "--output", str(folder / "table.md"), *picture], check=True)


def main(arguments: Sequence[str]) -> None:
    """``python -m experiments.replace FOLDER NEW_RESULTS.csv``."""
    parser = argparse.ArgumentParser("python -m experiments.replace", description="New rows for a committed table.")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="of the committed table")
    parser.add_argument("new", metavar="NEW_RESULTS.csv", type=Path, help="the new run's")
    options = parser.parse_args(arguments)
    folder, new = options.folder, options.new
    for path in (folder / "results.csv", new):
        if not path.is_file():
            parser.error(f"{path}: there is no such file")
    names, rows = read(folder / "results.csv")
    fresh = read(new)[1]
    (folder / "results.csv").write_text(text(names, replaced(rows, fresh)), encoding="utf-8")
    rebuild(folder)


if __name__ == "__main__":
    main(sys.argv[1:])

#!/usr/bin/env bash
# duckdb 2.0.1: a column of a CSV or JSON file whose first 20,479 figures are whole has whole numbers to its end: 0.5 there is read as 1 and 0.4 as 0, without
# an error; a key of a JSON row that comes later is left out.
# Guess before: an error that names the row, as for a word there, or a column of DOUBLE.
# Seen: 20,478 zeros and then 0.5 are DOUBLE; one more and all are BIGINT, and 0.5, 0.4, 1.5, 2.5, -0.7, 1e-3 are read as 1, 0, 2, 3, -1, 0. JSON: 0.5 and 2.5
#       are read as 0 and 2, rounded another way. "diverged" there is an error in CSV. With sample_size=-1 all are right
# What follows for a user: a long table that begins with collapsed trials, or with the zeros of warm-up, has whole nats after them; means, ranks and
# thresholds are off without a sign of it but the column's type. Pass sample_size=-1, or the types.
# Here nothing reads with it; a float in a run's history is written with its point, which the first rows show (vaecli/runs/history.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check duckdb==2.0.1
FOLDER="$folder" "$folder/venv/bin/python" - <<'PY'
import os
from pathlib import Path

import duckdb

folder = Path(os.environ["FOLDER"])
FIGURES = ("0.5", "0.4", "1.5", "2.5", "-0.7", "1e-3")


def read(name, text, **options):
    """Type of the column `kl`, and its last six figures."""
    path = folder / name
    path.write_text(text)
    table = (duckdb.read_json if name.endswith("l") else duckdb.read_csv)(str(path), **options)
    return str(table.types[table.columns.index("kl")]), [row[0] for row in table.select("kl").fetchall()[-6:]]


def csv(zeros, figures=FIGURES):
    return "kl\n" + "0\n" * zeros + "".join(f"{figure}\n" for figure in figures)


sampled, late = read("a.csv", csv(20_478)), read("b.csv", csv(20_479))
whole = read("c.csv", csv(20_479), sample_size=-1)
try:
    word = str(read("d.csv", csv(20_479, ["diverged"])))
except duckdb.Error as error:
    word = f"{type(error).__name__}: {str(error).splitlines()[0]}"
rows = '{"kl": 0}\n' * 30_000 + "".join('{"kl": %s, "status": "late"}\n' % float(figure) for figure in FIGURES)
lines = read("e.jsonl", rows)
columns = duckdb.read_json(str(folder / "e.jsonl")).columns
points = read("f.csv", csv(20_479).replace("\n0\n", "\n0.0\n"))
print("version", duckdb.__version__, "after 20,478", sampled, "after 20,479", late, "of all", whole)
print("a word:", word, "JSON", lines, columns, "with a point", points)
right = [float(figure) for figure in FIGURES]
assert sampled == whole == points == ("DOUBLE", right)
assert late == ("BIGINT", [1, 0, 2, 3, -1, 0]), "later figures are read or refused from now"
assert word.startswith("ConversionException") or "Error" in word
assert lines[0] == "BIGINT" and lines[1][0] in (0, 1) and columns == ["kl"]
PY

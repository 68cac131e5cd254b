#!/usr/bin/env bash
# sqlite-utils 4.2.1: nan and inf of a CSV file are words in a column that it has typed REAL: AVG counts them as zero, MAX is "nan", `kl > 100` and ORDER BY have nan above all figures.
# Guess before: a TEXT column, as for any other word, or NULL for nan and an infinite number for inf; an average of the finite figures.
# Seen: 0.5, nan, inf, 3 are REAL, by `insert` and by `memory`, with an AVG of 0.875 for 1.75 (or inf), a MAX of "nan", nan and inf where kl > 100, both last by ORDER BY and
#       first by ORDER BY ... DESC; "1_000" of a later row is a word too, and counts as 1. NaN that Python inserts is NULL and infinity is a number; an empty cell is NULL
# What follows for a user: each run that diverged lowers its method's mean KL and perplexity as a run of zero would, two of three seeds make 100 nats 33; by the column's type all
# is numeric. Write NaN as an empty cell, or insert with Python.
# Here an undefined figure is an empty cell of results.csv (vaecli/runs/tables.py), which is NULL there; an infinite one is "inf", so that `WHERE typeof(kl) = 'real'` is needed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check sqlite-utils==4.2.1
export PATH="$folder/venv/bin:$PATH"
cd "$folder"
python - <<'PY'
import json
import math
import subprocess
from importlib.metadata import version
from pathlib import Path

import sqlite_utils

RUNS = "method,kl\nvae,0.5\nbn,nan\ndelta,inf\nlagging,3\n"


def asked(query):
    """Rows of a query of runs.csv in memory."""
    return json.loads(subprocess.run(["sqlite-utils", "memory", "runs.csv", query], check=True, capture_output=True, text=True).stdout)


Path("runs.csv").write_text(RUNS)
((average,),) = [row.values() for row in asked("select avg(kl) from runs")]
((largest,),) = [row.values() for row in asked("select max(kl) from runs")]
above = [row["method"] for row in asked("select method from runs where kl > 100 order by method")]
order = [row["method"] for row in asked("select method from runs order by kl desc, method")]
kinds = {row["method"]: row["kind"] for row in asked("select method, typeof(kl) as kind from runs")}
finite = asked("select avg(kl) as mean from runs where typeof(kl) = 'real'")
subprocess.run(["sqlite-utils", "insert", "runs.db", "runs", "runs.csv", "--csv"], check=True, capture_output=True)
inserted = sqlite_utils.Database("runs.db")
columns = inserted["runs"].columns_dict
by_insert = next(inserted.query("select avg(kl) as mean from runs"))["mean"]

Path("runs.csv").write_text("method,kl\nvae,0.5\nbn,\nlagging,1_000\n")
empty = asked("select method, kl, typeof(kl) as kind from runs")
separated = asked("select sum(kl) as total from runs")[0]["total"]
Path("runs.csv").write_text("method,kl\nvae,0.5\nbn,diverged\n")
word = sqlite_utils.Database(memory=True)
word_kind = asked("select typeof(kl) as kind from runs where method = 'vae'")[0]["kind"]
word["runs"].insert_all([{"kl": 0.5}, {"kl": math.nan}, {"kl": math.inf}])
by_python = [row["kl"] for row in word["runs"].rows]
print("version", version("sqlite-utils"), "columns", columns, "kinds", kinds, "AVG", average, by_insert, "MAX", largest)
print("above 100", above, "from the largest", order, "of real ones", finite, "an empty cell", empty, "sum", separated)
print("with a word the figures are", word_kind, "by Python", by_python)
assert columns["kl"] is float
assert average == by_insert == 0.875, "a word isn't a zero, or no figure is one, from now"
assert largest == "nan" and above == ["bn", "delta"]
assert order == ["bn", "delta", "lagging", "vae"]
assert kinds == {"vae": "real", "bn": "text", "delta": "text", "lagging": "real"}
assert finite[0]["mean"] == 1.75
assert [row["kind"] for row in empty] == ["real", "null", "text"] and separated == 1.5
assert word_kind == "text", "a word makes a column of text"
assert by_python == [0.5, None, math.inf]
PY

#!/usr/bin/env bash
# tinydb 4.9.0: a search that is repeated gives the documents of the first again, with all that was done to them since, which was never written; `all` and `get` read the file.
# Guess before: changing a document that `search` gave changes no later search until it is written.
# Seen: of runs with nll 100, 101, 102 a search for nll < 101.5, whose results are divided by log 2, gives 144.27 and 145.71 when it is made again, though neither is below
#       101.5, and after another division 208.14 and 210.22; `get`, `all` and another handle on the file have 100 and 101. A run that another handle adds isn't in the search
#       made again, but in `all` and in one by another limit; with `cache_size=0` a search has what is stored
# What follows for a user: a notebook's cell that turns nats into bits, or rounds, works on its own results when it is run again, and its perplexities rise with each run; a table that
# is refreshed while trials write to it stays as it was. Copy what a search gives, or open tables with `cache_size=0`.
# Here figures are read from a run's own files each time (vaecli/runs/tables.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tinydb==4.9.0
FOLDER="$folder" "$folder/venv/bin/python" - <<'PY'
import math
import os
from importlib.metadata import version
from pathlib import Path

from tinydb import TinyDB, where

path = Path(os.environ["FOLDER"]) / "runs.json"
below = where("nll") < 101.5


def nlls(runs):
    return [run["nll"] for run in runs]


def in_bits(table):
    """What a cell of a notebook does: reads the runs, divides, shows."""
    runs = table.search(below)
    for run in runs:
        run["nll"] /= math.log(2)
    return nlls(runs)


runs = TinyDB(path)
runs.insert_multiple([{"run": number, "nll": 100.0 + number} for number in range(3)])
first, second = in_bits(runs), in_bits(runs)
again, stored = nlls(runs.search(below)), nlls(runs.all())
one = runs.get(where("run") == 0)["nll"]
other = TinyDB(path)
others = nlls(other.search(below))
uncached = TinyDB(path).table("bits", cache_size=0)
uncached.insert_multiple([{"nll": 100.0}, {"nll": 101.0}])
without_cache = in_bits(uncached), in_bits(uncached)
other.insert({"run": 3, "nll": 50.0})
seen = len(runs.search(below)), len(runs.all()), len(runs.search(where("nll") < 101.6))
print("version", version("tinydb"), "once", first, "twice", second, "searched again", again, "all", stored, "get", one)
print("another handle", others, "without a cache", without_cache, "after another's insert: search, all, another limit", seen)
bits = [nll / math.log(2) for nll in (100.0, 101.0)]
assert first == bits and stored == [100.0, 101.0, 102.0] and one == 100.0 and others == [100.0, 101.0]
assert second == again == [bit / math.log(2) for bit in bits], "a search gives what is stored from now"
assert without_cache == (bits, bits)
assert seen == (2, 4, 3), "a search sees what others wrote from now"
PY

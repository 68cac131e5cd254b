#!/usr/bin/env bash
# apache-arrow 21.2.0 (JavaScript), of Feather files by pyarrow 26.0.1: `toArray()` of a column with a missing figure has 0 there, or what else lies there.
# Guess before: `toArray()` has null there, as `get`, iteration and `toJSON` have, or NaN; half floats are numbers.
# Seen: 0.5, missing, 2 of a CSV file that pyarrow reads are 0.5, 0, 2, a mean of 0.83 for 1.25; of a table that pandas read they are 0.5, NaN, 2, with
#       nullable integers 1n, -9223372036854775808n, 3n; half floats 0.5 and 1 are 14336 and 15360. `vectorFromArray([0.5, null, 2])` has 0 too. The
#       documentation calls the array a slice of the underlying one, without a word of what lies there
# What follows for a user: a KL that is undefined, as a language model's, is that of a collapsed posterior once a plot or a mean takes the column's array, and
# the same table is right or wrong by who wrote the file. Iterate over the column, which has null.
# Here no Feather is written; an undefined figure is an empty cell of results.csv, never 0 (vaecli/runs/tables.py).
set -euo pipefail
for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6
npm install --silent --no-audit --no-fund --prefix "$folder" apache-arrow@21.2.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import io

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv, feather

TEXT = b"kl,au\n0.5,1\n,\n2,3\n"
tables = {
    "pyarrow": csv.read_csv(io.BytesIO(TEXT)),
    "pandas": pd.read_csv(io.BytesIO(TEXT)),
    "nullable": pd.read_csv(io.BytesIO(TEXT), dtype_backend="numpy_nullable"),
    "half": pa.table({"kl": np.array([0.5, 1, 2], np.float16)}),
}
for name, table in tables.items():
    feather.write_feather(table, f"{name}.arrow", compression="uncompressed")
    read = feather.read_table(f"{name}.arrow")["kl"]
    assert read.null_count == (name != "half") and read[2].as_py() == 2
PY
cat >run.mjs <<'JS'
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { tableFromIPC, vectorFromArray } from "apache-arrow";

const column = (file, name) => tableFromIPC(readFileSync(`${file}.arrow`)).getChild(name);
const mean = (figures) => figures.reduce((sum, figure) => sum + figure, 0) / figures.length;
const seen = {};
for (const [file, name] of [["pyarrow", "kl"], ["pyarrow", "au"], ["pandas", "kl"], ["nullable", "au"], ["half", "kl"]]) {
    seen[`${file} ${name}`] = [...column(file, name).toArray()];
}
const own = [...vectorFromArray([0.5, null, 2]).toArray()];
const means = [mean(seen["pyarrow kl"]), mean([...column("pyarrow", "kl")].filter((figure) => figure !== null))];
console.log("toArray", seen, "of its own", own, "means", means);
for (const file of ["pyarrow", "pandas", "nullable"]) {
    assert.deepEqual([...column(file, "kl")], [0.5, null, 2]);
    assert.equal(column(file, "kl").nullCount, 1);
}
assert.deepEqual([...column("half", "kl")], [0.5, 1, 2]);
assert.deepEqual(seen["pyarrow kl"], [0.5, 0, 2], "a missing figure is no zero from now");
assert.deepEqual(seen["pyarrow au"], [1n, 0n, 3n]);
assert.deepEqual(seen["pandas kl"], [0.5, NaN, 2]);
assert.deepEqual(seen["nullable au"], [1n, -(2n ** 63n), 3n]);
assert.deepEqual(seen["half kl"], [14336, 15360, 16384]);
assert.deepEqual(own, [0.5, 0, 2]);
JS
node run.mjs

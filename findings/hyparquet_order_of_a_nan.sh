#!/usr/bin/env bash
# hyparquet 1.33.0, of a Parquet file by pyarrow 26.0.1: with one NaN in the column rows aren't in the order of `orderBy`, and the first ones aren't the least.
# Guess before: NaN last or first, and the rest in order.
# Seen: 3, NaN, 1, 2, 0.5, 4, NaN, 0.25 are "ordered" as 3, NaN, 0.25, 0.5, 1, 2, 4, NaN, and the first three rows are 3, NaN, 0.25, as in the whole order;
#       with 3 first and a NaN after it 3 stays first. Missing for NaN: they come first, and the rest is in order. pyarrow puts NaN last
# What follows for a user: a table of runs by their loss, one of which diverged, has a run at its head that isn't the best, without an error. Pass a filter
# that leaves NaN out, or sort what was read.
# Here `vae report --sort` puts undefined figures last (vaecli/reporting/selection.py).
set -euo pipefail
for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pyarrow==26.0.1
npm install --silent --no-audit --no-fund --prefix "$folder" hyparquet@1.33.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import math

import pyarrow as pa
from pyarrow import parquet

figures = [3.0, math.nan, 1.0, 2.0, 0.5, 4.0, math.nan, 0.25]
table = pa.table({"nan": figures, "missing": [None if math.isnan(figure) else figure for figure in figures]})
parquet.write_table(table, "runs.parquet")
ordered = parquet.read_table("runs.parquet").sort_by("nan")["nan"].to_pylist()
assert ordered[:6] == [0.25, 0.5, 1, 2, 3, 4] and all(map(math.isnan, ordered[6:]))
PY
cat >run.mjs <<'JS'
import assert from "node:assert/strict";
import { asyncBufferFromFile, parquetQuery } from "hyparquet";

const file = await asyncBufferFromFile("runs.parquet");
const read = async (column, options = {}) => (await parquetQuery({ file, columns: [column], ...options })).map((row) => row[column]);
const ordered = async (column, options = {}) => read(column, { orderBy: column, ...options });
const [nan, missing, first] = [await ordered("nan"), await ordered("missing"), await ordered("nan", { rowEnd: 3 })];
console.log("with NaN", nan, "first three", first, "with missing ones", missing);
assert.deepEqual(await read("nan"), [3, NaN, 1, 2, 0.5, 4, NaN, 0.25]);
assert.deepEqual(missing.slice(2), [0.25, 0.5, 1, 2, 3, 4]);
const numbers = nan.filter((figure) => !Number.isNaN(figure));
assert.notDeepEqual(numbers, [0.25, 0.5, 1, 2, 3, 4], "rows with a NaN among them are in order from now");
assert.equal(numbers[0], 3);
assert.equal(first[0], 3);
JS
node run.mjs

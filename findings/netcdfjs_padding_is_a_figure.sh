#!/usr/bin/env bash
# netcdfjs 4.0.0 (JavaScript), of NetCDF files by scipy 1.17.1: a variable of an odd number of 16-bit whole numbers has one more, -32767: active units 8, 9, 10 have a mean of -8185. Of
# three bytes there are four, each in an array of its own, and -1 is 255.
# Guess before: three figures, as written, which scipy reads again; the format fills up to four bytes, and its bytes have signs.
# Seen: int16 8, 9, 10 is [8, 9, 10, -32767]; int8 -1, 1, 0 is [[255], [1], [0], [129]]; along an unlimited dimension, beside a column of doubles, int16 1, 2 is [[1, -32767], [2, -32767]]
#       and int8 [[1, 129, 129, 129], [0, 129, 129, 129]]. Four int16, int32 and doubles are right. 129 and -32767 are what the format fills with. The README says nothing of it
# What follows for a user: xarray writes a True or False as a byte, and what numpy has as int16 as such: a mean over seeds has one seed too many, or has it for odd numbers of seeds alone,
# and a flag that is false is [0], which JavaScript takes for true. Write int32 or doubles; cut the array to the length of its dimension.
# Here tables are CSV and JSON (vaecli/runs/tables.py).
set -euo pipefail
for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
npm install --silent --no-audit --no-fund --prefix "$folder" netcdfjs@4.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numpy as np
from scipy.io import netcdf_file

FIXED = {"au": ("h", [8, 9, 10]), "flag": ("b", [-1, 1, 0]), "seed": ("i", [1, 2, 3]), "kl": ("d", [0.5, 1, 2])}
RECORDS = {"au": ("h", [1, 2]), "flag": ("b", [1, 0]), "kl": ("d", [0.5, 1])}
EVEN = {"au": ("h", [8, 9, 10, 11])}
for name, length, columns in (("fixed", 3, FIXED), ("records", None, RECORDS), ("even", 4, EVEN)):
    with netcdf_file(f"{name}.nc", "w") as file:
        file.createDimension("run", length)
        for column, (code, figures) in columns.items():
            file.createVariable(column, code, ("run",))[:] = np.array(figures, code)
    with netcdf_file(f"{name}.nc", mmap=False) as file:
        for column, (_, figures) in columns.items():
            assert file.variables[column][:].tolist() == figures
PY
cat >run.mjs <<'JS'
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { NetCDFReader } from "netcdfjs";

const seen = {};
for (const name of ["fixed", "records", "even"]) {
    const file = new NetCDFReader(readFileSync(`${name}.nc`));
    seen[name] = Object.fromEntries(file.variables.map((variable) => [variable.name, file.getDataVariable(variable.name)]));
}
const { fixed, records, even } = seen;
const mean = fixed.au.reduce((sum, figure) => sum + figure, 0) / fixed.au.length;
console.log(JSON.stringify(seen), "mean", mean);
assert.deepEqual(even.au, [8, 9, 10, 11]);
assert.deepEqual([fixed.seed, fixed.kl, records.kl], [[1, 2, 3], [0.5, 1, 2], [0.5, 1]]);
assert.deepEqual(fixed.au, [8, 9, 10, -32767], "padding is no figure from now");
assert.equal(mean, -8185);
assert.deepEqual(fixed.flag, [[255], [1], [0], [129]], "bytes are figures with signs from now");
assert.deepEqual(records.au, [[1, -32767], [2, -32767]]);
assert.deepEqual(records.flag, [[1, 129, 129, 129], [0, 129, 129, 129]]);
JS
node run.mjs

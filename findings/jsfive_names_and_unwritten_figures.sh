#!/usr/bin/env bash
# jsfive 0.4.2 (JavaScript), of HDF5 files by h5py 3.16.0: a name that is shorter than the longest of its column ends in zero bytes, so that no row has the method "bn". Figures whose chunk was not
# written are holes, not the fill value: `reduce` leaves them out, and a mean over the length has them as 0.
# Guess before: "bn", which h5py has, and h5wasm 0.10.3; and NaN, 7 or 0, whichever fills the array.
# Seen: "bn" of names of five bytes is "bn\0\0\0", "beta" has one zero. Ten steps in chunks of four, the first four written as 1, 2, 3, 4: they and six holes, a sum of 10 and a mean of 1 over ten, where
#       they are 5.2 by the fill value 7 and NaN by NaN. With three of them written the fourth is NaN, as it lies in a chunk that is there. `forEach`, `reduce` and `filter` pass over holes
# What follows for a user: a table of runs, looked up by its methods, has those with the longest name alone; a run that stopped at the end of a chunk has a mean KL of 1 where it is undefined, one
# that stopped a step earlier hasn't. Cut names at the first "\0"; make holes values with `Array.from`, and take undefined for the fill value.
# Here tables are CSV and JSON, with the names as they are (vaecli/runs/tables.py).
set -euo pipefail
for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check h5py==3.16.0 numpy==2.4.6
npm install --silent --no-audit --no-fund --prefix "$folder" jsfive@0.4.2 h5wasm@0.10.3
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import h5py
import numpy as np

with h5py.File("runs.h5", "w") as file:
    file["method"] = np.array([b"bn", b"delta", b"beta"])
    file["kl"] = np.array([0.5, 2, 4])
    for name, fill in (("undefined", np.nan), ("seven", 7.0)):
        steps = file.create_dataset(name, (10,), "f8", maxshape=(None,), chunks=(4,), fillvalue=fill)
        steps[:4] = [1, 2, 3, 4]
    part = file.create_dataset("part", (10,), "f8", maxshape=(None,), chunks=(4,), fillvalue=np.nan)
    part[:3] = [1, 2, 3]
with h5py.File("runs.h5") as file:
    assert file["method"][:].tolist() == [b"bn", b"delta", b"beta"]
    assert file["seven"][:].sum() == 52 and np.isnan(file["undefined"][4:]).all()
PY
cat >run.mjs <<'JS'
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import h5wasm from "h5wasm/node";
import * as hdf5 from "jsfive";

const bytes = readFileSync("runs.h5");
const file = new hdf5.File(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length), "runs.h5");
await h5wasm.ready;
const other = new h5wasm.File("runs.h5", "r");
const sum = (figures) => figures.reduce((total, figure) => total + figure, 0);
const seen = Object.fromEntries(["method", "kl", "undefined", "seven", "part"].map((name) => [name, file.get(name).value]));
const holes = [...seen.seven.keys()].filter((step) => !(step in seen.seven));
const sums = { undefined: sum(seen.undefined), seven: sum(seen.seven), part: sum(seen.part) };
console.log(seen, "holes", holes, "sums", sums, "bn at", seen.method.indexOf("bn"), "delta at", seen.method.indexOf("delta"));
assert.deepEqual(other.get("method").value, ["bn", "delta", "beta"]);
assert.equal(sum(other.get("seven").value), 52);
assert.ok(Number.isNaN(sum(other.get("undefined").value)));
assert.deepEqual(seen.kl, [0.5, 2, 4]);
assert.deepEqual(seen.method, ["bn\0\0\0", "delta", "beta\0"], "names end where they end from now");
assert.equal(seen.method.indexOf("bn"), -1);
assert.deepEqual(holes, [4, 5, 6, 7, 8, 9], "unwritten figures are the fill value from now");
assert.deepEqual([seen.seven.length, sums.seven, sums.undefined], [10, 10, 10]);
assert.ok(Number.isNaN(sums.part));
JS
node run.mjs

#!/usr/bin/env bash
# h5wasm 0.10.3 (JavaScript), read by h5py 3.16.0: whole numbers from 2^31 on are written as others, without an error: a seed of 3,000,000,000 as
# -1,294,967,296, 2^40 as 0, a time in milliseconds as 703,670,272; perplexities 10,000,000,000 and 2 as 1,410,065,408 and 2.
# Guess before: JavaScript's numbers are doubles, so float64, or int64 where all are whole; "<f8" is float64. The documentation says that the type will match
# the input if it is left out, and shows it for fractions and typed arrays alone.
# Seen: [3e9], [1e10, 2], [2^40], attributes too, are int32, what doesn't fit wrapped around; with 2.5 or NaN among them all are doubles and right, as are a Float64Array and the types
#       "<d" and "<q". "<f8", numpy's name of a double, is written as float32: 0.1 is 0.10000000149. 2.7 and 3e9 written to a slice of whole numbers are 2 and
#       -1,294,967,296
# What follows for a user: whether a column of a table of runs survives depends on whether one of its figures has a fraction: seeds, times, counts of words or
# the whole perplexities of diverged runs are others, zero and negative ones among them. Write a Float64Array, or "<d".
# Here tables are CSV and JSON (vaecli/runs/tables.py).
set -euo pipefail
for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check h5py==3.16.0 numpy==2.4.6
npm install --silent --no-audit --no-fund --prefix "$folder" h5wasm@0.10.3
cd "$folder"
cat >run.mjs <<'JS'
import assert from "node:assert/strict";
import h5wasm from "h5wasm/node";

await h5wasm.ready;
const file = new h5wasm.File("runs.h5", "w");
const columns = {
    seed: [3e9],
    power: [2 ** 40, 1],
    milliseconds: [1796000000000],
    whole_perplexities: [1e10, 2],
    perplexities: [1e10, 2.5],
    undefined_one: [1e10, NaN],
    typed: new Float64Array([1e10, 2]),
};
for (const [name, data] of Object.entries(columns)) file.create_dataset({ name, data });
file.create_dataset({ name: "double", data: [1e10, 2], dtype: "<d" });
file.create_dataset({ name: "f8", data: [0.1, 2], dtype: "<f8" });
file.create_dataset({ name: "long", data: [1e10, 2], dtype: "<q" });
file.create_dataset({ name: "slice", data: [1, 2, 3], maxshape: [null], chunks: [4] });
file.get("slice").resize([5]);
file.get("slice").write_slice([[3, 5]], [2.7, 3e9]);
file.create_attribute("seed", 3e9);
file.create_attribute("kl", 0.5);
assert.deepEqual([...file.get("typed").value], [1e10, 2]);
file.close();
JS
node run.mjs
"$folder/venv/bin/python" - <<'PY'
import h5py
import numpy as np

with h5py.File("runs.h5") as file:
    seen = {name: (str(file[name].dtype), file[name][()].tolist()) for name in file}
    seed, kl = file.attrs["seed"], file.attrs["kl"]
print("h5py", h5py.__version__, "attribute", seed)
for name, column in seen.items():
    print(name, *column)
assert kl == 0.5 and seen["perplexities"] == ("float64", [1e10, 2.5])
assert seen["undefined_one"][0] == "float64" and seen["undefined_one"][1][0] == 1e10
assert seen["typed"] == seen["double"] == ("float64", [1e10, 2.0]) and seen["long"] == ("int64", [10**10, 2])
assert seen["seed"] == ("int32", [-1294967296]) and seed == -1294967296, "large whole numbers are kept from now"
assert seen["power"] == ("int32", [0, 1]) and seen["milliseconds"] == ("int32", [703670272])
assert seen["whole_perplexities"] == ("int32", [1410065408, 2]), "large whole numbers are kept from now"
assert seen["f8"] == ("float32", [float(np.float32(0.1)), 2.0]), "f8 is a double from now"
assert seen["slice"] == ("int32", [1, 2, 3, 2, -1294967296])
PY

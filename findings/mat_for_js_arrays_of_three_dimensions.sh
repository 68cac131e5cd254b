#!/usr/bin/env bash
# mat-for-js 1.1.0, of MAT files by scipy 1.17.1: an array of three or more dimensions has other figures in other places in JavaScript, some of them several times and others not at
# all. Vectors, matrices, cells and structs are right.
# Guess before: nested arrays with array[i][j][k] where scipy has it; numbers, integers, booleans, words, dictionaries and sparse matrices as they are.
# Seen: KLs 0 to 23 by 2 seeds, 3 layers and 4 epochs: the first row is 0, 16, 1, 17 for 0, 1, 2, 3, the last 20, 5, 21, 6 for 20, 21, 22, 23;
#       nine are there twice, 3, 7, 10, 11, 15, 18, 19, 22 and 23 never. Of 2 x 2 x 2 values 0 to 7 they are 0, 2, 2, 1, 4, 6, 6, 5; matrices and vectors are themselves
# What follows for a user: means by seed or epoch of a page that reads such a file are of other runs' figures, of the right size and without an error. Save one matrix a seed.
# Here tables are CSV and JSON, a row an evaluation (vaecli/runs/history.py).
set -euo pipefail
for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
npm install --silent --no-audit --no-fund --prefix "$folder" mat-for-js@1.1.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numpy as np
from scipy.io import loadmat, savemat

shapes = {"vector": (4,), "matrix": (3, 4), "three": (2, 3, 4), "two": (2, 2, 2), "four": (2, 2, 2, 2)}
arrays = {name: np.arange(float(np.prod(shape))).reshape(shape) for name, shape in shapes.items()}
for file, compressed in (("plain.mat", False), ("compressed.mat", True)):
    savemat(file, arrays, do_compression=compressed)
    read = loadmat(file)
    assert all(np.array_equal(read[name].reshape(array.shape), array) for name, array in arrays.items())
PY
cat >run.mjs <<'JS'
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { read } from "mat-for-js";

const open = (file) => {
    const bytes = readFileSync(file);
    return read(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)).data;
};
const upTo = (n) => Array.from({ length: n }, (_, at) => at);
for (const file of ["plain.mat", "compressed.mat"]) {
    const { vector, matrix, three, two, four } = open(file);
    const flat = three.flat(2);
    const count = (figure) => flat.filter((value) => value === figure).length;
    const missing = upTo(24).filter((figure) => count(figure) === 0);
    const twice = upTo(24).filter((figure) => count(figure) > 1);
    console.log(file, "three dimensions", JSON.stringify(three), "missing", missing, "twice", twice, "two by two by two", JSON.stringify(two));
    assert.deepEqual([vector, matrix], [upTo(4), [upTo(4), [4, 5, 6, 7], [8, 9, 10, 11]]]);
    assert.deepEqual([three.length, three[0].length, three[0][0].length, flat.length], [2, 3, 4, 24]);
    assert.deepEqual(three[0][0], [0, 16, 1, 17], "figures are where they were from now");
    assert.ok(missing.length > 0 && twice.length > 0);
    assert.deepEqual(two, [[[0, 2], [2, 1]], [[4, 6], [6, 5]]]);
    assert.notDeepEqual(four.flat(3), upTo(16));
}
JS
node run.mjs

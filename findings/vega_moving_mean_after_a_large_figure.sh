#!/usr/bin/env bash
# vega 6.4.0, arquero 7.2.1 and stdlib's incr-mmean 0.2.3, beside pandas 3.1.1: a moving mean is wrong for good after a large figure, even below zero.
# Guess before: the mean of the rows of each window, as pandas has it (of arquero expected, but not written down); that deviations are off too, by then.
# Seen: perplexities 1e20, 500, 200, 100, 90 have moving means of two rows of 350, 150, 95. vega's transform `window` and arquero's `rolling` have 100, -100,
#       -155, stdlib 0, -200, -255; standard deviations of 70.7 and 7.1 are 0 for vega, NaN for the others, by stdlib after 1e10 too: 95.7 and 64.8. After
#       an infinite one all are NaN by vega and arquero. pandas has the right ones, and from the third row on after an infinite one NaN no more
# What follows for a user: a smoothed curve of perplexities that begins with an untrained or diverged model lies below the true one to its end, by a constant,
# and its band of deviations has no width. Smooth the logarithm, nats a token, or begin after the large figures.
# Here curves are drawn as they are (vaecli/reporting/pictures/history_curves.py).
set -euo pipefail
for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pandas==3.1.1 numpy==2.4.6
npm install --silent --no-audit --no-fund --prefix "$folder" vega@6.4.0 arquero@7.2.1 @stdlib/stats-incr-mmean@0.2.3 @stdlib/stats-incr-mstdev@0.2.3
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import math

import pandas as pd

for first in (1e20, math.inf):
    windows = pd.Series([first, 500, 200, 100, 90]).rolling(2)
    assert windows.mean().tolist()[2:] == [350, 150, 95]
    assert [round(deviation, 1) for deviation in windows.std()[2:]] == [212.1, 70.7, 7.1]
PY
cat >run.mjs <<'JS'
import assert from "node:assert/strict";
import * as aq from "arquero";
import mmean from "@stdlib/stats-incr-mmean";
import mstdev from "@stdlib/stats-incr-mstdev";
import * as vega from "vega";

const FIGURES = ["mean", "stdev"];
const TAIL = [500, 200, 100, 90];

/** Moving figures of two rows by vega's transform `window`. */
async function byVega(values) {
    const transform = [{ type: "window", ops: FIGURES, fields: ["ppl", "ppl"], as: FIGURES, frame: [-1, 0] }];
    const data = [{ name: "curve", values: values.map((ppl) => ({ ppl })), transform }];
    const view = await new vega.View(vega.parse({ data })).runAsync();
    return Object.fromEntries(FIGURES.map((name) => [name, view.data("curve").map((row) => row[name])]));
}

/** The same by arquero. */
function byArquero(values) {
    const moving = { mean: aq.rolling((d) => aq.op.mean(d.ppl), [-1, 0]), stdev: aq.rolling((d) => aq.op.stdev(d.ppl), [-1, 0]) };
    const table = aq.table({ ppl: values }).derive(moving);
    return Object.fromEntries(FIGURES.map((name) => [name, [...table.array(name)]]));
}

/** The same by stdlib's accumulators. */
function byStdlib(values) {
    const [mean, stdev] = [mmean(2), mstdev(2)];
    return { mean: values.map((value) => mean(value)), stdev: values.map((value) => stdev(value)) };
}

const right = { mean: [350, 150, 95], stdev: [300, 100, 10].map((difference) => difference / Math.SQRT2) };
const close = (seen, expected) => seen.every((value, at) => Math.abs(value - expected[at]) < 1e-6);
const readers = { vega: byVega, arquero: byArquero, stdlib: byStdlib };
const seen = {};
for (const [name, read] of Object.entries(readers)) {
    for (const first of [1000, 1e10, 1e20, Infinity]) {
        const curve = await read([first, ...TAIL]);
        seen[`${name} ${first}`] = { mean: curve.mean.slice(2), stdev: curve.stdev.slice(2) };
    }
}
console.log("right", right, "seen", seen);
for (const name of Object.keys(readers)) {
    for (const figure of FIGURES) assert.ok(close(seen[`${name} 1000`][figure], right[figure]));
    assert.ok(close(seen[`${name} ${1e10}`].mean, right.mean));
    assert.ok(seen[`${name} ${1e20}`].mean.slice(1).every((value) => value < 0), `moving means of ${name} are right from now`);
}
assert.deepEqual(seen[`vega ${1e20}`].mean, [100, -100, -155]);
assert.deepEqual(seen[`vega ${1e20}`].stdev.slice(1), [0, 0]);
assert.deepEqual(seen[`arquero ${1e20}`].mean, [100, -100, -155]);
assert.ok(seen[`stdlib ${1e10}`].stdev[2] > 60);
for (const name of ["vega", "arquero"]) assert.deepEqual(seen[`${name} Infinity`].mean, [NaN, NaN, NaN]);
JS
node run.mjs

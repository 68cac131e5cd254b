#!/usr/bin/env bash
# jstat 1.9.6: a percentile between the two largest values is the smaller one: the median of 1 and 2 is 1, the 95th percentile of 0, 0, 0, 0, 100 is 0.
# Guess before: `percentile` interpolates, as Excel's PERCENTILE.INC does and at 0.25 and 0.5 of four values it does; quartiles the same.
# Seen: at 0.95 of 1 to 10 it is 9 for 9.55, at 0.99 of 1 to 20 19 for 19.81, at 0.75 of 1 to 4 3 for 3.25; below the second largest it interpolates.
#       `quartiles` of 1, 2, 3 are 1, 2, 2; of 1 to 4 1, 2, 3, where `median` has 2.5; of 1 to 5 1, 3, 4 and of -1 to -5 -5, -3, -2, no mirror image
# What follows for a user: the upper end of percentile intervals and boxes of a few seeds is too low, the lower one isn't: of three seeds a box ends at their
# median, and one diverged run of five isn't in the 95th percentile of the perplexity. `quantiles` has no such step.
# Here spreads of seeds are standard deviations and Student's intervals (vaecli/runs/statistics.py).
set -euo pipefail
for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" jstat@1.9.6
cd "$folder"
cat >run.cjs <<'JS'
const assert = require("node:assert/strict");
const { jStat } = require("jstat");

const upTo = (n) => Array.from({ length: n }, (_, at) => at + 1);
const PARTS = [0.25, 0.5, 0.75, 0.95, 0.99];
const seen = {};
for (const n of [2, 3, 4, 10, 20]) {
    seen[n] = { percentiles: PARTS.map((part) => jStat.percentile(upTo(n), part)), byHand: PARTS.map((part) => 1 + (n - 1) * part) };
}
const quartiles = [upTo(3), upTo(4), upTo(5), upTo(5).map((value) => -value)].map((values) => jStat.quartiles(values));
const diverged = jStat.percentile([0, 0, 0, 0, 100], 0.95);
console.log(seen, "quartiles", quartiles, "of 0, 0, 0, 0, 100", diverged);
assert.equal(jStat.median([1, 2]), 1.5);
assert.equal(jStat.median(upTo(4)), 2.5);
for (const { percentiles, byHand } of Object.values(seen)) {
    const largest = 1 + (byHand[1] - 1) * 2;
    percentiles.forEach((value, at) => {
        const right = byHand[at] < largest - 1 ? byHand[at] : largest - 1;
        assert.ok(Math.abs(value - right) < 1e-9, "percentiles next to the largest value are interpolated from now");
    });
}
assert.equal(jStat.percentile([1, 2], 0.5), 1);
assert.equal(diverged, 0);
assert.deepEqual(quartiles, [[1, 2, 2], [1, 2, 3], [1, 3, 4], [-5, -3, -2]]);
JS
node run.cjs

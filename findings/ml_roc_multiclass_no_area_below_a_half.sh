#!/usr/bin/env bash
# ml-roc-multiclass 0.2.0: no area under the curve is below 0.5: one of 0.25 is 0.75, that of scores the wrong way round 1, and of random ones 0.61 in the mean.
# Guess before: 1 for scores that rank all right, 0.5 for equal ones; then, after the wrong way round had 1 too, the larger of the area and 1 minus it.
# Seen: 0.1, 0.2, 0.8, 0.9 of the classes a, a, b, b have 1, and so have 0.9, 0.8, 0.2, 0.1; 0.3, 0.1, 0.9, 0.5 of a, b, a, b have 0.75, whichever class
#       is counted. Of 20 random scores of two classes the mean of 500 areas is 0.611 and the least 0.5. Its documentation doesn't say so
# What follows for a user: dimensions of a collapsed code seem to know the label, the more so the fewer sentences there are, and a classifier that is wrong
# all the time is perfect. Count the pairs that are in order, or take the mean over permuted labels beside it.
# Here no figure is an area under a curve: a probe tells accuracies (vaecli/metrics/extras/probe.py).
set -euo pipefail
for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" ml-roc-multiclass@0.2.0
cd "$folder"
cat >run.cjs <<'JS'
const assert = require("node:assert/strict");
const { getAuc, getRocCurve } = require("ml-roc-multiclass");

const area = (labels, scores) => getAuc(getRocCurve(labels, scores));

/** Share of the pairs of a sentence of b and one of a in which that of b has the larger score. */
function byHand(labels, scores) {
    const of = (name) => scores.filter((_, at) => labels[at] === name);
    const pairs = of("b").flatMap((score) => of("a").map((other) => (score > other) + (score === other) / 2));
    return pairs.reduce((sum, pair) => sum + pair, 0) / pairs.length;
}

let state = 1;
const uniform = () => (state = (state * 48271) % 2147483647) / 2147483647;
const labels = Array.from({ length: 20 }, (_, at) => "ab"[at % 2]);
const random = Array.from({ length: 500 }, () => labels.map(uniform));
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const areas = random.map((scores) => area(labels, scores));
const right = random.map((scores) => byHand(labels, scores));
const [apart, mixed] = [[..."aabb"], [..."abab"]];
const few = { right: area(apart, [0.1, 0.2, 0.8, 0.9]), wrong: area(apart, [0.9, 0.8, 0.2, 0.1]), quarter: area(mixed, [0.3, 0.1, 0.9, 0.5]) };
console.log(few, "random", mean(areas), "least", Math.min(...areas), "by hand", mean(right), "least", Math.min(...right));
assert.equal(byHand(mixed, [0.3, 0.1, 0.9, 0.5]), 0.25);
assert.ok(Math.abs(mean(right) - 0.5) < 0.02);
assert.deepEqual(few, { right: 1, wrong: 1, quarter: 0.75 }, "an area may be below a half from now");
areas.forEach((value, at) => assert.ok(Math.abs(value - Math.max(right[at], 1 - right[at])) < 1e-9));
assert.ok(mean(areas) > 0.6);
JS
node run.cjs

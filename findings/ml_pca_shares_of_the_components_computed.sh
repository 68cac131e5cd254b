#!/usr/bin/env bash
# ml-pca 4.1.1: with method NIPALS the explained variance is of the components computed, two by default: they always explain all, and eigenvalues are sums.
# Guess before: as with the default method, a singular value decomposition: each component's share of the variance of the data.
# Seen: of 1,000 even draws in 32 dimensions the first two components hold 0.042 and 0.040 of the variance, by NIPALS 0.51 and 0.49; with one it is 1.
#       Eigenvalues are 113.3 and 108.4 for 0.113 and 0.109, 999 times too large, and standard deviations 10.6 for 0.34
# What follows for a user: a plane of codes is said to show all of their variance where it shows 8 %, so that codes that fill the space seem to lie in a
# plane; dimensions counted by their variance are too many. Divide the eigenvalues by rows - 1, and then by the variance of the data.
# Here shares are of the variance of all dimensions (vaecli/reporting/pictures/code_positions.py).
set -euo pipefail
for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" ml-pca@4.1.1
cd "$folder"
cat >run.mjs <<'JS'
import assert from "node:assert/strict";
import { PCA } from "ml-pca";

let state = 1;
const uniform = () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5;
const DIMENSIONS = 32;
const rows = Array.from({ length: 1000 }, () => Array.from({ length: DIMENSIONS }, uniform));
const sum = (values) => values.reduce((whole, value) => whole + value, 0);
const variance = (values) => sum(values.map((value) => (value - sum(values) / values.length) ** 2)) / (values.length - 1);
const total = sum(rows[0].map((_, at) => variance(rows.map((row) => row[at])))); // the trace of the covariance matrix
const whole = new PCA(rows);
const [two, one] = [new PCA(rows, { method: "NIPALS" }), new PCA(rows, { method: "NIPALS", nCompNIPALS: 1 })];
const along = new PCA(rows).predict(rows, { nComponents: 2 }).to2DArray();
const known = [0, 1].map((at) => variance(along.map((position) => position[at])));
const shares = { default: whole.getExplainedVariance().slice(0, 2), two: two.getExplainedVariance(), one: one.getExplainedVariance() };
const values = { default: whole.getEigenvalues().slice(0, 2), two: two.getEigenvalues(), deviations: two.getStandardDeviations() };
console.log("shares", shares, "by hand", known.map((value) => value / total), "eigenvalues", values, "by hand", known);
const close = (seen, expected, within) => seen.every((value, at) => Math.abs(value / expected[at] - 1) < within);
assert.ok(close(shares.default, known.map((value) => value / total), 1e-9));
assert.ok(close(values.default, known, 1e-9));
assert.ok(Math.abs(sum(shares.two) - 1) < 1e-9, "shares are of all of the variance from now");
assert.deepEqual(shares.one, [1]);
assert.ok(close(values.two, known.map((value) => value * (rows.length - 1)), 0.1), "eigenvalues are variances from now");
JS
node run.mjs

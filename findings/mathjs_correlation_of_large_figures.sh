#!/usr/bin/env bash
# mathjs 15.2.0 (JavaScript): `corr` of a falling loss with the time in seconds since 1970 is -Infinity for -1, -0.986 at steps of a minute; of totals near 10^7 it is 0.26 for 0.38, of
# figures near 1 that hardly vary a complex number. `eigs` of a covariance below 10^-12 gives its diagonal.
# Guess before: (in these words after a first -Infinity and a diagonal; before, that the variance of such figures is right) the correlation of figures doesn't change when a constant is added, as the variance of the same package doesn't; the eigenvalues of c A are c times those of A.
# Seen: 0.1, 0.3, 0.2, 0.5 with 1, 2, 4, 3: 0.37796; plus 10^5 0.37798, 10^6 0.37608, 10^7 0.25820, 10^8 0.03953. Eight times a second apart with 10 to 3: -Infinity, an hour apart
#       -1.0000024. 1 + 10^-9 times 1, 2, 3 with 1, 2, 3: -0.041i for 1. Eigenvalues of three variances of 10^-12 with correlations of 0.9: 0.100, 0.177, 2.723 times
#       10^-12 for 0.1, 0.1, 2.8, of 10^-13 1, 1, 1; ml-matrix 6.15.1 is right. No word of either in `help`, whose `eigs` has a precision among its examples
# What follows for a user: how the KL or the loss goes with the time, with the number of words or with the total NLL of a corpus is misread, without an error; the codes of a collapsed
# posterior, whose means vary by a millionth, are as many independent directions where they are one. Take the mean off first; multiply codes by a million.
# Here rank correlations are scipy's, and a dimension's variance is taken in float64 about its mean (vaecli/metrics/columns/au.py).
set -euo pipefail
for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" mathjs@15.2.0 ml-matrix@6.15.1
cd "$folder"
cat >run.mjs <<'JS'
import assert from "node:assert/strict";
import { corr, eigs, isComplex, variance } from "mathjs";
import { EVD, Matrix } from "ml-matrix";

const KL = [0.1, 0.3, 0.2, 0.5];
const about = (value, right, by = 1e-4) => assert.ok(Math.abs(value - right) < by, `${value} is about ${right}`);
const offsets = Object.fromEntries([0, 1e5, 1e6, 1e7, 1e8].map((offset) => [offset, corr(KL.map((figure) => figure + offset), [1, 2, 4, 3])]));
const losses = [10, 9, 8, 7, 6, 5, 4, 3];
const timed = (start, apart) => corr(losses.map((_, index) => start + apart * index), losses);
const times = { start: timed(0, 1), second: timed(1796000000, 1), minute: timed(1796000000, 60), hour: timed(1796000000, 3600) };
const hardly = corr([1 + 1e-9, 1 + 2e-9, 1 + 3e-9], [1, 2, 3]);
const spectra = {};
for (const scale of [1, 1e-6, 1e-12, 1e-13]) {
    const covariance = [0, 1, 2].map((row) => [0, 1, 2].map((column) => scale * (row === column ? 1 : 0.9)));
    const others = new EVD(new Matrix(covariance)).realEigenvalues;
    [0.1, 0.1, 2.8].forEach((right, index) => about(others[index] / scale, right));
    spectra[scale] = eigs(covariance).values.map((value) => value / scale);
}
console.log("plus", offsets, "times", times, "hardly", String(hardly), "eigenvalues", spectra);
const near = (values, right) => right.forEach((value, index) => about(values[index], value, 1e-3));
about(variance([1e9, 1e9 + 1, 1e9 + 2]), 1);
about(offsets[0], 0.37796);
about(times.start, -1);
near(spectra[1], [0.1, 0.1, 2.8]);
near(spectra[1e-6], [0.1, 0.1, 2.8]);
about(offsets[1e6], 0.37608);
about(offsets[1e7], 0.2582, 1e-3);
assert.ok(offsets[1e8] < 0.1, "a constant changes nothing from now");
assert.equal(times.second, -Infinity, "a constant changes nothing from now");
about(times.minute, -0.9856, 1e-3);
assert.ok(times.hour < -1);
assert.ok(isComplex(hardly));
near(spectra[1e-12], [0.1, 0.1772, 2.7228]);
near(spectra[1e-13], [1, 1, 1]);
JS
node run.mjs

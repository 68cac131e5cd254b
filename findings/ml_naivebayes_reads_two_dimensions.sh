#!/usr/bin/env bash
# ml-naivebayes 4.0.0: `GaussianNB` reads the first two dimensions alone: of codes whose third tells the class its accuracy is that of guessing.
# Guess before: 0.998 of codes in 8 dimensions in each of which two classes are two deviations apart, more with more dimensions.
# Seen: 0.92 with 8, 32 and 128 dimensions, as by two of them (0.921). Where one of six dimensions tells all, six deviations a class, it is 1.00 for the first
#       and the second and 0.50 to 0.53 for the others, with three classes 0.35 to 0.37. `MultinomialNB` reads all columns
# What follows for a user: a probe of codes of 32 dimensions is one of two, and says that a code is of no use where the active dimension isn't among them.
# Here a probe reads all dimensions (vaecli/metrics/extras/probe.py).
set -euo pipefail
for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" ml-naivebayes@4.0.0 ml-matrix@6.15.1
cd "$folder"
cat >run.cjs <<'JS'
const assert = require("node:assert/strict");
const { Matrix } = require("ml-matrix");
const { GaussianNB, MultinomialNB } = require("ml-naivebayes");

let state = 1;
const uniform = () => (state = (state * 48271) % 2147483647) / 2147483647;
const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());

/** Share of 1,001 codes whose class is predicted; in the dimensions that tell it, the classes are so many deviations apart. */
function accuracy(Model, size, classes, apart, tells, draw = normal) {
    const labels = Array.from({ length: 1001 }, (_, at) => at % classes);
    const codes = labels.map((label) => Array.from({ length: size }, (_, at) => draw() + (tells(at) ? apart * label : 0)));
    const model = new Model();
    model.train(new Matrix(codes), labels);
    return model.predict(new Matrix(codes)).filter((predicted, at) => predicted === labels[at]).length / labels.length;
}

const all = Object.fromEntries([2, 8, 32, 128].map((size) => [size, accuracy(GaussianNB, size, 2, 2, () => true)]));
const alone = (classes) => [0, 1, 2, 3, 4, 5].map((told) => accuracy(GaussianNB, 6, classes, 6, (at) => at === told));
const one = { 2: alone(2), 3: alone(3) };
const counts = accuracy(MultinomialNB, 6, 2, 20, (at) => at === 4, () => Math.floor(3 * uniform()));
console.log("all dimensions", all, "one of six", one, "MultinomialNB", counts);
assert.ok(Object.values(all).every((share) => Math.abs(share - 0.921) < 0.03), "more than two dimensions count from now");
for (const [classes, shares] of Object.entries(one)) {
    assert.ok(shares.slice(0, 2).every((share) => share > 0.98));
    assert.ok(shares.slice(2).every((share) => share < 1 / classes + 0.12));
}
assert.ok(counts > 0.95);
JS
node run.cjs

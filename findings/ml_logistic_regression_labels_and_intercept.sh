#!/usr/bin/env bash
# ml-logistic-regression 2.0.0: labels that don't begin at 0 are predicted as others, and there is no intercept: codes with a mean are all of one class.
# Guess before: classes of separable codes as they were given, whatever their numbers.
# Seen: -2, -1, 1, 2 of the classes 1, 1, 2, 2 are predicted as 1, 1, 0, 0, of 2, 2, 1, 1 as 0, 0, 1, 1, and of 1, 1, 2, 2, 3, 3 in the plane as 1, 1, 2, 2,
#       0, 0. The same codes plus 10, of the classes 0, 0, 1, 1, are predicted as 0, 0, 0, 0, where a threshold tells all. Its documentation names neither
# What follows for a user: a probe of codes has the accuracy of guessing, or worse, where the label is plain: stars from 1 to 5, or codes whose mean isn't 0,
# as those of one direction of the latent space. Number labels from 0, and give the codes a column of ones or take off their mean.
# Here a probe has a bias that isn't penalised, of standardised codes (vaecli/metrics/extras/probe.py).
set -euo pipefail
for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" ml-logistic-regression@2.0.0 ml-matrix@6.15.1
cd "$folder"
cat >run.cjs <<'JS'
const assert = require("node:assert/strict");
const LogisticRegression = require("ml-logistic-regression");
const { Matrix } = require("ml-matrix");

/** The classes of codes, predicted by a model that was trained on them. */
function predicted(codes, labels) {
    const model = new LogisticRegression({ numSteps: 5000, learningRate: 5e-2 });
    model.train(new Matrix(codes), Matrix.columnVector(labels));
    return model.predict(new Matrix(codes));
}

const line = [[-2], [-1], [1], [2]];
const plane = [[1, 0], [2, 0.1], [-1, 1], [-2, 1.5], [-1, -1], [-2, -1.5]];
const moved = line.map(([code]) => [code + 10]);
const seen = {
    "from 0": predicted(line, [0, 0, 1, 1]),
    "from 1": predicted(line, [1, 1, 2, 2]),
    "2 before 1": predicted(line, [2, 2, 1, 1]),
    "three from 0": predicted(plane, [0, 0, 1, 1, 2, 2]),
    "three from 1": predicted(plane, [1, 1, 2, 2, 3, 3]),
    moved: predicted(moved, [0, 0, 1, 1]),
    "moved, with ones": predicted(moved.map(([code]) => [code, 1]), [0, 0, 1, 1]),
};
console.log(seen);
assert.deepEqual(seen["from 0"], [0, 0, 1, 1]);
assert.deepEqual(seen["three from 0"], [0, 0, 1, 1, 2, 2]);
assert.deepEqual(seen["moved, with ones"], [0, 0, 1, 1]);
assert.deepEqual(seen["from 1"], [1, 1, 0, 0], "labels are as given from now");
assert.deepEqual(seen["2 before 1"], [0, 0, 1, 1]);
assert.deepEqual(seen["three from 1"], [1, 1, 2, 2, 0, 0]);
assert.equal(new Set(seen.moved).size, 1, "there is an intercept from now");
JS
node run.cjs

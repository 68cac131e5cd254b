#!/usr/bin/env bash
# alasql 4.19.1: an empty cell of a CSV file counts as 0 in AVG, COUNT and comparisons, as NaN does in AVG; so do NULLs that are inserted into a FLOAT column.
# Guess before: AVG and COUNT of a column leave out what is NULL or empty, as SQL has it; NaN makes a mean NaN.
# Seen: 1, empty, 3, 5 have an AVG of 2.25 for 3, a COUNT of 4 for 3, and `WHERE kl < 0.1` finds the empty one; inserted 1, NULL, 3 have 1.33 and 3, and the
#       NULL is no NULL but NaN. Of objects with null AVG is right, of 3, NaN, 1 it is 1.33, without a word. QUART, QUART2 and QUART3 of 1 to 4 are 2, 3, 4,
#       where MEDIAN is 2.5. The mean of echarts-stat 1.2.0 is 1.33 as well for 1, NaN, 3
# What follows for a user: methods without a KL, as language models, are found to be collapsed, and a diverged run lowers the mean of its method. Give the
# condition `WHERE kl <> ""`, or make empty cells null and leave NaN out before.
# Here an undefined figure is an empty cell (vaecli/runs/tables.py), which means leave out (vaecli/runs/statistics.py).
set -euo pipefail
for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" alasql@4.19.1 echarts-stat@1.2.0
cd "$folder"
printf 'method,kl\nvanilla,1\nlm,\nbn,3\nbeta,5\n' >results.csv
cat >run.mjs <<'JS'
import assert from "node:assert/strict";
import alasql from "alasql";
import echarts from "echarts-stat";

const FIGURES = "AVG(kl) AS mean, COUNT(kl) AS known";
const close = (value, right) => Math.abs(value - right) < 1e-9;
const file = 'CSV("results.csv", {headers: true})';
const [read] = await alasql.promise(`SELECT ${FIGURES} FROM ${file}`);
const collapsed = await alasql.promise(`SELECT method FROM ${file} WHERE kl < 0.1`);
const [mended] = await alasql.promise(`SELECT ${FIGURES} FROM ${file} WHERE kl <> ""`);
alasql("CREATE TABLE runs (method STRING, kl FLOAT)");
alasql('INSERT INTO runs VALUES ("vanilla", 1), ("lm", NULL), ("bn", 3)');
const [inserted] = alasql(`SELECT ${FIGURES} FROM runs`);
const nulls = alasql("SELECT method FROM runs WHERE kl IS NULL");
const of = (values) => alasql(`SELECT ${FIGURES} FROM ?`, [values.map((kl) => ({ kl }))])[0];
const [missing, nan] = [of([3, null, 1]), of([3, NaN, 1])];
const parts = "QUART(kl) AS one, QUART2(kl) AS two, QUART3(kl) AS three, MEDIAN(kl) AS middle";
const [quartiles] = alasql(`SELECT ${parts} FROM ?`, [[1, 2, 3, 4].map((kl) => ({ kl }))]);
const mean = echarts.statistics.mean([1, NaN, 3]);
console.log("file", read, "collapsed", collapsed, "without empty cells", mended, "inserted", inserted, nulls);
console.log("objects with null", missing, "with NaN", nan, "quartiles", quartiles, "echarts-stat", mean);
assert.deepEqual(mended, { mean: 3, known: 3 });
assert.deepEqual(read, { mean: 2.25, known: 4 }, "empty cells are left out from now");
assert.deepEqual(collapsed, [{ method: "lm" }]);
assert.ok(close(inserted.mean, 4 / 3) && inserted.known === 3 && nulls.length === 0, "an inserted NULL is one from now");
assert.deepEqual(missing, { mean: 2, known: 2 });
assert.ok(close(nan.mean, 4 / 3), "NaN is no zero from now");
assert.deepEqual({ ...quartiles }, { one: 2, two: 3, three: 4, middle: 2.5 });
assert.ok(close(mean, 4 / 3));
JS
node run.mjs

#!/usr/bin/env bash
# arquero 7.2.1: a column of a CSV file whose first 1,000 cells are empty has booleans to its end: 0.5, 0 and "diverged" there are read as true.
# Guess before: figures that come later are numbers, or text.
# Seen: 0.5, 0 and -7.2 after 999 empty cells are numbers, after 1,000 true, true, true; "diverged" and "nan" are true as well, only "false" is false. With
#       autoMax: Infinity, and by d3-dsv's autoType, they are numbers. That the types are those of the first 1,000 values is documented, what they are isn't
# What follows for a user: a figure that only some methods have, as how far a language model is from the source of its corpus, is true in each of their rows
# where the table begins with a thousand others: a mean is 1, and a filter for more than 0.1 keeps all. Pass autoMax: Infinity, or the column's parser.
# Here an undefined figure is an empty cell too (vaecli/runs/tables.py); a script that reads results.csv with it needs autoMax.
set -euo pipefail
for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" arquero@7.2.1 d3-dsv@3.0.2
cd "$folder"
cat >run.mjs <<'JS'
import assert from "node:assert/strict";
import * as aq from "arquero";
import { autoType, csvParse } from "d3-dsv";

const LATE = ["0.5", "0", "-7.2"];
const FIGURES = [0.5, 0, -7.2];

/** The last cells of a column that begins with other ones. */
function late(first, times, cells = LATE, options = {}) {
    const text = ["method,excess", ...Array(times).fill(`vanilla,${first}`), ...cells.map((cell) => `lm,${cell}`)].join("\n");
    const table = aq.fromCSV(text, options);
    return { cells: [...table.array("excess")].slice(times), table, d3: csvParse(text, autoType).slice(times).map((row) => row.excess) };
}

const [few, many, numbers] = [late("", 999), late("", 1000), late("0.3", 1000)];
const whole = late("", 1000, undefined, { autoMax: Infinity });
const words = late("", 1000, ["diverged", "nan", "true", "false"]);
const filtered = many.table.filter((d) => d.excess > 0.1).rollup({ rows: () => aq.op.count(), mean: (d) => aq.op.mean(d.excess) }).object();
console.log("after 999", few.cells, "after 1000", many.cells, "of all", whole.cells, "d3", many.d3, "after numbers", numbers.cells);
console.log("words", words.cells, "more than 0.1", filtered);
for (const right of [few.cells, whole.cells, numbers.cells, many.d3]) assert.deepEqual(right, FIGURES);
assert.deepEqual(many.cells, [true, true, true], "figures after a thousand empty cells are numbers from now");
assert.deepEqual(words.cells, [true, true, true, false]);
assert.deepEqual(filtered, { rows: 3, mean: 1 });
JS
node run.mjs

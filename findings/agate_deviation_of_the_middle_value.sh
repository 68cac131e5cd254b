#!/usr/bin/env bash
# agate 1.14.2: `MAD`, the median absolute deviation, is the deviation of the middle value of the column from the median, which is its own: 0 for any odd number of figures, for an
# even one half of the gap between the middle two.
# Guess before: 2 for 0, 2, 4, and the standard library's median of absolute deviations for each column; a thousand times as much for a column times a thousand.
# Seen: 0, 2, 4 -> 0; 1, 1, 2, 2, 4, 6, 9 -> 0 (true 1); 0, 1, 10, 11 -> 4.5 (5); 1, 2, 3, 4 -> 0.5 (1); 1,001 draws of N(0, 1) 0 (0.64), 1,000 of them 0.002; its median
#       and standard deviation are right
# What follows for a user: the spread of three or five seeds is 0, that of a thousand sentences next to it: every method looks perfectly stable, and by a rule of
# so many deviations from the median every figure is an outlier. Take `StDev`.
# Here spreads are standard deviations over seeds and Student's intervals (vaecli/runs/statistics.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check agate==1.14.2
"$folder/venv/bin/python" - <<'PY'
import random
import statistics
from importlib.metadata import version

import agate

random.seed(0)
draws = [random.gauss(0, 1) for _ in range(1001)]
columns = {"three seeds": [0, 2, 4], "seven": [9, 1, 2, 1, 6, 2, 4], "two pairs": [0, 1, 10, 11], "four": [4, 2, 1, 3], "five": [101.5, 99.0, 101.7, 104.2, 100.3]}
columns |= {"1,001 draws": draws, "1,000 draws": draws[:1000], "times 1,000": [1000 * draw for draw in draws]}


def true(values):
    middle = statistics.median(values)
    return statistics.median(abs(value - middle) for value in values)


seen = {}
for name, values in columns.items():
    table = agate.Table([[value] for value in values], ["kl"], [agate.Number()])
    mad, median, deviation = (float(table.aggregate(what("kl"))) for what in (agate.MAD, agate.Median, agate.StDev))
    seen[name] = mad, true(values)
    assert abs(median - statistics.median(values)) < 1e-6 * max(map(abs, values))
    assert abs(deviation - statistics.stdev(values)) < 1e-6 * deviation
    middle = min(abs(value - median) for value in values)
    assert abs(mad - middle) < 1e-6 * max(map(abs, values)), "it is the median of the deviations from now"
print("version", version("agate"), "MAD and the true one", seen)
for name in ("three seeds", "seven", "five", "1,001 draws", "times 1,000"):
    assert seen[name][0] < 1e-9 < seen[name][1], "it is the median of the deviations from now"
assert seen["two pairs"] == (4.5, 5) and seen["four"] == (0.5, 1)
PY

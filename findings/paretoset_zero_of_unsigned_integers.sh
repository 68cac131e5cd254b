#!/usr/bin/env bash
# paretoset 1.2.5: where more is better (`sense="max"`) and the numbers are unsigned integers, 0 is the most there is, by wrapping: a run without active units, dominated by
# all others, is the whole front. A point with NaN is the whole front as well.
# Guess before: (not written down; the wrapping was suspected) a front is the same for each type that holds the numbers; what has NaN takes no one else off it.
# Seen: active units and sentences that are right 8, 1; 2, 2; 4, 3; 0, 0: as floats and int64 the first and third are the front, as uint8, uint16, uint32 and uint64, and in
#       a data frame of them, the fourth alone, and its rank is 1 for 3; of (1, 1), (NaN, 0.5), (0.5, 2) the second alone in each order, where without it both others are
# What follows for a user: counts that come unsigned from numpy or a Parquet file make the collapsed run the best of all, and one diverged run hides the rest. Make
# them floats, and drop what isn't finite.
# Here only finite figures of trials that finished are on a front, and less is better in both (vaecli/engines/candidates.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check paretoset==1.2.5 numpy==2.4.6 pandas==3.1.1
"$folder/venv/bin/python" - <<'PY'
import itertools
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd
from paretoset import paretorank, paretoset

runs = np.array([[8, 1], [2, 2], [4, 3], [0, 0]])  # the last is dominated by all others
senses = ["max", "max"]
fronts, ranks = {}, {}
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    for name in ("float64", "int64", "uint8", "uint16", "uint32", "uint64"):
        fronts[name] = paretoset(runs.astype(name), sense=senses).tolist()
        ranks[name] = paretorank(runs.astype(name), sense=senses).tolist()
    frame = paretoset(pd.DataFrame(runs.astype("uint8"), columns=["au", "right"]), sense=senses).tolist()
    points = [(1.0, 1.0), (float("nan"), 0.5), (0.5, 2.0)]
    diverged = [[point for point, best in zip(order, paretoset(np.array(order))) if best] for order in itertools.permutations(points)]
    without = paretoset(np.array([points[0], points[2]])).tolist()
print("version", version("paretoset"), "fronts", fronts, "ranks", ranks, "of a data frame", frame)
print("with NaN", diverged, "without", without, "warned of", {str(one.message) for one in told})
true = [True, False, True, False]
assert fronts["float64"] == fronts["int64"] == true and ranks["float64"] == [1, 2, 1, 3]
for name in ("uint8", "uint16", "uint32", "uint64"):
    assert fronts[name] == frame == [False, False, False, True], "zero isn't the most from now"
    assert ranks[name][3] == 1
assert all(len(front) == 1 and np.isnan(front[0][0]) for front in diverged) and without == [True, True], "NaN hides nothing from now"
assert not told, "it says so from now"
PY

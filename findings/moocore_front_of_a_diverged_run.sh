#!/usr/bin/env bash
# moocore 0.3.2, and pymoo 0.6.2, whose sorting it is: a point with NaN can dominate all others. Where both objectives are NaN it depends on the order of the
# points: first of three it is the front, alone, last it isn't on it; one with NaN and the least other objective dominates the rest. Hypervolumes leave it out.
# Guess before: `is_nondominated` is an error, or the point is on no front; pymoo's sorting doesn't put it first.
# Seen: of [nan, nan], [1, 1], [2, 2] the first is the front, and the only one; of [1, 1], [2, 2], [nan, nan] it is [1, 1]; of [1, 1], [nan, 0] it is [nan, 0];
#       of 300 times 30 random points of which one is NaN, in 57 the others on the front aren't those without it. Hypervolumes are those without it
# What follows for a user: in a table of rates and distortions the run that diverged is the Pareto front, or pushes others off it, by the order of the rows; a
# count of points that are dominated is off with it. Rows with a NaN have to go before.
# Here only trials that finished, with figures, are on a front (vaecli/engines/candidates.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check moocore==0.3.2 pymoo==0.6.2 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import moocore
import numpy as np
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

nan = float("nan")


def fronts(*points):
    """Who is on the front by moocore, who by pymoo, and the hypervolume up to (5, 5)."""
    points = np.array(points, float)
    first = NonDominatedSorting().do(points, only_non_dominated_front=True)
    return moocore.is_nondominated(points).nonzero()[0].tolist(), first.tolist(), moocore.hypervolume(points, ref=[5, 5])


before, after = fronts([nan, nan], [1, 1], [2, 2]), fronts([1, 1], [2, 2], [nan, nan])
half, plain = fronts([1, 1], [nan, 0]), fronts([1, 1], [2, 2])
changed = 0
for seed in range(300):
    random = np.random.default_rng(seed)
    points, bad = random.random((30, 2)), int(random.integers(30))
    kept = np.arange(30) != bad
    alone = moocore.is_nondominated(points[kept])
    points[bad] = nan
    changed += not np.array_equal(moocore.is_nondominated(points)[kept], alone)
print("versions", version("moocore"), version("pymoo"), "NaN first", before, after, "NaN and the least", half, "without", plain, "other fronts", changed)
assert plain == ([0], [0], 16.0)
assert before == ([0], [0], 16.0), "a NaN dominates nothing from now"
assert after == ([0], [0], 16.0)
assert changed > 20, "a NaN is no point from now"
assert half == ([1], [1], 16.0), "a NaN dominates nothing from now"
PY

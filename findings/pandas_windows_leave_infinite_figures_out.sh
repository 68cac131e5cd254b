#!/usr/bin/env bash
# pandas 3.1.1: windows have an infinite figure for a missing one: the largest of 100, inf so far is 100 by `expanding().max()`, a moving mean of 90, inf, 80 is 85, and `ewm` goes on
# as after a missing one; `count` counts it, and `cummax`, `max` and `mean` have it.
# Guess before: as `cummax`: 100, inf, inf, inf, inf, for nothing is missing; each window with it has inf for a mean and a maximum, those after it don't.
# Seen: 100, inf, 90, 80, 70: `expanding()` has the maximum 100 and the mean 100, 100, 95, 90, 85; `rolling(3, min_periods=1)` the mean 100, 100, 95, 85, 80 at a count of 1, 2,
#       3, 3, 3, without `min_periods` NaN for both windows with it; `ewm(alpha=0.5)` ends at 76.6 where finite figures end; -inf isn't the least of 3, -inf, 2; groups the same
# What follows for a user: the smoothed perplexity of a run that overflowed for some steps is a curve without a gap, lower than those of runs which were merely bad; the worst and best so
# far are finite, and a moving sum over its count is none of the means. Take `cummax`, or look for `isinf` first.
# Here curves are drawn as they are (vaecli/reporting/pictures/history_curves.py), without windows, and a loss that isn't finite ends the run (vaecli/training/loop.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pandas==3.1.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import math

import pandas as pd

inf = math.inf
perplexity = pd.Series([100.0, inf, 90.0, 80.0, 70.0])
without = perplexity.replace(inf, math.nan)
so_far, three = perplexity.expanding(), perplexity.rolling(3, min_periods=1)
largest, means = so_far.max().tolist(), so_far.mean().round(9).tolist()
moving, counts, whole = three.mean().round(9).tolist(), three.count().tolist(), perplexity.rolling(3).mean()
smooth = perplexity.ewm(alpha=0.5).mean()
least = pd.Series([3.0, -inf, 2.0])
runs = pd.DataFrame({"run": list("aabb"), "perplexity": [100.0, inf, 90.0, 95.0]}).groupby("run").perplexity
print("version", pd.__version__, "largest so far", largest, "mean so far", means, "cummax", perplexity.cummax().tolist())
print("three: mean", moving, "of", counts, "whole windows", whole.tolist(), "smoothed", smooth.round(1).tolist())
print("least so far", least.expanding().min().tolist(), "by run", runs.expanding().max().tolist(), runs.max().tolist())
assert perplexity.cummax().tolist() == [100.0, inf, inf, inf, inf] and perplexity.max() == perplexity.mean() == inf
assert largest == [100.0] * 5, "infinite figures are in a window from now"
assert means == [100.0, 100.0, 95.0, 90.0, 85.0]
assert moving == [100.0, 100.0, 95.0, 85.0, 80.0], "infinite figures are in a window from now"
assert counts == [1.0, 2.0, 3.0, 3.0, 3.0], "count leaves them out from now"
assert whole.isna().tolist() == [True] * 4 + [False]
assert smooth.tolist() == without.ewm(alpha=0.5).mean().tolist() and 76 < smooth.iloc[-1] < 77
assert least.expanding().min().tolist() == [3.0, 3.0, 2.0] and least.cummin().tolist() == [3.0, -inf, -inf]
assert runs.expanding().max().tolist() == [100.0, 100.0, 90.0, 95.0] and runs.max().tolist() == [inf, 95.0]
PY

#!/usr/bin/env bash
# plotnine 0.15.9: the error bars of `mean_se` are of the deviation that divides by n: of three seeds 1.22 times too short, of one seed of length zero. `mean_cl_boot`
# with a NaN has a lower end and no upper one.
# Guess before: mean 3 and 1.53 on either side for 1, 2, 6, as ggplot2's function of that name has and as `mean_sdl` beside it is of n - 1; no bar for one seed.
# Seen: `mean_se` of 1, 2, 6: 1.753 to 4.247, 1.247 on either side; of 2 alone: 2 to 2, where `mean_cl_normal` has NaN; `mean_sdl` 5.292 on either side, twice
#       the deviation of n - 1; in 20,000 threes of normal draws the bar holds the mean in 50 %, where it is 58 % with n - 1
# What follows for a user: methods differ by more bars than they should in every picture of three seeds, and a method with one seed looks as sure as can be.
# Give `stat_summary` a function of one's own, or `mean_cl_normal`, whose interval is Student's and right.
# Here spreads are of n - 1, intervals Student's, and one seed has neither (vaecli/runs/statistics.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check plotnine==0.15.9 numpy==2.4.6 pandas==3.1.1 scipy==1.17.1 matplotlib==3.11.2
"$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd
from plotnine.stats.stat_summary import mean_cl_boot, mean_cl_normal, mean_sdl, mean_se

warnings.simplefilter("ignore")


def ends(function, values):
    """Mean, lower and upper end."""
    (row,) = function(pd.Series(values)).to_dict("records")
    return np.array([row["y"], row["ymin"], row["ymax"]])


seeds = [1.0, 2.0, 6.0]
error = np.std(seeds, ddof=1) / np.sqrt(3)
se, sdl, normal = (ends(function, seeds) for function in (mean_se, mean_sdl, mean_cl_normal))
one, one_normal, missing = ends(mean_se, [2.0]), ends(mean_cl_normal, [2.0]), ends(mean_cl_boot, [1.0, np.nan, 3.0])
draws = np.random.default_rng(0).normal(size=(20_000, 3))
half = draws.std(axis=1) / np.sqrt(3)
held = [(np.abs(draws.mean(axis=1)) < half * factor).mean() for factor in (1, np.sqrt(3 / 2))]
print("version", version("plotnine"), "mean_se", se, "with n - 1", 3 - error, 3 + error, "mean_sdl", sdl, "mean_cl_normal", normal)
print("one seed: mean_se", one, "mean_cl_normal", one_normal, "mean_cl_boot with NaN", missing, "the bar holds the mean in", held)
assert np.allclose(se, [3, 3 - error / np.sqrt(1.5), 3 + error / np.sqrt(1.5)]), "it is of n - 1 from now"
assert np.allclose(sdl, [3, 3 - 2 * np.std(seeds, ddof=1), 3 + 2 * np.std(seeds, ddof=1)])
assert np.allclose(normal, [3, 3 - 4.3026527 * error, 3 + 4.3026527 * error])
assert one.tolist() == [2, 2, 2] and np.isnan(one_normal[1:]).all(), "one seed has no bar from now"
assert missing[1] == 1 and np.isnan(missing[2])
assert 0.49 < held[0] < 0.51 and 0.57 < held[1] < 0.59
PY

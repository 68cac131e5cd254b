#!/usr/bin/env bash
# dabest 2025.10.20: a permutation test counts what is more extreme than the outcome, and neither what is as extreme nor the outcome itself: three seeds
# against three larger ones have p = 0, where no p below 0.1 can be had, and one collapsed run of five against none p = 0 for 1.
# Guess before: (by the documentation, though the source had been read) p = 0.1 for three against three, 0.008 for five against five, 0.0625 for five pairs that all rise; 1 and 0.44 for one and two of five against none.
# Seen: 0 in all five cases; 0.81 for the same five values twice, where 1 is exact. With `ps_adjust=True`, which is said to correct it, 1.6e-230 for three against three
# What follows for a user: of two methods that don't differ one comparison of three seeds in ten has p = 0, and that some runs of one collapsed, and none of the
# other, is a difference at every level, however few they are. Take scipy's `permutation_test`, which counts the outcome, for the p beside the plot.
# Here a p-value is Student's of paired differences, from five seeds on, and differences that don't vary have none (vaecli/runs/statistics.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check dabest==2025.10.20 numpy==2.1.3 scipy==1.15.3 pandas==2.2.3 numba==0.61.2 statsmodels==0.14.5 setuptools==80.9.0
"$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import dabest
import numpy as np
import pandas as pd
from scipy import stats

warnings.simplefilter("ignore")


def p_value(baseline, method, paired=None, **options):
    frame = pd.DataFrame({"seed": range(len(baseline)), "baseline": baseline, "method": method})
    loaded = dabest.load(frame, idx=("baseline", "method"), paired=paired, id_col="seed" if paired else None, resamples=200, **options)
    return float(loaded.mean_diff.results["pvalue_permutation"].iloc[0])


def exact(baseline, method, kind):
    return float(stats.permutation_test((method, baseline), lambda a, b: a.mean() - b.mean(), permutation_type=kind, vectorized=False).pvalue)


low, high = np.arange(5) / 4, 4 + np.arange(5) / 4 + np.arange(5) ** 2 / 8
none, one, two = np.zeros(5), np.array([0, 0, 0, 0, 1.0]), np.array([0, 0, 0, 1.0, 1])
found = {
    "three against three": (p_value(low[:3], high[:3]), exact(low[:3], high[:3], "independent")),
    "five against five": (p_value(low, high), exact(low, high, "independent")),
    "five pairs": (p_value(low, high, "baseline"), exact(low, high, "samples")),
    "none of five against one": (p_value(none, one), exact(none, one, "independent")),
    "none of five against two": (p_value(none, two), exact(none, two, "independent")),
}
print("version", version("dabest"), "p of dabest and of all permutations", found, "of the same five values twice", p_value(low, low))
try:
    print("adjusted, three against three", p_value(low[:3], high[:3], ps_adjust=True))
except TypeError as error:
    print("adjusted: TypeError", error)
assert [round(p[1], 4) for p in found.values()] == [0.1, 0.0079, 0.0625, 1, 0.4444]
assert all(p[0] == 0 for p in found.values()), "the outcome itself is counted from now"
PY

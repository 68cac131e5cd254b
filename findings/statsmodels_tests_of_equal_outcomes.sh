#!/usr/bin/env bash
# statsmodels 0.15.0: two classifiers that never disagree differ significantly: `mcnemar(table, exact=False)` of a table without discordant pairs
# has p = 0, where `exact=True` has p = 1. `AnovaRM` of three methods with the same scores has an F made of rounding, mostly below zero.
# Guess before: p = 1 for both of McNemar's tests, without a NaN; the p of the analysis of variance is NaN.
# Seen: [[10, 0], [0, 5]]: exact p 1.0; not exact: statistic inf and p 0.0, from (|0 - 0| - 1)^2 / 0 of the correction for continuity; without the correction
#       p NaN. AnovaRM of 100 times three equal columns: F below zero in 82, never NaN or infinite, p never below 0.05
# What follows for a user: probes of two codes that say the same of every sentence, as those of two collapsed posteriors do, come out as different at
# any level, and a search for the smallest p puts them first. Equality has to be looked at before the test.
# Here a test of differences that don't vary has no p (tests/runs/test_statistics.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check statsmodels==0.15.0 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1
"$folder/venv/bin/python" - <<'PY'
import warnings

import numpy as np
import pandas as pd
import statsmodels
from statsmodels.stats.anova import AnovaRM
from statsmodels.stats.contingency_tables import mcnemar

agreeing = [[10, 0], [0, 5]]  # rows: the first is right, wrong; columns: the second
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    exact, corrected, plain = mcnemar(agreeing), mcnemar(agreeing, exact=False), mcnemar(agreeing, exact=False, correction=False)
names = {"seed": np.tile(range(8), 3), "method": np.repeat(list("abc"), 8)}
random = np.random.default_rng(0)
frames = [pd.DataFrame({**names, "score": np.tile(random.normal(size=8), 3)}) for _ in range(100)]
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    f, p = np.array([AnovaRM(frame, "score", "seed", within=["method"]).fit().anova_table.values[0, [0, 3]] for frame in frames]).T
print("version", statsmodels.__version__, "exact p", exact.pvalue, "corrected", corrected.statistic, corrected.pvalue, "plain", plain.pvalue)
print("warned of", {str(one.message) for one in seen})
print("AnovaRM of 100 times three equal columns: F below zero", (f < 0).sum(), "NaN or infinite", (~np.isfinite(f)).sum(), "p below 0.05", (p < 0.05).sum())
assert exact.pvalue == 1
assert corrected.pvalue == 0 and np.isinf(corrected.statistic), "it sees that nothing differs from now"
assert np.isnan(plain.pvalue)
assert (f < 0).sum() >= 10 and np.isfinite(f).sum() >= 50, "equal columns are seen from now"
PY

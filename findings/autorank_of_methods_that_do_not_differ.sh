#!/usr/bin/env bash
# autorank 1.3.0: of two methods that don't differ and whose figures aren't normal Wilcoxon's p is below 0.05 in more than one case of ten: it is one-sided, and
# the side is the larger median's. Two methods with the same constant figures differ with a "large" magnitude, and are equal with a probability of 0.
# Guess before: (by the documentation, though the source had been read) 5 % (the documentation says "Wilcoxon's signed rank test"); NaN or "negligible", and `p_equal` of 1.
# Seen: 300 tables of 20 pairs: p below 0.05 in 11.7 %, of scipy's test with two sides in 4.0 %. Two columns of 0: effect NaN, magnitude "large", `p_equal` 0.0, `p_smaller` 0.67
# What follows for a user: p has to be doubled wherever the report says Wilcoxon; of two collapsed runs with a KL of 0 the table says that the effect is
# large. The rows of the default test start with the lowest figures in either `order`, so effects are against the worst method, not "the highest mean value".
# Here a test has two sides, and differences that don't vary have no p (vaecli/runs/statistics.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check autorank==1.3.0 baycomp==1.0.3 numpy==2.4.6 pandas==3.1.1 scipy==1.17.1 statsmodels==0.15.0
"$folder/venv/bin/python" - <<'PY'
import contextlib
import io
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd
from autorank import autorank
from scipy import stats

warnings.simplefilter("ignore")
random = np.random.default_rng(5)


def ranked(columns, **options):
    with contextlib.redirect_stdout(io.StringIO()):
        return autorank(pd.DataFrame(columns), **options)


p = []
for _ in range(300):
    pair = random.exponential(size=(2, 20)) ** 2
    result = ranked(dict(zip("ab", pair)))
    if result.omnibus == "wilcoxon":
        p.append((result.pvalue, stats.wilcoxon(*pair).pvalue))
below = (np.array(p) < 0.05).mean(axis=0)
constants = {"a": np.zeros(10), "b": np.zeros(10)}
plain = ranked(constants).rankdf.loc["b", ["effect_size", "magnitude"]].tolist()
bayes = ranked(constants, approach="bayesian", nsamples=5000, random_state=1).rankdf.loc["b", ["p_equal", "p_smaller"]].tolist()
scores = {"low": random.normal(size=20), "high": random.normal(size=20) + 5}
rows = {order: ranked(scores, order=order).rankdf["effect_size"].astype(float).round(2).to_dict() for order in ("descending", "ascending")}
print("version", version("autorank"), "tests", len(p), "p below 0.05 in", below[0], "two-sided in", below[1])
print("two columns of 0: effect and magnitude", plain, "probability of equal, of smaller", bayes, "effects by order", rows)
assert len(p) > 290 and below[0] > 0.07 > below[1], "the test has two sides from now"
assert np.isnan(plain[0]) and plain[1] == "large" and bayes[0] == 0, "it sees that nothing differs from now"
assert list(rows["descending"]) == list(rows["ascending"]) == ["low", "high"] and rows["descending"]["low"] == 0
PY

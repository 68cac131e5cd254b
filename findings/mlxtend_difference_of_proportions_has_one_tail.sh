#!/usr/bin/env bash
# mlxtend 0.25.0: `proportion_difference(0.9, 0.5, 1000)` has p = 1, the same in the other order p = 1e-104: it is the lower tail, of a hypothesis that is
# said to be equality. `mcnemar` as it is called by default gives two classifiers that never disagree p = 0.
# Guess before: (by the documentation, though the source had been read) below 1e-100 in both orders, 1 for equal proportions; p of 1 or NaN of the table without discordant pairs.
# Seen: 1.0 and 1.2e-104, where two tails have 2.4e-104; equal proportions 0.5. [[10, 0], [0, 5]]: statistic inf and p 0.0, without the correction NaN, exact 1.0
# What follows for a user: the better of two probes, put first, is never significantly different, put second at twice the level that is meant: the
# documentation's own example, accuracies of 0.84 and 0.92 of 100, has 0.040 and not 0.079. Twice the smaller of p and 1 - p is right; of tables see `exact=True`.
# Here shares are compared by Fisher's exact test with two tails, and a test of differences that don't vary has no p (vaecli/runs/statistics.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check mlxtend==0.25.0 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 scikit-learn==1.8.0 statsmodels==0.15.0
"$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import numpy as np
from mlxtend.evaluate import mcnemar, proportion_difference
from statsmodels.stats.proportion import test_proportions_2indep

warnings.simplefilter("ignore")


def p_values(one, two, n):
    """mlxtend's in both orders, and statsmodels' of the same statistic."""
    both = [float(f"{proportion_difference(*pair, n)[1]:.3g}") for pair in ((one, two), (two, one))]
    return both, float(f"{test_proportions_2indep(one * n, n, two * n, n, method='wald', correction=False).pvalue:.3g}")


far, example, equal = p_values(0.9, 0.5, 1000), p_values(0.84, 0.92, 100), p_values(0.5, 0.5, 100)
print("version", version("mlxtend"), "0.9 and 0.5 of 1000", far, "0.84 and 0.92 of 100", example, "equal", equal)
table = np.array([[10, 0], [0, 5]])
tests = {name: tuple(mcnemar(table, **options)) for name, options in (("default", {}), ("plain", {"corrected": False}), ("exact", {"exact": True}))}
print("two that never disagree", tests)
random = np.random.default_rng(0)
shares = random.binomial(1000, 0.7, size=(20000, 2)) / 1000
found = np.array([proportion_difference(*pair, 1000)[1] for pair in shares])
print("of equal ones p is below 0.05 in", np.mean(found < 0.05), "and above 0.5 in", np.mean(found > 0.5))
assert far[0][0] > 0.999 and far[0][1] < 1e-100 and far[1] < 1e-100, "it has two tails from now"
assert abs(equal[0][0] - 0.5) < 1e-9 and equal[1] == 1
assert example[0][0] < 0.05 < example[1] and example[0][1] > 0.9
assert tests["default"][1] == 0 and np.isinf(tests["default"][0]) and tests["exact"][1] == 1, "it sees that nothing differs from now"
PY

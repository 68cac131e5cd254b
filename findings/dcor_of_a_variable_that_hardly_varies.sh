#!/usr/bin/env bash
# dcor 0.7: the distance correlation of two constants is 47,222,450, and of a code of 1 + 1e-8 times a normal variable it is 0 or above 1, by rounding in the
# method that is the default for one-dimensional data. `distance_covariance_test` of a constant has the smallest p that there is: it counts only permutations
# that are above the statistic, and none is.
# Guess before: 0 for two constants, p = 1 for the test of one, and an offset of a million changes a correlation by 1e-6 at most.
# Seen: two columns of 200 times 0.7: 47,222,450, with method="naive" 0; 50 pairs (1 + 1e-8 x, 1 + 1e-8 y) of a correlation of 0.60 to 0.74: exactly 0 in 29,
#       above 1 in 19, up to 4.79; a code and its square with an offset of 1e4: 0.5519, of 1e7: 0.596, of 1e8: 1.26; p of a constant: 0.01 of 99 permutations,
#       0.001 of 999
# What follows for a user: the coordinates of a collapsed posterior's means, which hardly vary about a bias, depend on the label at any level, and their
# correlation is noise. Standardise first, ask for method="naive", and look at the variance before the test.
# Here a dimension's variance is taken in float64 about its mean (vaecli/metrics/columns/au.py), and a test of differences that don't vary has no p.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check dcor==0.7 numpy==2.4.6 scipy==1.17.1 numba==0.68.1 joblib==1.6.0
"$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import dcor
import numpy as np

warnings.simplefilter("ignore")
random = np.random.default_rng(0)
label = random.normal(size=200)


def correlations(x, y):
    """By the method that is the default and by the one without a shortcut."""
    return [float(dcor.distance_correlation(x, y, method=method)) for method in ("auto", "naive")]


constants = correlations(np.full(200, 0.7), np.full(200, 0.7))
hardly = np.array([correlations(1 + 1e-8 * code, 1 + 1e-8 * (code + random.normal(size=200))) for code in random.normal(size=(50, 200))])
code = random.normal(size=200)
shifted = {offset: correlations(code + offset, code**2 + offset)[0] for offset in (0, 1e4, 1e6, 1e7, 1e8)}
tests = {n: dcor.independence.distance_covariance_test(np.ones(200), label, num_resamples=n, random_state=0).pvalue for n in (99, 999)}
varies = dcor.independence.distance_covariance_test(random.normal(size=200), label, num_resamples=999, random_state=0).pvalue
print("version", version("dcor"), "two constants 0.7", constants, "a constant's test", tests, "an independent normal's", varies)
print("1 + 1e-8 code: above 1", (hardly[:, 0] > 1).sum(), "exactly 0", (hardly[:, 0] == 0).sum(), "largest", hardly[:, 0].max())
print("without the shortcut from", hardly[:, 1].min(), "to", hardly[:, 1].max(), "code and its square, by offset", shifted)
assert constants[0] > 1e6 and constants[1] == 0, "two constants have 0 from now"
assert tests == {99: 0.01, 999: 0.001}, "a constant is independent from now"
assert varies > 0.05
assert (hardly[:, 0] == 0).sum() >= 5 and (hardly[:, 0] > 1).sum() >= 1, "small variation is seen from now"
assert 0.5 < hardly[:, 1].min() and hardly[:, 1].max() < 0.8
assert abs(shifted[1e6] - shifted[0]) > 1e-4 and not 0 < shifted[1e8] < 1, "an offset doesn't matter from now"
PY

#!/usr/bin/env bash
# resample 1.10.3: permutation tests of two methods whose figures are all equal (`ttest`, `anova`, `kruskal`) have p = 0.0001, the smallest of 9,999 permutations, as correlations
# with a constant have; and permutations that are as extreme as the data count partly as less extreme, by rounding: p is down to half of the exact one.
# Guess before: "the fraction of these resampled test statistics which are larger": 1 or NaN for constants, and the exact p, by counting all permutations, within 0.02.
# Seen: zeros against zeros 0.0001, of 99 permutations 0.01 (numpy warns of a division); five zeros against four zeros and a one: `ttest` and `anova` 0.40, `kruskal` and the exact p 1;
#       five ranks against themselves: `pearsonr` 0.008, `spearmanr` 0.015, exact 0.017; against 1 2 3 5 4: 0.047 and 0.068, exact 0.083; three against three larger
#       figures: 0.105 for 0.1, as it should be
# What follows for a user: two methods with a KL of 0 for each seed differ most of all, and shares, counts and ranks of a few runs come out significant that aren't. Look
# whether a column varies first, and take scipy's `permutation_test`, which counts ties with a tolerance.
# Here a test is paired and by Student's distribution, and differences that don't vary have no p (vaecli/runs/statistics.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check resample==1.10.3 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PY'
import itertools
import warnings
from fractions import Fraction
from importlib.metadata import version
from statistics import fmean

from resample import permutation


def p_of(test, *samples, size=9999):
    return round(float(getattr(permutation, test)(*samples, size=size, random_state=1).pvalue), 4)


def exact_difference(x, y):
    """The share of the splits into halves whose means are at least as far apart, in whole numbers."""
    pool, half, total = [*x, *y], len(x), sum(x) + sum(y)
    seen = abs(2 * sum(x) - total)
    return fmean(abs(2 * sum(part) - total) >= seen for part in itertools.combinations(pool, half))


def exact_correlation(x, y):
    """The share of orders of y whose correlation with x is at least as far from zero, in fractions."""

    def covariance(order):
        return abs(sum(Fraction(a) * b for a, b in zip(x, order)) - Fraction(sum(x) * sum(y), len(x)))

    seen = covariance(y)
    return fmean(covariance(order) >= seen for order in itertools.permutations(y))


zeros, ones = [0.0] * 5, [1.0] * 5
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    constants = {test: p_of(test, zeros, zeros) for test in ("ttest", "anova", "kruskal")}
    constants |= {test: p_of(test, [1.0, 2.0, 3.0, 4.0, 5.0], ones) for test in ("pearsonr", "spearmanr")}
    fewer = p_of("ttest", zeros, zeros, size=99)
one = [0.0, 0.0, 0.0, 0.0, 1.0]
single = {test: p_of(test, zeros, one) for test in ("ttest", "anova", "kruskal")}
single["exact"] = exact_difference([0] * 5, [0, 0, 0, 0, 1])
ranks = [1, 2, 3, 4, 5]
orders = {}
for order in (ranks, ranks[::-1], [1, 2, 3, 5, 4], [2, 1, 4, 3, 5]):
    orders[tuple(order)] = p_of("pearsonr", ranks, order), p_of("spearmanr", ranks, order), round(exact_correlation(ranks, order), 4)
usual = p_of("ttest", [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]), exact_difference([1, 2, 3], [4, 5, 6])
print("version", version("resample"), "constants", constants, "of 99 permutations", fewer, "warned of", {str(warning.message) for warning in told})
print("one figure of ten", single, "three against three larger and exact", usual)
print("Pearson, Spearman and exact p of 1 to 5 and", orders)
assert set(constants.values()) == {0.0001} and fewer == 0.01, "equal figures don't differ from now"
assert single["exact"] == single["kruskal"] == 1 and single["ttest"] < 0.6 and single["anova"] < 0.6, "ties count from now"
for pearson, spearman, exact in orders.values():
    assert pearson < exact and spearman < exact
assert orders[1, 2, 3, 4, 5][0] < 0.012 and orders[1, 2, 3, 5, 4][0] < 0.06, "ties count from now"
assert abs(usual[0] - usual[1]) < 0.02
PY

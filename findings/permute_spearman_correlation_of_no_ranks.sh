#!/usr/bin/env bash
# permute 0.2: the Spearman correlation of `spearman_corr` isn't of ranks but of the positions that sort: of x and -x it is -0.38, of figures that rise
# with each other 0.06; `fwer_minp` gives adjusted p-values to other hypotheses; with two strata `stratified_permutationtest` looks at two of three conditions.
# Guess before: (by the documentation, though the source had been read) -1 for x and -x and scipy's figure otherwise; the adjusted p-values in the order of their hypotheses; p < 0.01 for a third condition that is 5 above.
# Seen: x and -x: -0.38; x and x + noise: 0.06 with p 0.39, where scipy has 0.94, and 0.94 where both come in the order of x. Hypotheses with p 0.04, 0.0005
#       and 0.4: the adjusted 0.0005 is the second's, the third's or the first's, by the order in which they are given. p of the third condition: 0.985 with two strata,
#       0.005 with four
# What follows for a user: the correlation of, say, KL and probe accuracy over runs, and its p-value, are another figure each time the runs are listed in
# another order, right only where both are sorted alike; a correction for many comparisons calls another method significant than the one that is.
# Here the rank correlation of mi and the probe of draws is scipy's, and Holm's correction our own, in the order of the methods (vaecli/runs/statistics.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check permute==0.2 cryptorandom==0.3 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
from permute.core import spearman_corr
from permute.npc import fwer_minp
from permute.stratified import stratified_permutationtest
from scipy import stats

random = np.random.default_rng(0)
x = random.normal(size=20)
rising = x + 0.5 * random.normal(size=20)


def correlation(x, y, alternative="greater"):
    """Correlation and p-value."""
    return tuple(round(float(value), 3) for value in spearman_corr(x, y, alternative=alternative, reps=99, seed=1)[:2])


opposite = correlation(x, -x, "less"), float(stats.spearmanr(x, -x).statistic)
noisy = correlation(x, rising), round(float(stats.spearmanr(x, rising).statistic), 3)
order = np.argsort(x)
sorted_alike = correlation(x[order], rising[order])
print("version", version("permute"), "x and -x", opposite, "x and x + noise", noisy, "the same in the order of x", sorted_alike)

null = random.normal(size=(2000, 3))
observed = np.array([1.8, 3.2, 0.2])
p = (1 + (null >= observed).sum(axis=0)) / 2001
adjusted = {tuple(turn): fwer_minp(p[turn], null[:, turn])[np.argsort(turn)].round(4).tolist() for turn in ([0, 1, 2], [0, 2, 1], [2, 1, 0])}
print("p", p.round(4).tolist(), "adjusted, by the order in which they are given", adjusted)

conditions = np.tile([0, 1, 2], 20)
scores = random.normal(size=60) + 5 * (conditions == 2)
third = {strata: stratified_permutationtest(np.repeat(range(strata), 60 // strata), conditions, scores, reps=199, seed=1)[0].round(3) for strata in (2, 4)}
print("p with a third condition 5 above the others, by the number of strata", third)
assert abs(opposite[0][0] + 1) > 0.5 and abs(noisy[0][0] - noisy[1]) > 0.5, "it correlates ranks from now"
assert len({tuple(values) for values in adjusted.values()}) == 3, "adjusted values stay with their hypotheses from now"
assert third[2] > 0.05 > third[4], "all conditions are looked at from now"
PY

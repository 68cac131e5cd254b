#!/usr/bin/env bash
# baycomp 1.0.3: without a region of equivalence, the default, the signed-rank test is certain after one pair: 0.5 against 0.6 once, or one difference among ten pairs, is a
# probability of 1 that the second is better. Of equal methods the first is better with 0.7; one NaN among equal pairs makes that 1.
# Guess before: (not written down) well below 1 for one pair, for there is a prior; "(p_left, p_right)" of 0.5 and 0.5 for equal ones; NaN for NaN.
# Seen: one pair 0, 0, 1, with rope=0.01 0, 0.16, 0.84 (`SignTest` 0, 1); one difference among ten 0, 0, 1, with the region 0, 0.96, 0.04; ten equal pairs 0.69, 0, 0.31, five 0.71,
#       0, 0.29; ten equal pairs and one NaN, of the first or of the second, 1, 0, 0; four pairs where the second is better 0, 0, 1, with NaN for one of them 0.32, 0, 0.68
# What follows for a user: one seed decides, two collapsed methods that are equal favour the one that is named first, and a run that diverged counts as its win, whosever
# it was. Set `rope` to a difference that matters, drop what isn't finite, and say the number of pairs beside the probability.
# Here a difference has a p from five seeds on, and none where it doesn't vary (vaecli/runs/statistics.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check baycomp==1.0.3 numpy==2.4.6 scipy==1.17.1 matplotlib==3.11.2
"$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import numpy as np
from baycomp import SignTest, two_on_multiple

np.random.seed(0)


def probabilities(x, y, **options):
    return [round(float(one), 3) for one in two_on_multiple(np.array(x), np.array(y), **options)]


zeros, one = [0.0] * 10, [0.1] + [0.0] * 9
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    pair = probabilities([0.5], [0.6]), probabilities([0.5], [0.6], rope=0.01)
    single = probabilities(zeros, one), probabilities(one, zeros), probabilities(zeros, one, rope=0.01)
    sign = [round(float(part), 3) for part in SignTest.probs(np.array([0.5]), np.array([0.6]))]
    equal = probabilities(zeros, zeros), probabilities([0.5] * 5, [0.5] * 5)
    diverged = probabilities([*zeros, np.nan], [*zeros, 0.0]), probabilities([*zeros, 0.0], [*zeros, np.nan])
    better = np.linspace(0.1, 0.2, 4)
    hidden = probabilities([0.0] * 4, better), probabilities([np.nan, 0, 0, 0], better), probabilities([0.0] * 4, [np.nan, *better[1:]])
print("version", version("baycomp"), "one pair, with a region", pair, "by signs", sign, "one of ten", single)
print("equal", equal, "equal but for one NaN", diverged, "four better, with NaN in the first or second", hidden, "warned of", {str(warning.message) for warning in told})
assert pair[0] == [0, 0, 1] and sign == [0, 1] and pair[1][2] < 0.95, "one pair isn't enough from now"
assert single[0] == [0, 0, 1] and single[1] == [1, 0, 0] and single[2][1] > 0.9, "one difference isn't enough from now"
assert all(len(one) == 3 and one[0] > 0.6 and one[2] < 0.4 for one in equal), "equal methods are alike from now"
assert diverged == ([1, 0, 0], [1, 0, 0]), "NaN counts for nobody from now"
assert hidden[0] == [0, 0, 1] and all(0.2 < one[0] < 0.4 for one in hidden[1:])
assert not told, "it says so from now"
PY

#!/usr/bin/env bash
# hyppo 0.5.2: `Hsic` takes the bandwidth of its kernels from its first argument for both: the statistic depends on the order of the two and on their units. Up to
# 20 rows it ignores `random_state`, and an object that has tested so few gives another statistic afterwards.
# Guess before: each variable has its own median distance, so the statistic is symmetric and that of centimetres is that of metres; a seed repeats the p-value.
# Seen: of 100 rows and y = x^2 + noise: (x, y) 0.437, (y, x) 0.475, (x, 1000 y) 0.008 with p = 0.18, where (x, y) has p = 2e-11; of x and 1000 x 0.02 with p = 0.07.
#       The same object after a test of 20 rows: 0.161 for 0.437
# What follows for a user: by the units alone codes of small variance, as a collapsed posterior's, are found independent of the lengths they tell; scale both first,
# and make an object a test.
# Here the bandwidths of the kernels are set (vaecli/remedies/shared/mmd.py), and no test of independence is a figure.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check hyppo==0.5.2 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 numba==0.68.1
"$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import numpy as np
from hyppo.independence import Hsic

warnings.simplefilter("ignore")
random = np.random.default_rng(0)
x = random.normal(size=(100, 1))
y = x**2 + 0.1 * random.normal(size=(100, 1))
few = random.normal(size=(20, 1))
noisy = few + 1.5 * random.normal(size=(20, 1))


def of(first, second):
    """Statistic and p-value, by the chi-squared approximation for 100 rows."""
    statistic, p_value = Hsic().test(first, second)
    return round(float(statistic), 4), float(p_value)


seeded = [float(Hsic().test(few, noisy, random_state=1)[1]) for _ in range(5)]
used = Hsic()
used.test(few, noisy)
again = float(used.statistic(x, y))
print("version", version("hyppo"), "x, y", of(x, y), "y, x", of(y, x), "x, 1000 y", of(x, 1000 * y))
print("1000 x, 1000 y", of(1000 * x, 1000 * y), "x, x", of(x, x), "x, 1000 x", of(x, 1000 * x))
print("20 rows with one seed", seeded, "x, y by an object that was used", again)
assert of(1000 * x, 1000 * y)[0] == of(x, y)[0]
assert abs(of(x, y)[0] - of(y, x)[0]) > 0.02, "the order doesn't matter from now"
assert of(x, y)[1] < 1e-9 and of(x, 1000 * y)[1] > 0.05, "the unit doesn't matter from now"
assert of(x, x)[0] == 1 and of(x, 1000 * x)[0] < 0.05
assert len(set(seeded)) > 1, "a seed repeats the p-value from now"
assert abs(again - of(x, y)[0]) > 0.1, "an object can be used twice from now"
PY

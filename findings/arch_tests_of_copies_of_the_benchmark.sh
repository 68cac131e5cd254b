#!/usr/bin/env bash
# arch 8.0.0: `SPA`, whose null hypothesis is that no model beats the benchmark, rejects it with p = 0 where every model has the benchmark's own
# losses; `MCS` of two models with equal losses and a worse one ends in an IndexError.
# Guess before: p = 1 for the copies; MCS keeps both and drops the worse, without an error.
# Seen: SPA of 200 losses against two copies: lower, consistent and upper p 0.0; against copies with noise of 1e-6 p 0.15 to 0.16; MCS of [b, b, b + 1]:
#       IndexError; of [b + noise, b, b + 1]: the first two kept
# What follows for a user: a run that repeats the baseline, as of a remedy whose weight is 0, is reported as better than it at any level. In a batch of
# comparisons p = 0 is a sign of two columns with the same figures.
# Here a copy of the baseline has no p, for its differences don't vary (vaecli/runs/statistics.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check arch==8.0.0 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 statsmodels==0.15.0
"$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import numpy as np
from arch.bootstrap import MCS, SPA

random = np.random.default_rng(0)
losses = random.normal(size=200) ** 2


def p_values(models):
    test = SPA(losses, models, seed=1, reps=500)
    test.compute()
    return test.pvalues.to_dict()


def kept(models):
    test = MCS(models, size=0.05, seed=1, reps=500)
    test.compute()
    return sorted(test.included)


warnings.simplefilter("ignore")
copies = p_values(np.column_stack([losses, losses]))
noisy = p_values(np.column_stack([losses, losses]) + 1e-6 * random.normal(size=(200, 2)))
print("version", version("arch"), "copies", copies, "copies with noise", noisy)
try:
    message = f"kept {kept(np.column_stack([losses, losses, losses + 1]))}"
except IndexError as error:
    message = f"IndexError: {error}"
near = kept(np.column_stack([losses + 0.1 * random.normal(size=200), losses, losses + 1]))
print("MCS of equal losses:", message, "of near ones: kept", near)
assert set(copies.values()) == {0.0}, "copies don't beat the benchmark from now"
assert min(noisy.values()) > 0.05
assert message.startswith("IndexError"), "equal losses are compared from now"
assert near == [0, 1]
PY

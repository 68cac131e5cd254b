#!/usr/bin/env bash
# scipy 1.17.1: the entropy of `stats.Mixture` of normals that are narrow for their distances lacks components, or has them wrong, without a warning; mean,
# variance and densities are right. Draws of `stats.truncate(stats.Normal(), lb=20)` are all infinite.
# Guess before: within 0.001 of a sum over a grid; draws a little above 20.
# Seen: N(-1000, 1) and N(1000, 1): 0.17 for 2.11 nats; N(0, 1) and N(3, 0.001^2): 1.06 for -1.34, a half of the first alone; eight of standard deviation 0.001
#       at draws of N(0, 1): -3.10 for -3.41, and `mode` is 2.7e300; at -20 and 20, and 64 of deviation 0.02, all is right. Draws at 20: inf, where the mean
#       is 20.05
# What follows for a user: the entropy of an aggregated posterior of one dimension, and a mutual information made of it, is off by nats where posteriors are
# narrow, which is where codes inform. A sum over a grid that knows the components, or an average of log densities of draws, is right.
# Here it is an average of log densities of draws (vaecli/metrics/columns/mi.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import warnings

import numpy as np
import scipy
from scipy import stats

random = np.random.default_rng(0)
cases = {
    "at 20": ([-20, 20], [1, 1]),
    "64 codes": (3 * random.normal(size=64), np.full(64, 0.02)),
    "at 1000": ([-1000, 1000], [1, 1]),
    "narrow and wide": ([0, 3], [1, 0.001]),
    "8 codes": (random.normal(size=8), np.full(8, 0.001)),
}


def summed(means, deviations):
    """By the trapezoidal rule on a grid that is fine about every component."""
    x = np.unique(np.concatenate([np.linspace(m - 12 * s, m + 12 * s, 4001) for m, s in zip(means, deviations, strict=True)]))
    density = stats.norm(means, deviations).pdf(x[:, None]).mean(1)
    return np.trapezoid(np.where(density > 0, -density * np.log(np.where(density > 0, density, 1)), 0), x)


with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    mixtures = {key: stats.Mixture([stats.Normal(mu=float(m), sigma=float(s)) for m, s in zip(*case, strict=True)]) for key, case in cases.items()}
    entropies = {key: (float(mixture.entropy()), float(summed(*cases[key]))) for key, mixture in mixtures.items()}
    warned = [str(one.message) for one in seen]
    mode = float(mixtures["8 codes"].mode())
    cut = stats.truncate(stats.Normal(), lb=20)
    draws, mean = cut.sample(1000, rng=0), float(cut.mean())
print("version", scipy.__version__, "entropies", entropies, "mode", mode, "draws", np.isinf(draws).mean(), "mean", mean)
print("the entropies warned of", warned, "all of", {str(one.message) for one in seen})
off = {key: abs(one - other) for key, (one, other) in entropies.items()}
assert max(off["at 20"], off["64 codes"]) < 0.001
assert min(off["at 1000"], off["narrow and wide"]) > 1 and off["8 codes"] > 0.2 and not warned, "all components are in it from now"
assert all(abs(float(mixtures[key].mean()) - np.mean(cases[key][0])) < 1e-9 for key in cases)
assert mode > 100 and np.isinf(draws).all() and abs(mean - 20.05) < 0.01
PY

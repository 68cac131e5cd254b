#!/usr/bin/env bash
# SciPy 1.17.1: `vonmises_fisher` of 512 dimensions and concentration 1 has an infinite density at every point and the entropy nan,
# with a warning of a division by zero at most: the Bessel function in its normaliser is below the least float. It is a nearly uniform distribution, whose
# density has a plain value, and its samples are right.
# Guess before: finite, and that of the uniform distribution to a few digits.
# Seen: 16 dimensions: log density -0.36, entropy 1.29, uniform -1.33; 512: inf, nan, where the uniform distribution has 867.97
# What follows for a user: KL and likelihood of a vMF posterior are inf or nan for latent sizes from about 256 with a small
# concentration.
# Here the normaliser has its own series (vaecli/model/von_mises_fisher.py), held to mpmath's values.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import math
import warnings

import numpy as np
import scipy
from scipy.stats import vonmises_fisher

warnings.simplefilter("ignore")
print("version", scipy.__version__)
for size in (16, 512):
    direction = np.eye(size)[0]
    posterior = vonmises_fisher(direction, 1.0)
    uniform = math.lgamma(size / 2) - math.log(2) - size / 2 * math.log(math.pi)
    density, entropy = posterior.logpdf(direction), posterior.entropy()
    print(size, "dimensions: log density", density, "entropy", entropy, "log density of the uniform", round(uniform, 2))
    if size == 16:
        assert abs(density - uniform) < 1.1
        assert abs(entropy + uniform) < 0.1
    else:
        assert np.isinf(density), "the density is finite from now"
        assert np.isnan(entropy), "the entropy is finite from now"
draws = posterior.rvs(1000, random_state=np.random.default_rng(0))
assert np.allclose((draws**2).sum(1), 1)
PY

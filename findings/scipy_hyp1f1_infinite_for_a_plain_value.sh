#!/usr/bin/env bash
# SciPy 1.17.1: `special.hyp1f1(-0.5, b, x)` is infinite for b = 64 and every x from -63.5 to -37.7, where its value is 1.26 to 1.41 and
# the values on either side are right: hyp1f1(-0.5, d/2, -r^2/2) is the mean length of a Gaussian vector in d dimensions whose mean has length r,
# over that for r = 0.
# Guess before: right to about 1e-10 for every x, for the arguments are moderate and the value lies between 1 and 2; or, where a
# series cancels, wrong by some digits.
# Seen: in 128 dimensions 517 of 4,000 values of r from 0 to 20 are inf, all those from 8.69 to 11.27; the others are right to 2e-14;
# in 32 dimensions all are right
# What follows for a user: the KL between N(mean, I) and a tilted normal prior (Floto et al. 2021) is infinite for a latent of a
# hundred dimensions and a code of ordinary length.
# Here such values are taken from an integral with positive terms (vaecli/model/tilted_normal.py), held to mpmath's.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check scipy==1.17.1 numpy==2.4.6 mpmath==1.3.0
"$folder/venv/bin/python" - <<'PY'
import mpmath
import numpy as np
import scipy
from scipy.special import hyp1f1

print("version", scipy.__version__)
r = np.linspace(0, 20, 4001)[1:]
for size in (32, 128):
    with np.errstate(all="ignore"):
        values = hyp1f1(-0.5, size / 2, -(r**2) / 2)
    lost, some = r[np.isinf(values)], np.flatnonzero(np.isfinite(values))[::97]
    assert not np.isnan(values).any()
    worst = max(abs(float(mpmath.hyp1f1(-0.5, size / 2, -(r[n] ** 2) / 2)) / values[n] - 1) for n in some)
    told = f", r from {lost.min():.2f} to {lost.max():.2f}" if len(lost) else ""
    print(size, "dimensions:", len(lost), f"infinite{told}; the others wrong by a share of {worst:.1g} at most")
    assert worst < 1e-8
    assert bool(len(lost)) == (size == 128), "it is finite from now"
    if len(lost):
        exact = float(mpmath.hyp1f1(-0.5, size / 2, -(lost[0] ** 2) / 2))
        print("at r =", round(float(lost[0]), 3), "mpmath has", round(exact, 4))
        assert 1 < exact < 2
PY

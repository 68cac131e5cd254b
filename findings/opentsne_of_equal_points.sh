#!/usr/bin/env bash
# openTSNE 1.0.4: the picture of points that are all equal is NaN throughout, without an error or a warning of its own; some equal points among others are
# laid out.
# Guess before: equal points get finite positions (written of 30 equal ones among 80, where it held, and tried of 60 equal ones).
# Seen: 60 points of ones: 120 NaN; 59 of ones and one other point: 0 NaN; 30 equal ones among 80: 0 NaN
# What follows for a user: the posterior means of a collapsed VAE are equal for every sentence, so that the very case that a picture of codes should show is
# an empty plot.
# Here codes lie on their principal plane, on which equal ones have one point (vaecli/reporting/pictures/code_positions.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check openTSNE==1.0.4 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
"$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import numpy as np
from openTSNE import TSNE

some = np.random.default_rng(0).normal(size=(50, 5))


def missing(points):
    """How many coordinates are NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return int(np.isnan(TSNE(perplexity=10, random_state=0, n_iter=100).fit(points)).sum())


equal, but_one, among = (missing(np.ones((60, 5))), missing(np.r_[np.ones((59, 5)), some[:1]]), missing(np.r_[some, np.ones((30, 5))]))
print("version", version("openTSNE"), "NaN of 60 equal points", equal, "of 59 and another", but_one, "of 30 among 80", among)
assert equal == 120, "equal points have positions from now"
assert but_one == 0
assert among == 0
PY

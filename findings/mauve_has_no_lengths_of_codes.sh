#!/usr/bin/env bash
# mauve-text 0.4.0: features are divided by their length before they are compared: codes of N(0, 1) have with codes of N(0, 10,000) the score that they have
# with others of N(0, 1), in one dimension 1.0, and features that are all equal 0.75 for 1.
# Guess before: (by the documentation, though the source had been read) below 0.1 for samples that are ten and a hundred times as far from 0; 1 for two samples of one point.
# Seen: 500 codes of 16 dimensions against 500 others: 0.9598, and 0.9598 for 10, 100 and 0.001 times the others; shifted by 0.5 and 1 in every dimension 0.31 and
#       0.03. In one dimension 1.0 at any scale. All equal: 0.75, as for 1 to 2 against 90 to 100, both with a warning of numpy
# What follows for a user: given codes, or other features of a sentence that have a scale, such as its length or its NLL, MAUVE tells only their directions: an
# aggregated posterior that shrinks to a point or is a hundred times as wide as the prior is as good as the prior. Add a constant column far from 0, or
# use another distance, where the scale matters; the documentation speaks of features of shape (n, d) only.
# Here the distance to the prior is a KL (vaecli/metrics/columns/mi.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check mauve-text==0.4.0 numpy==2.2.6 scipy==1.15.3 scikit-learn==1.7.2 faiss-cpu==1.12.0
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
from mauve import compute_mauve

random = np.random.default_rng(0)


def mauve(p, q):
    return round(float(compute_mauve(p_features=p, q_features=q, kmeans_num_redo=1, kmeans_max_iter=50).mauve), 4)


codes, others = random.normal(size=(2, 500, 16))
scaled = {scale: mauve(codes, scale * others) for scale in (1, 10, 100, 0.001)}
shifted = {shift: mauve(codes, others + shift) for shift in (0.5, 1)}
one = random.normal(size=(2, 500, 1))
lines = {scale: mauve(one[0], scale * one[1]) for scale in (1, 0.001, 100)}
equal = mauve(np.ones((100, 16)), np.ones((100, 16)))
lengths = mauve(random.uniform(1, 2, size=(500, 1)), random.uniform(90, 100, size=(500, 1)))
print("version", version("mauve-text"), "16 dimensions by scale", scaled, "by shift", shifted)
print("one dimension by scale", lines, "all equal", equal, "1 to 2 against 90 to 100", lengths)
assert len(set(scaled.values())) == 1 and scaled[1] > 0.9 and shifted[1] < 0.1, "lengths have a part in it from now"
assert min(lines.values()) > 0.99
assert equal == lengths == 0.75, "equal features are seen from now"
PY

#!/usr/bin/env bash
# vendi-score 0.0.3: `score_X` has order 1 whatever `q` is asked for. `score_K` of copies, which is 1, is 4.5 at q = 0.1 in float64 and 32 in float32: eigenvalues of
# rounding that are above zero count.
# Guess before: orders 0.1, 1, 2 and infinity of the same vectors fall, alike by both functions; 300 copies of a sentence have 1 at every order.
# Seen: 200 normal vectors of 10 dimensions: `score_X` 9.75 at all four orders, `score_K` of their cosines 12.5, 9.75, 9.52 and 7.30, `score_dual` 9.97,
#       9.75, 9.52 and 7.30; 300 copies at q = 0.1: 4.48 in float64, 31.7 in float32; at q = 1: 1.0000
# What follows for a user: a table of Vendi scores by order made with `score_X` is one figure four times. Small orders, which are for rare sentences, show a collapse
# to one sentence as dozens; `score_dual` has the least rounding.
# Here the diversity of samples is self-BLEU and the share of distinct n-grams (vaecli/metrics/extras/text/scores.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check vendi-score==0.0.3 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
"$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import numpy as np
from vendi_score import vendi

warnings.simplefilter("ignore")
vectors = np.random.default_rng(0).normal(size=(200, 10))
cosines = vendi.normalize_K(vectors @ vectors.T)
orders = (0.1, 1, 2, "inf")
by_vectors, by_cosines, dual = (
    [round(float(function(given, q=order)), 2) for order in orders]
    for function, given in ((vendi.score_X, vectors), (vendi.score_K, cosines), (vendi.score_dual, vectors))
)
print("version", version("vendi-score"), "orders", orders, "score_X", by_vectors, "score_K", by_cosines, "score_dual", dual)
copies = {kind.__name__: [float(vendi.score_K(np.ones((300, 300), kind), q=order)) for order in (0.1, 1)] for kind in (np.float64, np.float32)}
print("300 copies at the orders 0.1 and 1", copies)
assert len(set(by_vectors)) == 1, "score_X knows of orders from now"
assert by_cosines[1] == by_vectors[1] and by_cosines[2] < by_cosines[1] and by_cosines[3] < 8 and dual[3] < 8
assert copies["float64"][0] > 1.5 and copies["float32"][0] > 5, "copies are one from now"
assert abs(copies["float64"][1] - 1) < 1e-3
PY

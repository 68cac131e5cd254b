#!/usr/bin/env bash
# POT 0.9.7.post1: `ot.sinkhorn` and `sinkhorn2` of two histograms that both have a zero somewhere, the same word or another, stop in their
# first step and return a plan made of the starting values, whatever the strength: a cost of 0.00002 where the least one is 1. What is told is
# a RuntimeWarning and a warning of numerical errors. With a zero in one of the two alone the plan is right.
# Guess before: zero weights do no harm. It was written of `emd2`, where it holds; `sinkhorn2` was run under the same line.
# Seen: emd2 1.0; sinkhorn2 0.00002 at 0.1 and 0.18 at 1, its plan's rows sum to 0.111, 0.111 and 0.111 for weights 0.5, 0.5 and 0;
#       method="sinkhorn_log" 1.0; a zero in one alone 0.2000 for 0.2
# What follows for a user: bags of words of two sets of sentences nearly always have a word that neither has; their distance is then a
# constant of the cost matrix, and too small. Drop such words, or take `sinkhorn_log`.
# Here no distance is one of transport: `wae` and `wae_s` take the MMD (vaecli/remedies/wae.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check POT==0.9.7.post1 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PY'
import warnings

import numpy as np
import ot

places = np.arange(3.0)[:, None]
costs = ot.dist(places, places)
one, other, full = np.array([0.5, 0.5, 0]), np.array([0, 0.5, 0.5]), np.array([0.2, 0.3, 0.5])
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    found = {strength: float(ot.sinkhorn2(one, other, costs, strength)) for strength in (0.1, 1.0)}
    plan = ot.sinkhorn(one, other, costs, 0.1)
    same_word = float(ot.sinkhorn2(one, np.array([0.1, 0.9, 0]), costs, 0.1))
print("version", ot.__version__, "sinkhorn2", found, "emd2", ot.emd2(one, other, costs), {str(told.message)[:60] for told in seen})
print("rows", plan.sum(1), "a word that neither has", same_word, "emd2", ot.emd2(one, np.array([0.1, 0.9, 0]), costs))
assert found[0.1] < 1e-4 and found[1.0] < 0.2, "it is the cost of a plan from now"
assert abs(ot.emd2(one, other, costs) - 1) < 1e-9
assert np.abs(plan.sum(1) - 1 / 9).max() < 1e-3
assert abs(same_word - found[0.1]) < 1e-9
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    by_logarithms = float(ot.sinkhorn2(one, other, costs, 0.1, method="sinkhorn_log"))
print("by logarithms", by_logarithms, "a zero in one alone", float(ot.sinkhorn2(full, other, costs, 0.1)), ot.emd2(full, other, costs))
assert abs(by_logarithms - 1) < 0.01
assert abs(float(ot.sinkhorn2(full, other, costs, 0.1)) - ot.emd2(full, other, costs)) < 0.01
PY

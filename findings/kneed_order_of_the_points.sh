#!/usr/bin/env bash
# kneed 0.9.0: the knee of a curve depends on the order of its points: of 200 orders of the same 19 points 30 have the knee of the sorted ones, and 17 of the points are
# the knee of some order, without a word.
# Guess before: the same knee in any order of x: the points are interpolated, and no page says that x has to ascend.
# Seen: 1 - exp(-x / 3) at 1 to 19 has its knee at 6; the same points in 200 random orders at 2 to 18, at 6 in 30 of them. Seven pairs of KL and
# reconstruction have it at 3 nats in order, and at 0.5 or 2 in others.
# What follows for a user: a table of runs is in the order of methods or seeds, not of the KL, so that the knee of its rate-distortion curve is any point: sort before.
# Here the frontier is told whole, and sorts its points itself (frontier in vaecli/reporting/conclusions.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check kneed==0.9.0 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PY'
import warnings
from collections import Counter
from importlib.metadata import version

import numpy as np
from kneed import KneeLocator

warnings.simplefilter("error")
random = np.random.default_rng(0)
x = np.arange(1, 20.0)
y = 1 - np.exp(-x / 3)
kl = np.array([0, 0.5, 1, 2, 3, 5, 8.0])
rec = 42 - 6 * (1 - np.exp(-kl / 1.5))


def knee(x, y, order, **kind):
    return float(KneeLocator(x[order], y[order], **kind).knee)


rising, falling = {"curve": "concave", "direction": "increasing"}, {"curve": "convex", "direction": "decreasing"}
ordered = knee(x, y, np.arange(19), **rising), knee(kl, rec, np.arange(7), **falling)
knees = Counter(knee(x, y, random.permutation(19), **rising) for _ in range(200))
others = {knee(kl, rec, random.permutation(7), **falling) for _ in range(50)}
print("version", version("kneed"), "in order", ordered, "in 200 orders", sorted(knees.items()), "of KL and rec", sorted(others))
assert ordered == (6.0, 3.0), "sorted points have another knee from now"
assert knees[6.0] < 60 and len(knees) > 10, "the order of the points doesn't matter from now"
assert {0.5, 2.0, 3.0} <= others
PY

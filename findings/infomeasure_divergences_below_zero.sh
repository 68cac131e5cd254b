#!/usr/bin/env bash
# infomeasure 0.6.3: `cross_entropy(p, q, approach="discrete")` leaves out the symbols of p that q lacks, where it is infinite; so it is below the entropy of p,
# and `kld`, which is their difference, below zero. `kld(..., approach="metric")` of a sample and itself is below zero too.
# Guess before: the cross-entropy is infinite; the divergence of a sample from itself is 0 within 0.05.
# Seen: [0, 1] * 50 and [0, 2] * 50: cross-entropy 0.347, entropy 0.693, KL -0.347 nats; of disjoint ones the cross-entropy is 0;
#       2,000 normals against themselves: KL -0.32. It warns where nothing at all is shared, not where something is missing
# What follows for a user: words of a corpus that another lacks make the two look nearer than equal: a ranking by divergence puts the most foreign text
# first. Symbols have to be smoothed or merged before.
# Here words that train lacks are one word, `<unk>`, in every split, and each has its probability (vaecli/corpus/vocabulary.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check infomeasure==0.6.3 numpy==2.4.6 scipy==1.17.1 sparse==0.18.0
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import infomeasure as im
import numpy as np

p, q, foreign = np.array([0, 1] * 50), np.array([0, 2] * 50), np.array([2, 3] * 50)
entropy = im.entropy(p, approach="discrete")
cross = im.cross_entropy(p, q, approach="discrete")
divergence = im.kld(p, q, approach="discrete")
disjoint = im.cross_entropy(p, foreign, approach="discrete")
normals = np.random.default_rng(0).normal(size=2000)
itself = im.kld(normals, normals, approach="metric")
print("version", version("infomeasure"), "entropy", entropy, "cross-entropy", cross, "KL", divergence)
print("cross-entropy of disjoint ones", disjoint, "normals against themselves", itself)
assert np.isclose(entropy, np.log(2))
assert np.isclose(cross, np.log(2) / 2), "symbols that q lacks count from now"
assert divergence < -0.3
assert disjoint == 0
assert itself < -0.2
PY

#!/usr/bin/env bash
# prdc 0.2: a point that a set holds more than `nearest_k` times lies outside that set: a corpus against itself has a precision below 1, and samples that are all its
# most frequent sentence have precision and density 0.
# Guess before: a set against itself has precision, recall and coverage 1, whatever it repeats.
# Seen, at k = 5, of 100 features of which one comes 30 times: precision, recall and coverage 0.767 against itself; against samples that are all this sentence precision
#       0 and density 0, against ones that are all another sentence precision 1 and density 0.6; with noise of 0.001 on all features, 1 against itself. A radius
#       is the distance to the k-th neighbour, 0 among copies, and a point is inside if it is nearer than that
# What follows for a user: in dialogues and reviews, where "yes" is said often, good samples lower all four figures, and a decoder that has collapsed to the most
# frequent sentence isn't told from one that writes nonsense; drop repetitions first, or add a little noise.
# Here collapse is of the posterior, by its KL and mutual information; no such figure is taken (vaecli/metrics/schema.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check prdc==0.2 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
"$folder/venv/bin/python" - <<'PY'
import contextlib
import io
from importlib.metadata import version

import numpy as np
from prdc import compute_prdc

random = np.random.default_rng(0)
sentences = random.integers(-50, 50, size=(100, 8)).astype(float)  # of whole numbers distances of equal ones are exactly 0
corpus = np.concatenate([sentences, np.repeat(sentences[:1], 29, axis=0)])


def of(real, samples):
    with contextlib.redirect_stdout(io.StringIO()):
        figures = compute_prdc(real_features=real, fake_features=samples, nearest_k=5)
    return {name: round(float(value), 3) for name, value in figures.items()}


itself, without = of(corpus, corpus), of(sentences, sentences)
frequent, rare = (of(corpus, np.repeat(sentences[row : row + 1], 129, axis=0)) for row in (0, 1))
noisy = corpus + 1e-3 * random.normal(size=corpus.shape)
print("version", version("prdc"), "against itself", itself, "without repetitions", without)
apart = of(noisy, noisy)
print("samples of the frequent sentence", frequent, "of a rare one", rare, "with noise", apart)
assert without["precision"] == without["recall"] == without["coverage"] == 1
own = (itself["precision"], itself["recall"], itself["coverage"])
assert own == (round(99 / 129, 3),) * 3, "a set lies within itself from now"
assert frequent["precision"] == frequent["density"] == 0, "the frequent sentence is within from now"
assert rare["precision"] == apart["precision"] == apart["recall"] == apart["coverage"] == 1
PY

#!/usr/bin/env bash
# gensim 4.4.0: the "current value of the training loss" of Word2Vec is the sum over all epochs of a call of `train`, in float32: it rises, and what it gains in an epoch
# falls in steps by rounding alone, to a fifth of the loss.
# Guess before: the loss of the last epoch, or, as is said of it, a sum whose differences are the epochs' losses.
# Seen: skip-gram of 40,000 words drawn evenly, where there is nothing to learn, at a constant learning rate: 1.11, 2.06 and 3.06 million after three epochs. Differences:
#       1,004,648 in epoch 4, 760,554 in epoch 6, 649,662 in 15, 704,000 from 25 to 46, 209,000 from 48 on; one more epoch by a call of its own has 969,029
# What follows for a user: the sum itself reads as a training that diverges; its differences as sudden progress, at a time that depends on the size of the corpus. A call of
# `train` an epoch has that epoch's loss.
# Here the sums begin anew with each epoch and are divided by its sentences (vaecli/training/loop.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check gensim==4.4.0 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
from gensim.models import Word2Vec
from gensim.models.callbacks import CallbackAny2Vec

sentences = [[str(word) for word in row] for row in np.random.default_rng(0).integers(0, 1000, size=(2000, 20))]


class Curve(CallbackAny2Vec):
    def __init__(self):
        self.losses = []

    def on_epoch_end(self, model):
        self.losses.append(model.get_latest_training_loss())


curve, alone = Curve(), Curve()
model = Word2Vec(vector_size=5, window=10, min_count=1, sample=0, sg=1, alpha=0.025, min_alpha=0.025, workers=1, seed=1)
model.build_vocab(sentences)
model.train(sentences, total_examples=2000, epochs=50, compute_loss=True, callbacks=[curve])
gains = np.diff(curve.losses)
model.train(sentences, total_examples=2000, epochs=1, compute_loss=True, callbacks=[alone])
print("version", version("gensim"), "after three epochs", curve.losses[:3], "last", curve.losses[-1])
print("gains of epochs", {epoch: float(gains[epoch - 2]) for epoch in (2, 4, 6, 15, 25, 46, 48, 50)}, "one more by itself", alone.losses)
assert curve.losses == sorted(curve.losses) and curve.losses[2] > 2.5 * curve.losses[0], "the loss is that of an epoch from now"
assert abs(gains[2] / alone.losses[0] - 1) < 0.1, "nothing is learned in these epochs"
assert max(gains[4:44]) < 0.85 * alone.losses[0] and gains[-1] < 0.3 * alone.losses[0], "the sum doesn't lose what is added from now"
PY

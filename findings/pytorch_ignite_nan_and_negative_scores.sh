#!/usr/bin/env bash
# pytorch-ignite 0.5.5: for `EarlyStopping` a NaN is an improvement, and the best score is forgotten for it; with `threshold_mode="rel"` and a score below zero,
# as the `-val_loss` of its documentation is, a score that gets worse by less than the threshold is the best so far. `Checkpoint` saves nothing any more after
# a NaN among its first scores. skorch 1.4.0 has that threshold by default.
# Guess before: (by the documentation, though the source had been read) NaN counts as no improvement, or raises; a score that stays, or gets worse, ends after `patience` validations, whatever its sign.
# Seen: with a patience of 3, 1, 2, NaN, NaN, ... goes on for ever, and 1, 2, NaN, 0, 0, 0, 0 stops with 0 as its best. With a relative 0.01, -10 for 100
#       validations goes on, and -10, -10.05, ..., -14.95 too, with -14.95 for its best; 10 stops at the fourth. Checkpoint of the two best of 1, NaN, 3, 4, 5
#       keeps NaN and 3, of the best of NaN, 1, 2, 3 the NaN. skorch's `EarlyStopping(patience=3)` ends a loss of 1 after 4 epochs, one of -9 never
# What follows for a user: a run that has diverged trains to its last epoch, and the checkpoint that is kept is an early one; a density's NLL, an ELBO that is
# maximised or a log likelihood never stops. `TerminateOnNan`, and thresholds that are absolute, are safe.
# Here a validation stalls that isn't below the best, and one whose loss isn't finite ends the run (tests/training/test_resume.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pytorch-ignite==0.5.5 skorch==1.4.0 torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from ignite.engine import Engine
from ignite.handlers import Checkpoint, EarlyStopping
from skorch import NeuralNetRegressor
from skorch.callbacks import EarlyStopping as SkorchsEarlyStopping

torch.set_num_threads(1)
nan = float("nan")


def stopped(scores, **settings):
    """The number of validations until it stops, or None, and the best score."""
    trainer, rest = Engine(lambda engine, batch: None), iter(scores)
    handler = EarlyStopping(patience=3, score_function=lambda engine: next(rest), trainer=trainer, **settings)
    for number in range(1, len(scores) + 1):
        handler(trainer)
        if trainer.should_terminate:
            return number, handler.best_score
    return None, handler.best_score


def kept(scores, n_saved):
    """Names of the checkpoints on disk after validations with these scores."""
    rest, steps = iter(scores), iter(range(1, 100))
    with tempfile.TemporaryDirectory() as folder:
        handler = Checkpoint(
            {"model": torch.nn.Linear(1, 1)},
            folder,
            score_function=lambda engine: next(rest),
            n_saved=n_saved,
            global_step_transform=lambda engine, event: next(steps),
        )
        engine = Engine(lambda engine, batch: None)
        for _ in scores:
            handler(engine)
        return sorted(path.name for path in Path(folder).iterdir())


class Constant(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x * self.weight


class Below(torch.nn.Module):
    def forward(self, predicted, y):
        return torch.nn.functional.mse_loss(predicted, y) - 10


def epochs(**settings):
    """Epochs of skorch until it stops, of 30, where nothing changes."""
    net = NeuralNetRegressor(Constant, lr=0.0, max_epochs=30, callbacks=[SkorchsEarlyStopping(patience=3)], verbose=0, **settings)
    ones = np.ones((64, 1), np.float32)
    net.fit(ones, ones)
    return len(net.history), net.history[-1, "valid_loss"]


diverged, forgotten = stopped([1.0, 2.0] + [nan] * 100), stopped([1.0, 2.0, nan] + [0.0] * 20)
relative = {"threshold": 0.01, "threshold_mode": "rel"}
positive, negative = stopped([10.0] * 100, **relative), stopped([-10.0] * 100, **relative)
worse = stopped([-10 - 0.05 * number for number in range(100)], **relative)
two, one = kept([1.0, nan, 3.0, 4.0, 5.0], 2), kept([nan, 1.0, 2.0, 3.0], 1)
losses = epochs(), epochs(criterion=Below)
print("version", version("pytorch-ignite"), "NaN for ever", diverged, "one NaN", forgotten, "without it", stopped([1.0, 2.0] + [0.0] * 20))
print("10", positive, "-10", negative, "from -10 to -14.95", worse, "absolute", stopped([-10.0] * 100, threshold=0.01))
print("two best", two, "the best", one, "skorch's epochs and loss", losses)
assert diverged[0] is None, "NaN is no improvement from now"
assert forgotten == (7, 0.0) and stopped([1.0, 2.0] + [0.0] * 20) == (5, 2.0)
assert positive[0] == 4 and stopped([-10.0] * 100, threshold=0.01)[0] == 4
assert negative[0] is None and worse[0] is None and worse[1] < -14.9, "the sign of a score plays no part from now"
assert two == ["model_2_nan.pt", "model_3_3.0000.pt"] and one == ["model_1_nan.pt"], "NaN is the worst score from now"
assert losses[0][0] == 4 and losses[1][0] == 30, "skorch stops at a negative loss from now"
PY

#!/usr/bin/env bash
# torchbearer 0.5.5: `loss` and `val_loss` of an epoch are means of the batches' means, whatever their sizes, beside a `mse` or `acc` of the same epoch that are
# means of the examples: the last sentence of 65 in batches of 64 has half of the loss. `Std`, of the `_std` of a metric, is of float32 squares.
# Guess before: (by the documentation, though the source had been read) `loss` with the criterion `mse_loss` and the metric `mse` are the same number; values of 1,000 +- 0.01 have a deviation of 0.01.
# Seen: 64 sentences with an error of 1 and one with 100: mse 2.52, loss and val_loss 50.5, by `evaluate` too. In batches of 65 all are 2.52. The deviation of
#       1,280 values of 1,000 +- 0.01 is 0
# What follows for a user: the loss of a validation depends on the batch size, early stopping and checkpoints go by the few sentences of the last batch, the
# longest ones where they are sorted, and figures don't compare with those of another size. Batches that divide the split, or a metric of one's own, agree.
# Here a figure is the sum over sentences by their number (vaecli/metrics/measure.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torchbearer==0.5.5 torch==2.13.0 numpy==2.4.6 packaging==26.4
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import torch
from torch.utils.data import DataLoader, TensorDataset
from torchbearer import Trial
from torchbearer.metrics.aggregators import Std

torch.set_num_threads(1)
y = torch.ones(65, 1)
y[-1] = 10.0  # the others have an error of 1, this one of 100


class Zero(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x * self.weight


def epoch(size):
    """Loss and mean squared error of a training epoch without steps, of its validation and of an evaluation."""
    model, batches = Zero(), DataLoader(TensorDataset(torch.zeros(65, 1), y), batch_size=size)
    trial = Trial(model, torch.optim.SGD(model.parameters(), lr=0.0), torch.nn.functional.mse_loss, metrics=["loss", "mse"])
    trial.with_generators(train_generator=batches, val_generator=batches)
    row, evaluated = trial.run(epochs=1, verbose=0)[0], trial.evaluate(verbose=0)
    return row["loss"], row["val_loss"], evaluated["val_loss"], row["mse"], row["val_mse"]


torch.manual_seed(0)
deviation = Std("std")
deviation.reset({})
for _ in range(20):
    deviation.process(1000 + 0.01 * torch.randn(64))
unequal, equal = epoch(64), epoch(65)
print("version", version("torchbearer"), "batches of 64 and 1", unequal, "one of 65", equal, "deviation", deviation.process_final())
assert all(abs(figure - 164 / 65) < 1e-3 for figure in equal + unequal[3:])
assert all(abs(figure - 50.5) < 1e-3 for figure in unequal[:3]), "batches weigh as many sentences as they have from now"
assert deviation.process_final() == 0
PY

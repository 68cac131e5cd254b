#!/usr/bin/env bash
# catalyst 22.4: `model.best.pth`, which the checkpoints of `runner.train` are said to keep for the best model, holds the weights of the last epoch: what is
# written there after every epoch is the model itself, not a copy of what it was. `model.0003.pth`, of the best epoch, is right.
# Guess before: by its documentation (`save_best`: "save extra best checkpoint as model.best.pth") the two files hold the same weights.
# Seen: eight epochs of a model that passes its best validation in the third: model.0003.pth holds 2.063, with a validation loss of 0.004, model.best.pth and
#       model.last.pth both 1.371, with 0.396. `load_best_on_end=True` loads the right file
# What follows for a user: what is taken for the early-stopped model is the overfitted, or collapsed, one of the last epoch; its figures aren't those printed
# at the end of training. The file with the number of the epoch is the one to load.
# Here the best state is a copy of its own, taken when it is reached (vaecli/training/loop.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check catalyst==22.4 accelerate==0.21.0 torch==2.13.0 numpy==2.4.6 setuptools==84.2.1
"$folder/venv/bin/python" - <<'PY'
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

warnings.simplefilter("ignore")
import torch
from catalyst import dl
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
x = torch.ones(8, 1)
loaders = {"train": DataLoader(TensorDataset(x, x), batch_size=4), "valid": DataLoader(TensorDataset(x, 2 * x), batch_size=8)}


def trained(folder, **settings):
    """A weight that goes from 3 to 1, past the 2 that is best for validation."""
    model = torch.nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(3.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    measured = {"valid_loader": "valid", "valid_metric": "loss", "minimize_valid_metric": True}
    runner = dl.SupervisedRunner()
    runner.train(
        model=model, criterion=torch.nn.MSELoss(), optimizer=optimizer, loaders=loaders, num_epochs=8, logdir=folder, **measured, **settings
    )
    return model.weight.item()


with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
    end, restored = trained(one), trained(two, load_best_on_end=True)
    kept = {path.name: torch.load(path)["weight"].item() for path in Path(one).rglob("*.pth")}
print("version", version("catalyst"), "after the last epoch", end, "files", kept, "with load_best_on_end", restored)
assert set(kept) == {"model.0003.pth", "model.best.pth", "model.last.pth"}
assert abs(kept["model.0003.pth"] - 2) < 0.1 and restored == kept["model.0003.pth"]
assert kept["model.last.pth"] == end and end < 1.5
assert kept["model.best.pth"] == kept["model.last.pth"], "the best file holds the best weights from now"
PY

#!/usr/bin/env bash
# lightning 2.6.6: with `EMAWeightAveraging(update_starting_at_step=n)` every validation before step n is of the weights as they were before training, and so is
# the model that a training which ends before n gives back. `update_starting_at_epoch=n` alone delays nothing: the average begins at the first step.
# Guess before: (by the documentation, though the source had been read) until the average begins, validation and the result are of the weights trained so far; a start at an epoch is waited for.
# Seen: a weight that training takes from 3 to 1.86 in four epochs: from step 8 on, validations of epochs 0 to 3 are all of 3, loss 4.0, and early stopping with
#       a patience of 3 ends there with the weight 3; with a start after the last step the result is 3 as well. From epoch 5 on: the validation of
#       epoch 0 is of an average already, 2.78, as without a start. `WeightAveraging` with a `should_update`, as in its documentation, validates 3 too
# What follows for a user: a curve is flat until the start, which looks like a collapse, early stopping ends the run for it, and the checkpoint of the "best"
# epoch is the initialisation. A start has to lie before the first validation, or no callback may look at validations before it.
# Here no weights are averaged.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check lightning==2.6.6 torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import logging
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
import lightning
import torch
from lightning.pytorch.callbacks import EarlyStopping, EMAWeightAveraging, WeightAveraging
from torch.utils.data import DataLoader, TensorDataset

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
torch.set_num_threads(1)
batches = DataLoader(TensorDataset(torch.ones(8, 1), torch.ones(8, 1)), batch_size=4)  # two steps an epoch


class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 1, bias=False)
        self.linear.weight.data.fill_(3.0)
        self.trained, self.validated = [], {}

    def loss(self, batch):
        return torch.nn.functional.mse_loss(self.linear(batch[0]), batch[1])

    def training_step(self, batch, index):
        return self.loss(batch)

    def on_train_epoch_end(self):
        self.trained.append(round(self.linear.weight.item(), 3))

    def validation_step(self, batch, index):
        self.log("val_loss", self.loss(batch))
        self.validated[self.current_epoch] = round(self.linear.weight.item(), 3)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


class FromStep8(WeightAveraging):
    def should_update(self, step_idx=None, epoch_idx=None):
        return step_idx is not None and step_idx >= 8


def run(epochs, *callbacks):
    """Weights after epochs of training, those that validations saw, and that of the model afterwards."""
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    model = Model()
    lightning.Trainer(max_epochs=epochs, callbacks=list(callbacks), accelerator="cpu", devices=1, num_sanity_val_steps=0, **quiet).fit(model, batches, batches)
    return model.trained, list(model.validated.values()), round(model.linear.weight.item(), 3)


plain = run(6)
stopped = run(20, EMAWeightAveraging(decay=0.9, update_starting_at_step=8), EarlyStopping("val_loss", patience=3))
late = run(6, EMAWeightAveraging(decay=0.9, update_starting_at_step=1000))
own = run(6, FromStep8())
epoch, always = run(6, EMAWeightAveraging(decay=0.9, update_starting_at_epoch=5)), run(6, EMAWeightAveraging(decay=0.9))
print("version", version("lightning"), "plain", plain)
print("from step 8, stopped early", stopped, "a start after the end", late, "should_update", own)
print("from epoch 5", epoch, "from the first step", always)
assert plain[0] == plain[1] and plain[2] == plain[0][-1]
assert stopped[0] == plain[0][:4]
assert stopped[1] == [3.0] * 4 and stopped[2] == 3.0, "validations before the start see trained weights from now"
assert late[1] == [3.0] * 6 and late[2] == 3.0, "a training that ends before the start gives trained weights from now"
assert own[1][:4] == [3.0] * 4 and own[1][4] < 2
assert epoch[1][:5] == always[1][:5] and 3 > epoch[1][0] > plain[0][0], "a start at an epoch is waited for from now"
PY

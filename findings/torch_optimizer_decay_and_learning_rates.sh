#!/usr/bin/env bash
# torch-optimizer 0.3.0: the weight decay of `SGDW` takes lr * decay from every weight, whatever its sign, instead of shrinking them; `RAdam` gives all groups
# of parameters the learning rate of the first.
# Guess before: by its documentation weights without a gradient shrink by lr * decay of themselves a step, as torch's AdamW has it; groups with lr 0.1 and
# 0.001 move by 0.1 and 0.001.
# Seen: at lr 0.1 and decay 0.1, after 1,000 steps without a gradient 1, -1 and 0.001 are -9, -11 and -10. RAdam's groups of lr 0.1 and 0.001 both move by
#       0.1, ten steps on too: what is cached a step is shared by the groups and holds the learning rate; torch's own RAdam doesn't
# What follows for a user: decay is a constant drift to minus infinity, that of a layer which gets no gradient, as an encoder's after a collapse, goes on for
# ever; an encoder with a learning rate of its own, against the lagging of its posterior, is trained with the decoder's.
# Here optimisers are torch's, Adam and SGD, without decay (vaecli/training/optimizer.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch-optimizer==0.3.0 torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import torch
import torch_optimizer

torch.set_num_threads(1)


def without_gradient(kind):
    """Three weights after 1,000 steps of decay alone."""
    weights = torch.nn.Parameter(torch.tensor([1.0, -1.0, 0.001]))
    optimizer = kind([weights], lr=0.1, weight_decay=0.1)
    for _ in range(1000):
        weights.grad = torch.zeros(3)
        optimizer.step()
    return weights.tolist()


def of_two_groups(kind):
    """Ways of two weights with the same gradient, after a step and after ten."""
    fast, slow = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))
    optimizer = kind([{"params": [fast], "lr": 0.1}, {"params": [slow], "lr": 0.001}])
    ways = []
    for _ in range(10):
        fast.grad, slow.grad = torch.ones(1), torch.ones(1)
        optimizer.step()
        ways.append((fast.item(), slow.item()))
    return ways[0], ways[-1]


decayed, theirs = without_gradient(torch_optimizer.SGDW), without_gradient(torch.optim.AdamW)
groups, torchs = of_two_groups(torch_optimizer.RAdam), of_two_groups(torch.optim.RAdam)
print("version", version("torch_optimizer"), "SGDW", decayed, "torch's AdamW", theirs)
print("RAdam of two groups", groups, "torch's", torchs)
assert max(abs(w) for w in theirs) < 1e-3
assert max(decayed) < -8.9, "decay shrinks weights from now"
assert all(fast == slow for fast, slow in groups), "groups have their own learning rates from now"
assert all(abs(fast / slow - 100) < 0.1 for fast, slow in torchs)
PY

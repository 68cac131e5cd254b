#!/usr/bin/env bash
# ema-pytorch 0.8.3, torchtnt 0.2.4, pytorch-ignite 0.5.5: averages of weights other than they are said to be. ema-pytorch's "simple average" (`power=1`) has
# half of its weight on the first steps by its default `update_every=10`; torchtnt's `AveragedModel(use_lit=True)` starts anew after a resumption; ignite's
# `EMAHandler` warms up only if it is attached by its default name.
# Guess before: (by the documentation, though the source had been read) the mean of the weights since step 100, at any update_every; a resumed average goes on as an uninterrupted one; a warm-up is of the handler.
# Seen: weights of 1, 2, ..., 10,000 have the average 1,000, by update_every=1 the 5,050 that it should be; steps up to 101 have a share of 48 % after 10,000,
#       of 43 % after 30,000. With beta=0.99 the average is 999 steps behind, by update_every=1 99. 1,000 averaged steps at 1, then 10 at 0: 0.91, resumed in
#       between 0.00006, for the number of updates isn't in the state. Attached as "gen_ema_momentum" the momentum is 0.002 from the first step, not 0.2
# What follows for a user: evaluated weights are those of the beginning of training, or, after an interruption, no average at all, and a resumed run has other
# figures than one in one piece.
# Here no weights are averaged.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check ema-pytorch==0.8.3 torchtnt==0.2.4 pytorch-ignite==0.5.5 torch==2.13.0 numpy==2.4.6 setuptools==80.9.0
"$folder/venv/bin/python" - <<'PY'
import copy
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
import torch
from ema_pytorch import EMA
from ignite.engine import Engine, Events
from ignite.handlers import EMAHandler
from torchtnt.utils.swa import AveragedModel

torch.set_num_threads(1)


def one_weight(value=0.0):
    model = torch.nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(value)
    return model


def averaged(weights, **settings):
    """The average after all of these weights."""
    model = one_weight()
    average = EMA(model, **settings)
    for weight in weights:
        model.weight.data.fill_(weight)
        average.update()
    return average.ema_model.weight.item()


steps = range(1, 10001)
default, each = averaged(steps, power=1), averaged(steps, power=1, update_every=1)
shares = [averaged([1.0] * 101 + [0.0] * (number - 101), power=1, beta=0.9999999) for number in (1000, 10000, 30000)]
behind = [10000 - averaged(steps, beta=0.99, **settings) for settings in ({}, {"update_every": 1})]

model = one_weight(1.0)
whole = AveragedModel(model, use_lit=True, ema_decay=0.999)
for _ in range(1000):
    whole.update_parameters(model)
resumed = AveragedModel(one_weight(1.0), use_lit=True, ema_decay=0.999)
resumed.load_state_dict(copy.deepcopy(whole.state_dict()))
model.weight.data.fill_(0.0)
for _ in range(10):
    whole.update_parameters(model)
    resumed.update_parameters(model)
whole, resumed = whole.module.weight.item(), resumed.module.weight.item()


def momenta(name):
    """Momentum of the first, the 51st and the last of 200 steps."""
    engine, seen = Engine(lambda engine, batch: None), []
    EMAHandler(one_weight(), momentum=0.002, momentum_warmup=0.2, warmup_iters=100).attach(engine, name=name)
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda engine: seen.append(getattr(engine.state, name)))
    engine.run([0] * 200, max_epochs=1)
    return seen[0], seen[50], seen[-1]


named, other = momenta("ema_momentum"), momenta("gen_ema_momentum")
print("version", version("ema-pytorch"), "simple average", default, "every step", each, "shares of the first", shares, "steps behind", behind)
print("torchtnt", version("torchtnt"), "in one piece", whole, "resumed", resumed, "ignite", version("pytorch-ignite"), named, other)
assert abs(each - 5050) < 5
assert default < 1100, "a simple average is one at any update_every from now"
assert all(0.4 < share < 0.7 for share in shares)
assert behind[0] > 900 and behind[1] < 110
assert whole > 0.9 and resumed < 1e-3, "a resumed average goes on from now"
assert [round(momentum, 6) for momentum in named] == [0.2, 0.1, 0.002]
assert set(other) == {0.002}, "it warms up by any name from now"
PY

#!/usr/bin/env bash
# torchdata 0.11.0: a `nodes.Loader` over a `SamplerWrapper` of torch's seeded `RandomSampler`, resumed in its second epoch, goes on in the first one's order: some
# sentences of that epoch come twice, others never. A `StatefulDataLoader` with a seeded `generator` finishes the epoch rightly, and the next are others
# than those of the run that wasn't interrupted; saved at an epoch's end, the next is another.
# Guess before: a resumed loader gives what the uninterrupted one would have given, in that epoch and after it.
# Seen: resumed in the middle of epoch 2, 741 of 1,000 sentences came in the epoch; in epoch 1 all did. The `StatefulDataLoader` without a generator, by torch's global
#       seed, is exact in all
# What follows for a user: a run that was stopped and went on isn't the run that its seed stands for, and no count tells; with nodes a quarter of the corpus is left
# out of an epoch. Two resumed runs differ by when they were stopped.
# Here a resumed run is the uninterrupted one, bit by bit (tests/training/test_resume.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torchdata==0.11.0 torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PY'
from itertools import islice

import torch
import torchdata
import torchdata.nodes as nodes
from torch.utils.data import RandomSampler
from torchdata.stateful_dataloader import StatefulDataLoader


def seeded():
    return torch.Generator().manual_seed(0)


def node_loader():
    return nodes.Loader(nodes.SamplerWrapper(RandomSampler(range(1000), generator=seeded())))


def stateful_loader(**settings):
    torch.manual_seed(0)
    return StatefulDataLoader(range(1000), batch_size=None, shuffle=True, **settings)


def resumed(make, epochs, read):
    """What came before the state was saved, after so many epochs and sentences, what the loader went on with, and another
    that took up its state; the rest of that epoch and the next."""
    loader = make()
    for _ in range(epochs):
        list(loader)
    began = []
    if read:
        sentences = iter(loader)
        began = list(islice(sentences, read))
    state = loader.state_dict()
    kept = [list(sentences) if read else list(loader), list(loader)]
    other = make()
    other.load_state_dict(state)
    return began, kept, [list(other), list(other)]


for epochs, count in ((0, 1000), (1, 741)):
    began, kept, taken_up = resumed(node_loader, epochs, 500)
    seen = len({*began, *taken_up[0]})
    print("version", torchdata.__version__, "nodes, epoch", epochs + 1, "sentences seen:", seen)
    assert len({*began, *kept[0]}) == 1000
    assert seen == count, "others from now"
for name, settings, exact in (("generator", {"generator": seeded()}, False), ("global seed", {}, True)):
    for epochs, read in ((1, 300), (1, 0)):
        make = (lambda: stateful_loader(generator=seeded())) if settings else stateful_loader
        began, kept, taken_up = resumed(make, epochs, read)
        equal = [left == right for left, right in zip(kept, taken_up, strict=True)]
        print("StatefulDataLoader,", name, "saved after", read, "sentences; this epoch and the next are those of the other:", equal)
        assert equal == ([True, True] if exact else [read > 0, False]), "others from now"
PY

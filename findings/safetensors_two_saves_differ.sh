#!/usr/bin/env bash
# safetensors 0.8.0: the same tensors with the same metadata, saved twice in one process, are files of different bytes: the
# order of the metadata is drawn anew at each save; and `load`, of bytes, gives the tensors in another order each time.
# Guess before: equal bytes, in the order of the dict.
# Seen: 20 saves with eight entries are 20 different files; with one entry, one. Loaded 40 times: more than one order
# What follows for a user: a checksum of a checkpoint's file says nothing of whether two runs are the same, and what goes through the
# loaded tensors in turn, drawing numbers or summing, differs from run to run.
# Here a checkpoint's SHA-256 is over its state and its tensors by name (vaecli/training/checkpoint.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import safetensors
from safetensors.numpy import load, save

tensors = {"zeta": np.ones(3, "float32"), "alpha": np.ones(2, "float64"), "mid": np.zeros(4, "int32")}


def files(entries):
    metadata = {letter: "1" for letter in "abcdefgh"[:entries]}
    return {save(tensors, metadata=metadata) for _ in range(20)}


print("version", safetensors.__version__)
print("20 saves, different files with eight entries:", len(files(8)), "with one:", len(files(1)))
data = save(tensors)
orders = {tuple(load(data)) for _ in range(40)}
print("orders of 40 loads:", len(orders))
assert len(files(1)) == 1
assert len(files(8)) > 1, "two saves of the same are equal from now"
assert len(orders) > 1, "the order of loaded tensors is fixed from now"
PY

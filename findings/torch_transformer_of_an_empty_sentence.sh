#!/usr/bin/env bash
# torch 2.13.0, CPU: a sentence of nothing but padding comes out of `TransformerEncoder` finite in training, finite in evaluation with
# gradients, and NaN in evaluation under `no_grad` if `enable_nested_tensor=False`; with nested tensors, the default, it is finite there too.
# `MultiheadAttention` alone gives NaN unless it is training with `need_weights=False`.
# Guess before: NaN in evaluation under `no_grad` and finite in training, with the defaults; MultiheadAttention NaN.
# Seen: NaN of the four in the one of training or evaluation with or without gradients that is evaluation under `no_grad`, without nested
#       tensors; MultiheadAttention: 0 in training with need_weights=False, else NaN
# What follows for a user: one empty line makes the validation loss NaN while the training loss is a number.
# Here no model has attention.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import warnings

import torch
from torch.nn import MultiheadAttention, TransformerEncoder, TransformerEncoderLayer

warnings.simplefilter("ignore")  # of nested tensors, which are a prototype
torch.manual_seed(0)
sentences, padding = torch.randn(3, 4, 8), torch.zeros(3, 4, dtype=torch.bool)
padding[1], padding[2, 3] = True, True
undefined = set()
for nested in (True, False):
    encoder = TransformerEncoder(TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), 2, enable_nested_tensor=nested)
    for training in (True, False):
        for gradients in (True, False):
            with torch.set_grad_enabled(gradients):
                out = encoder.train(training)(sentences, src_key_padding_mask=padding)
            assert out[[0, 2]].isfinite().all(), "the other sentences are right"
            if out[1].isnan().any():
                undefined.add(("nested" if nested else "plain", "training" if training else "evaluation", gradients))
print("version", torch.__version__, "NaN in", undefined)
assert undefined == {("plain", "evaluation", False)}, "other cases are NaN from now"

attention, undefined = MultiheadAttention(8, 2, batch_first=True), set()
for training in (True, False):
    for need_weights in (True, False):
        with torch.no_grad():
            out, _ = attention.train(training)(sentences, sentences, sentences, key_padding_mask=padding, need_weights=need_weights)
        if out[1].isnan().any():
            undefined.add((training, need_weights))
print("attention NaN when (training, need_weights) is", undefined)
assert undefined == {(True, True), (False, True), (False, False)}
PY

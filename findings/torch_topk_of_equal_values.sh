#!/usr/bin/env bash
# torch 2.13.0, CPU: among equal values `topk` takes other positions than `argmax`, and which depends on how many there are: of 5 it takes
# 2, 4, 3; of 10 it takes 8, 6, 7; of 1,000 the first. `sort` keeps the order of equal values among 16 and no longer among 17.
# Guess before: topk takes the first, as argmax does, and sort keeps the order on a CPU though it doesn't promise to.
# Seen: topk(3) of 5 zeros [2, 4, 3], of 10 [8, 6, 7], of 1000 [0, 1, 2]; argmax always 0; sort keeps 16, not 17
# What follows for a user: beam search of width 1 and greedy decoding differ where words tie, as in an untrained model; the words that
# a top-k listing shows at a tie depend on the vocabulary's size.
# Here top-k sampling sorts with `stable=True` (vaecli/model/decoding.py), and so do batches and vocabularies; beam search uses topk.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import torch

print("version", torch.__version__)
chosen = {count: torch.zeros(count).topk(3).indices.tolist() for count in (5, 10, 1000)}
greedy = {count: torch.zeros(count).argmax().item() for count in chosen}
kept = {n: torch.equal(torch.zeros(n).sort().indices, torch.arange(n)) for n in (16, 17)}
print("topk", chosen, "argmax", greedy, "order kept by sort", kept)
assert set(greedy.values()) == {0}
assert chosen == {5: [2, 4, 3], 10: [8, 6, 7], 1000: [0, 1, 2]}, "topk takes other equal values from now"
assert kept == {16: True, 17: False}, "sort keeps the order of equal values from now"
PY

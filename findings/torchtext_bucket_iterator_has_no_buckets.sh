#!/usr/bin/env bash
# torchtext 0.6.0: `BucketIterator`, which "batches examples of similar lengths together" and "minimizes amount of padding", does so in training only with
# `sort_within_batch=True`. Without it, also by `BucketIterator.splits`, a training batch is of sentences as they come: as much padding as with `Iterator`.
# Guess before: similar lengths in every batch, by the `sort_key`; `sort_within_batch` is about the order inside a batch.
# Seen: padding of 2,000 sentences of 1 to 40 words in batches of 32: Iterator 49 %, BucketIterator 49 %, with sort_within_batch=True 1.5 %; by `splits`
#       training 49 %, validation and test 1.5 %
# What follows for a user: training computes twice the positions that it needs, and its batches aren't like those of validation: a loss that is a mean over
# all positions, of padding too, differs between them by that alone.
# Here batches are our own: sentences of similar lengths, whatever the split (vaecli/corpus/batches.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torchtext==0.6.0 torch==2.13.0 numpy==2.4.6 sentencepiece==0.2.3
"$folder/venv/bin/python" - <<'PY'
import random
from importlib.metadata import version

from torchtext.data import BucketIterator, Dataset, Example, Field, Iterator

random.seed(0)
text = Field(include_lengths=True)
fields = [("text", text)]
data = Dataset([Example.fromlist([" ".join(["w"] * random.randint(1, 40))], fields) for _ in range(2000)], fields)
text.build_vocab(data)
options = {"batch_size": 32, "sort_key": lambda example: len(example.text)}


def padding(batches):
    lengths, sizes = zip(*((batch.text[1].sum().item(), batch.text[0].numel()) for batch in batches))
    assert sum(lengths) == sum(len(example.text) for example in data), "every sentence once"
    return 1 - sum(lengths) / sum(sizes)


plain = padding(Iterator(data, train=True, **options))
bucket = padding(BucketIterator(data, train=True, **options))
within = padding(BucketIterator(data, train=True, sort_within_batch=True, **options))
splits = [padding(part) for part in BucketIterator.splits((data, data, data), **options)]
print("version", version("torchtext"), f"Iterator {plain:.3f} BucketIterator {bucket:.3f} with sort_within_batch {within:.3f} splits", splits)
assert plain > 0.4 and within < 0.05
assert bucket > 0.4 and splits[0] > 0.4, "sentences of similar lengths are together from now"
assert max(splits[1:]) < 0.05
PY

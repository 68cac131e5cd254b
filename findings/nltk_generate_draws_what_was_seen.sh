#!/usr/bin/env bash
# NLTK 3.10.4: `generate` of a smoothed n-gram model draws only words that followed the context in training, in the proportions of their probabilities: what
# smoothing gives to the others is never drawn, though `score` and `perplexity` are of the smoothed model.
# Guess before: a word is drawn with the probability that `score` gives it.
# Seen: `Laplace(2)` after "a", which "b" alone has followed: score of b 0.375, drawn in 500 of 500; bigram models of 40 sentences: Laplace's has 5.18 bits
#       a word by its probabilities, its samples 4.43 by the same probabilities; Witten-Bell's 4.00 and 3.38; none of 1,385 pairs drawn is new
# What follows for a user: samples of an n-gram baseline are another model's: their perplexity, by it and by others, is too good, and no n-gram of theirs is
# new against the training set.
# Here a language model is an LSTM, and samples are drawn among all words by its probabilities (vaecli/model/decoding.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check nltk==3.10.4
"$folder/venv/bin/python" - <<'PY'
import math
import random

import nltk
from nltk.lm import Laplace, WittenBellInterpolated
from nltk.lm.preprocessing import padded_everygram_pipeline


def fitted(kind, sentences):
    grams, words = padded_everygram_pipeline(2, sentences)
    model = kind(order=2)
    model.fit(grams, words)
    return model


model = fitted(Laplace, [["a", "b"], ["a", "b"], ["b", "c"]])
scores = {word: round(model.score(word, ["a"]), 3) for word in model.vocab}
drawn = {model.generate(1, ["a"], random_seed=seed) for seed in range(500)}
print("version", nltk.__version__, "after a:", scores, "drawn", drawn)
assert scores["b"] < 0.4 and sum(scores.values()) > 0.99
assert drawn == {"b"}, "words are drawn with their probabilities from now"

random.seed(0)
words = [f"w{n}" for n in range(40)]
sentences = [random.choices(words, weights=[1 / (n + 1) for n in range(40)], k=8) for _ in range(40)]
seen = {pair for sentence in sentences for pair in zip(["<s>", *sentence], [*sentence, "</s>"])}
for kind in (Laplace, WittenBellInterpolated):
    model = fitted(kind, sentences)
    stream = model.generate(800, ["<s>"], random_seed=1)
    pairs = [pair for pair in zip(stream, stream[1:]) if pair[0] in words]
    spent = sum(-model.logscore(word, [before]) for before, word in pairs) / len(pairs)
    table = {before: [model.score(word, [before]) for word in model.vocab] for before in {before for before, _ in pairs}}
    rows = {before: -sum(p * math.log2(p) for p in row if p > 0) for before, row in table.items()}
    expected = sum(rows[before] for before, _ in pairs) / len(pairs)
    new = sum(pair not in seen for pair in pairs)
    print(kind.__name__, f"bits a word by its probabilities {expected:.2f}, of its samples {spent:.2f}; new pairs {new} of {len(pairs)}")
    assert all(abs(sum(row) - 1) < 1e-9 for row in table.values())
    assert spent < expected - 0.3 and new == 0, "samples are the model's from now"
PY

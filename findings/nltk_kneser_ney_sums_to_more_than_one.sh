#!/usr/bin/env bash
# NLTK 3.10.4: the probabilities of `KneserNeyInterpolated` of order 3 sum to more than 1 over the vocabulary after a sentence's
# beginning, and the model of order 1 divides by zero. Of the other smoothed models each sums to 1.
# Guess before: interpolated models sum to 1 in every context, seen or not, at every order.
# Seen: after <s> <s>: Kneser-Ney 1.002, Witten-Bell 1.000, absolute discounting 1.000, Laplace 1.000; after a b: all 1.000
#       order 1: ZeroDivisionError
# What follows for a user: n-gram perplexities of samples come out too good at the first word of each sentence.
# Here the reverse perplexity is of an LSTM (vaecli/runs/reference_lm.py), and no n-gram model of NLTK is used.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check nltk==3.10.4
"$folder/venv/bin/python" - <<'PY'
import nltk
from nltk.lm import AbsoluteDiscountingInterpolated, KneserNeyInterpolated, Laplace, WittenBellInterpolated
from nltk.lm.preprocessing import padded_everygram_pipeline

SENTENCES = [sentence.split() for sentence in ("a b c", "a b d", "b c a", "d a b c c", "a a b")]


def total(kind, context, order=3):
    grams, words = padded_everygram_pipeline(order, SENTENCES)
    model = kind(order=order)
    model.fit(grams, words)
    return sum(model.score(word, context) for word in model.vocab)


print("version", nltk.__version__)
for kind in (KneserNeyInterpolated, WittenBellInterpolated, AbsoluteDiscountingInterpolated, Laplace):
    start, inside = total(kind, ("<s>", "<s>")), total(kind, ("a", "b"))
    print(kind.__name__, f"after <s> <s> {start:.4f}, after a b {inside:.4f}")
    assert abs(inside - 1) < 1e-9
    if kind is KneserNeyInterpolated:
        assert start > 1.001, "Kneser-Ney sums to 1 from now"
    else:
        assert abs(start - 1) < 1e-9
try:
    total(KneserNeyInterpolated, (), order=1)
except ZeroDivisionError as error:
    print("order 1:", type(error).__name__)
else:
    raise AssertionError("order 1 works from now")
PY

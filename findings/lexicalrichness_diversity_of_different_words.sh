#!/usr/bin/env bash
# lexicalrichness 0.5.1: `msttr` leaves out the last segment where it is whole too, and `mtld` of a text whose words all differ is far below that of the same text
# with a word said twice.
# Guess before: the mean of both segments of 200 words; a repeated word lowers diversity, or leaves it.
# Seen: 100 different words and then one word 100 times: msttr(100) 1.0, with one more word at the end 0.505. mtld of 10, 20 and 50 different words: 10, 20 and 50;
#       with the last of them the first again: 28, 112 and 700
# What follows for a user: samples of a fixed number of words are measured without their end, where degeneration is; by MTLD a text with a repetition is 14 times as
# diverse as one without, and short samples are ranked the wrong way round.
# Here diversity is self-BLEU and the share of distinct n-grams among all samples (vaecli/metrics/extras/text/scores.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check lexicalrichness==0.5.1 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 matplotlib==3.11.2
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

from lexicalrichness import LexicalRichness


def of(words):
    return LexicalRichness(words, preprocessor=None, tokenizer=None)


def different(number):
    return [f"w{index}" for index in range(number)]


text = different(100) + ["same"] * 100
whole, longer = of(text).msttr(100), of([*text, "end"]).msttr(100)
all_differ = [of(different(number)).mtld() for number in (10, 20, 50)]
one_twice = [of([*different(number - 1), "w0"]).mtld() for number in (10, 20, 50)]
print("version", version("lexicalrichness"), "msttr of 200 and 201 words", whole, longer)
print("mtld of different words", all_differ, "with one of them twice", one_twice)
assert whole == 1, "a whole segment counts from now"
assert abs(longer - 0.505) < 1e-9
assert all_differ == [10, 20, 50], "words that all differ are the most diverse from now"
assert all(abs(value - wanted) < 1e-6 for value, wanted in zip(one_twice, (28, 112, 700), strict=True))
PY

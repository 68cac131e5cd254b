#!/usr/bin/env bash
# lexical_diversity 0.1.1: the MTLD of words that are all different is 0, below that of one word said over and over; HD-D of up to 41 words is 0, of 42 different ones 1.
# Guess before: MTLD of 50 different words is 50, the length, or is told to be undefined, and HD-D of different words is 1.
# Seen: MTLD of 6, 10, 50 and 1000 different words: 0; with one of 10 said twice 28, of 100 2,800; "the" six times 2.0. "the cat sat on a mat" 0, "the cat sat on the mat"
#       10.1. `mtld_ma_wrap` of 10, 50 and 1000 different words 14, 70 and 1,389, and `mtld_ma_bid` of 100 with up to three repeated 0. HD-D of 41 different words 0, of 42 1
# What follows for a user: the mean MTLD of short samples counts the sentences without a repeated word, the most diverse ones, as the least: six words of which none is
# repeated rank below "the the the the the the".
# Here diversity is told by self-BLEU and distinct n-grams (vaecli/metrics/extras/text/scores.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check lexical-diversity==0.1.1
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

from lexical_diversity import lex_div


def different(number, repeated=0):
    return [f"w{index}" for index in range(number - repeated)] + ["w0"] * repeated


sentences = ["the the the the the the", "the cat sat on the mat", "the cat sat on a mat"]
mtld = {text: lex_div.mtld(text.split()) for text in sentences}
of_different = [lex_div.mtld(different(number)) for number in (6, 10, 50, 1000)]
one_twice = [lex_div.mtld(different(number, 1)) for number in (10, 100)]
wrapped = [lex_div.mtld_ma_wrap(different(number)) for number in (10, 50, 1000)]
both_ways = [lex_div.mtld_ma_bid(different(100, number)) for number in (0, 1, 2, 3)]
hdd = {number: lex_div.hdd(different(number)) for number in (41, 42)}
print("version", version("lexical-diversity"), mtld, "all different", of_different, "one twice", one_twice)
print("wrapped", wrapped, "both ways", both_ways, "HD-D", hdd)
assert of_different == [0, 0, 0, 0], "different words are diverse from now"
assert mtld[sentences[2]] == 0 < 2 < mtld[sentences[0]] < mtld[sentences[1]], "copies of a word are less diverse from now"
assert round(one_twice[0]) == 28 and round(one_twice[1]) == 2800
assert [round(value) for value in wrapped] == [14, 70, 1389] and both_ways == [0, 0, 0, 0]
assert hdd[41] == 0 and abs(hdd[42] - 1) < 1e-9, "HD-D of few words is told from now"
PY

#!/usr/bin/env bash
# editdistance 0.8.1: the distance between the lists of word ids [5, -1] and [5, -2] is 0: items count as equal where Python's
# `hash` of them is, and hash(-1) is hash(-2). RapidFuzz 3.14.6 says 1 there, and 0 for the word "a" against the id 97.
# Guess before: 1 with both; a word never equals an id.
# Seen: editdistance [5, -1] against [5, -2]: 0, RapidFuzz: 1; ["a"] against [97]: 1 and 0
# What follows for a user: where ids below zero mark padding or masked words, sentences that differ in these count as equal; a
# list of one-letter words compared with a list of ids gives distances of no meaning, without an error.
# Here distances between sentences are none of the figures, and ids are never negative.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check editdistance==0.8.1 rapidfuzz==3.14.6
"$folder/venv/bin/python" - <<'PY'
import editdistance
import rapidfuzz
from rapidfuzz.distance import Levenshtein

print("RapidFuzz", rapidfuzz.__version__)
for a, b in (([5, -1], [5, -2]), ([5, 1], [5, 2]), (["a"], [97]), (["a"], ["b"])):
    print(a, "against", b, "editdistance", editdistance.eval(a, b), "RapidFuzz", Levenshtein.distance(a, b))
assert editdistance.eval([5, -1], [5, -2]) == 0, "-1 and -2 differ from now"
assert Levenshtein.distance([5, -1], [5, -2]) == 1
assert editdistance.eval(["a"], [97]) == 1
assert Levenshtein.distance(["a"], [97]) == 0, "a letter and its code differ from now"
PY

#!/usr/bin/env bash
# textdistance 4.6.3: with `qval=None`, which is by words, normalised distances are divided by the number of letters; the longest common subsequence is as
# long as its letters, of lists of words too. strsimpy 0.2.1: `NGram` of two sentences depends on which is the first.
# Guess before: 1/6 for one of six words, 1 for sentences without a word in common, 0 for copies, with words split here or given as lists; NGram is
#       symmetric.
# Seen: "the cat sat on the mat" against the dog: Levenshtein 1 word, normalised 0.045 (lists 0.167); "a b c" against "d e f" 0.6; copies by `LCSStr`
#       0.73, by `LCSSeq` 0.23; `LCSSeq` of lists has 14 of 6 words in common and a normalised distance of -1.33. NGram(2) of "the cat sat on the mat"
#       and "the mat": 0.682, turned 0.386; of 2,000 pairs of sentences 859 are off
# What follows for a user: a reconstruction's word error comes out about a fifth of what it is, by an amount that depends on how long words are, copies aren't
# nearest to themselves, and figures below zero average in silently. With lists the edit distances are right; not the subsequences.
# Here no distance between sentences is a figure; reconstruction is BLEU and the share of copies (vaecli/metrics/extras/text/scores.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check textdistance==4.6.3 strsimpy==0.2.1
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import textdistance as td
from strsimpy.ngram import NGram

cat, dog = "the cat sat on the mat", "the dog sat on the mat"
levenshtein, string, sequence = (kind(qval=None) for kind in (td.Levenshtein, td.LCSStr, td.LCSSeq))
words = levenshtein(cat, dog), levenshtein.normalized_distance(cat, dog), levenshtein.normalized_distance("a b c", "d e f")
lists = td.levenshtein.normalized_distance(cat.split(), dog.split())
copies = string.normalized_distance(cat, cat), sequence.normalized_distance(cat, cat)
common = td.lcsseq.similarity(cat.split(), dog.split()), td.lcsseq.normalized_distance(cat.split(), dog.split())
print("version", version("textdistance"), "Levenshtein by words", words, "of lists", lists, "copies by LCSStr and LCSSeq", copies, "LCSSeq of lists", common)
ngram = NGram(2).distance(cat, "the mat"), NGram(2).distance("the mat", cat)
print("strsimpy", version("strsimpy"), "NGram", ngram)
assert words[0] == 1 and abs(words[1] - 1 / 22) < 1e-9 and abs(words[2] - 3 / 5) < 1e-9, "divided by words from now"
assert abs(lists - 1 / 6) < 1e-9
assert copies[0] > 0.7 and copies[1] > 0.2, "copies are nearest from now"
assert common[0] == 14 and common[1] < -1, "words are counted from now"
assert abs(ngram[0] - 0.682) < 1e-3 and abs(ngram[1] - 0.386) < 1e-3, "symmetric from now"
PY

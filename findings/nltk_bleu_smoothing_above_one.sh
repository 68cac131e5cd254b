#!/usr/bin/env bash
# NLTK 3.10.4: `sentence_bleu` with the smoothings `method5` and `method7` is above 1, the most that BLEU can be, for a sentence that equals its reference; with
# `method4` a sentence of one word has 1, one of two has 0.22.
# Guess before: with every smoothing a sentence against itself has at most 1, and a longer one no less than a shorter.
# Seen, of sentences of 1 to 8 different words against themselves: method5 0.19, 0.39, 0.70, 1.01, and 1.12 from five words on; method7 0.19, 0.44, 0.75, 1.01, 1.12;
#       method4 1.00, 0.22, 0.58, 1.00; method1 0.18, 0.32, 0.56, 1.00. Of 20 words with the last one wrong
#       method7 has 1.06. The precision of no words is taken for that of one word plus 1, and lifts that of one
# What follows for a user: means of method5 and method7 aren't on BLEU's scale: a copy has 112 of 100, and a long reconstruction with an error more than 100; single
# words fill a list of the best by method4.
# Here BLEU is sacrebleu's, of ids, and a sentence's n-grams are of its length at most: a copy has 100 (vaecli/metrics/extras/text/scores.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check nltk==3.10.4
"$folder/venv/bin/python" - <<'PY'
import nltk
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

SENTENCES = ["a b c d e f g h".split()[:length] for length in range(1, 9)]
smoothing = SmoothingFunction()


def of_copies(method):
    return [sentence_bleu([words], words, smoothing_function=method) for words in SENTENCES]


print("version", nltk.__version__)
copies = {}
for name in ("method1", "method2", "method3", "method4", "method5", "method7"):
    copies[name] = of_copies(getattr(smoothing, name))
    print(name, [round(value, 4) for value in copies[name]])
words = list("abcdefghijklmnopqrst")
one_wrong = sentence_bleu([words], [*words[:-1], "z"], smoothing_function=smoothing.method7)
print("method7 of twenty words with the last one wrong", round(one_wrong, 4))
for name in ("method5", "method7"):
    assert copies[name][3] > 1.01 and min(copies[name][4:]) > 1.11, "a copy has 1 from now"
for name in ("method1", "method2", "method3"):
    assert copies[name] == sorted(copies[name]) and copies[name][3:] == [1] * 5
assert copies["method4"][0] == 1 and copies["method4"][1] < 0.23, "one word is below two from now"
assert one_wrong > 1, "a sentence with an error is below 1 from now"
PY

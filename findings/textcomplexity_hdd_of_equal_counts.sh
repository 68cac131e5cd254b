#!/usr/bin/env bash
# textcomplexity 0.11.0: HD-D takes the table of how many words have a count for one of words and their counts: 100 different words have 0.024, as 50 words
# said twice have, and one word 100 times has 0.01. `mattr` of `vocabulary_richness` is above 1 for words that all differ.
# Guess before: HD-D 1 for words that all differ, 0.79 for 50 of them twice, 1/42 for a single one; a moving-average type-token ratio of at most 1.
# Seen: `surface.hdd`, which the command reports, and by hand: 100 different words 0.0238 and 1.0; 50 twice 0.0238 and 0.793; one word 0.0100 and 0.0238; 1,000
#       Zipf draws of exponent 1.5 and of 3: 0.070 and 0.406, 0.0125 and 0.088. `vocabulary_richness.mattr` with a window of 20: 1.07 for 100 different words
# What follows for a user: the diversity of samples is a fifth or a fortieth of what it is, and samples that never repeat a word don't differ from samples
# in which all words come twice. HD-D is to be taken from another library where texts are compared with printed figures.
# Here diversity is self-BLEU and the share of distinct n-grams among all samples (vaecli/metrics/extras/text/scores.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check textcomplexity==0.11.0 numpy==2.4.6 scipy==1.17.1 nltk==3.9.4 nltk-tgrep==1.0.6 networkx==3.6.1
"$folder/venv/bin/python" - <<'PY'
from collections import Counter
from importlib.metadata import version

import numpy as np
from scipy.stats import hypergeom
from textcomplexity import surface, vocabulary_richness
from textcomplexity.text import Text
from textcomplexity.utils.token import Token

random = np.random.default_rng(0)
texts = {
    "100 words": [f"w{n}" for n in range(100)],
    "50 words twice": [f"w{n}" for n in range(50)] * 2,
    "one word": ["w"] * 100,
    "Zipf 1.5": [f"w{n}" for n in random.zipf(1.5, 1000)],
    "Zipf 3": [f"w{n}" for n in random.zipf(3, 1000)],
}


def by_hand(words):
    """Sum over different words of the probability that a draw of 42 has it, over 42 (McCarthy and Jarvis 2010)."""
    return float(sum((1 - hypergeom.pmf(0, len(words), count, 42)) / 42 for count in Counter(words).values()))


hdd = {name: float(surface.hdd(Text.from_tokens([Token(word, "X") for word in words]))) for name, words in texts.items()}
right = {name: by_hand(words) for name, words in texts.items()}
mattr = vocabulary_richness.mattr(texts["100 words"], 20)
print("version", version("textcomplexity"), "HD-D", hdd, "by hand", right, "mattr", mattr)
assert abs(right["100 words"] - 1) < 1e-9 and abs(right["50 words twice"] - 0.793) < 1e-3
assert abs(hdd["100 words"] - 1 / 42) < 1e-6 and abs(hdd["50 words twice"] - hdd["100 words"]) < 1e-6, "words are told apart from now"
assert abs(hdd["one word"] - 0.01) < 1e-6
assert hdd["Zipf 1.5"] < right["Zipf 1.5"] / 4 and hdd["Zipf 3"] < right["Zipf 3"] / 4
assert mattr > 1.05, "a ratio of types to tokens is at most 1 from now"
PY

#!/usr/bin/env bash
# vendi-score 0.0.3: a hundred sentences of two words, none of which is in two of them, and a longer one have an n-gram Vendi score of 14.5, copies of one of
# them 1.5. `score_X(X, q=2)` is the score of q = 1, and a sparse matrix's is of six eigenvalues; `bleu` of sentences is of their characters.
# Guess before: (by the documentation, though the source had been read) 101, the number of different sentences, and little above 1; the order q has a part in it; 50 for a sparse identity of 50; BLEU of the words.
# Seen: 14.49, of five words each 101.0, with ns=[1, 2] 101.0; copies: 1.48, of five words 1.06. `score_X` 3.83 for q of 0.5, 1, 2 and inf, where `score_K` has 5.62, 3.83,
#       2.84 and 2. The identity: 1.60. Two sentences without a common word: BLEU 0.19, given as lists of words 0. (scipy 1.13: from 1.14 on the n-gram score raises)
# What follows for a user: a sentence with fewer words than the longest n-gram has no similarity of 1 with itself, and the score's eigenvalues don't sum to one:
# samples of short sentences look less diverse than they are, copies more. Take `ns` up to the length of the shortest, and `score_K` for another q.
# Here diversity is self-BLEU and distinct n-grams, of ids (vaecli/metrics/extras/text/scores.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check vendi-score==0.0.3 numpy==2.2.6 scipy==1.13.1 scikit-learn==1.5.2 nltk==3.9.2 torch==2.13.0 transformers==4.57.1 datasets==4.4.1
"$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import numpy as np
import scipy.sparse
from vendi_score import text_utils, vendi

warnings.simplefilter("ignore")
two = [f"a{n} b{n}" for n in range(100)]
five = [f"a{n} b{n} c{n} d{n} e{n}" for n in range(100)]
longer = "one sentence of six more words"


def score(sentences, **options):
    return float(text_utils.ngram_vendi_score(sentences, tokenizer=str.split, **options))


different = score([*two, longer]), score([*five, longer])
copies = score([*two[:1] * 100, longer]), score([*five[:1] * 100, longer])
bigrams = score([*two, longer], ns=[1, 2])
print("version", version("vendi-score"), "101 sentences, 100 of them of two words", different[0], "of five", different[1], "of two with ns=[1, 2]", bigrams)
print("100 copies and another, of two words", copies[0], "of five", copies[1])
x = np.repeat(np.eye(10), [50, 30, 10, 4, 1, 1, 1, 1, 1, 1], axis=0)
orders = {q: [round(float(scored), 3) for scored in (vendi.score_X(x, q=q), vendi.score_K(x @ x.T, q=q), vendi.score_dual(x, q=q))] for q in (0.5, 1, 2, "inf")}
print("score_X, score_K, score_dual by q", orders)
sparse = float(vendi.score_K(scipy.sparse.csr_matrix(np.eye(50)))), float(vendi.score_K(np.eye(50)))
print("identity of 50, sparse and dense", sparse)
words = "the cat sat on the mat", "no dog lay in that hut"
bleu = float(text_utils.bleu([words[0]], [words[1]], tokenizer=str.split)), float(text_utils.bleu([words[0].split()], [words[1].split()]))
print("BLEU of two sentences without a common word", bleu[0], "of their words", bleu[1])
assert different[0] < 20 and different[1] > 100 and bigrams > 100, "short sentences are similar to themselves from now"
assert copies[0] > 1.3 and copies[1] < 1.2
assert orders[2][0] == orders[1][0] != orders[2][1] == orders[2][2], "q is passed on from now"
assert sparse[0] < 7 and abs(sparse[1] - 50) < 1e-6, "all eigenvalues are taken from now"
assert bleu[0] > 0.1 and bleu[1] == 0, "the words are compared from now"
PY

#!/usr/bin/env bash
# NLTK 3.10.4: `corpus_bleu` of a corpus with itself is below 1 if sentences have fewer than four words, without smoothing and without a warning: each of
# them counts as one that misses an n-gram it has no room for. sacrebleu's is 100.
# Guess before: it equals sacrebleu's without tokenization and smoothing, within 1e-6.
# Seen: a sentence of five words and twenty of one, copied: 0.21; one each of 1 to 8 words, copied: 0.93; of 111 corpora of five random sentences of 1 to 12
#       words NLTK's is lower than sacrebleu's in 84 and higher in none; of 124 with 4 to 12 words: equal in all
# What follows for a user: reconstructions that are right word by word have a BLEU below 1, lower the more short sentences a corpus has; it doesn't compare
# with that of another corpus, nor with sacrebleu's.
# Here BLEU is sacrebleu's, of ids (vaecli/metrics/extras/text/scores.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check nltk==3.10.4 sacrebleu==2.6.0
"$folder/venv/bin/python" - <<'PY'
import random
import warnings

import nltk
from nltk.translate.bleu_score import corpus_bleu
from sacrebleu.metrics import BLEU

warnings.simplefilter("error")  # until the copies are done, of which it says nothing
exact = BLEU(tokenize="none", smooth_method="none", force=True)


def both(said, references):
    """BLEU-4 by NLTK and by sacrebleu, 0 to 1; every sentence has equally many references."""
    streams = [[" ".join(sentence) for sentence in stream] for stream in zip(*references)]
    return corpus_bleu(references, said), exact.corpus_score([" ".join(sentence) for sentence in said], streams).score / 100


def copies(lengths):
    corpus = [[f"w{n}" for n in range(length)] for length in lengths]
    return both(corpus, [[sentence] for sentence in corpus])


def sentence(shortest):
    return random.choices("abc", k=random.randint(shortest, 12))


random.seed(0)
few, mixed, long = copies([5] + [1] * 20), copies(range(1, 9)), copies(range(4, 12))
warnings.simplefilter("ignore")
off = {}
for shortest in (1, 4):
    corpora = [([sentence(shortest) for _ in range(5)], [[sentence(4)] for _ in range(5)]) for _ in range(200)]
    pairs = [both(*corpus) for corpus in corpora]
    pairs = [(ours, theirs) for ours, theirs in pairs if theirs > 0]
    off[shortest] = sum(ours < theirs - 1e-6 for ours, theirs in pairs), sum(ours > theirs + 1e-6 for ours, theirs in pairs), len(pairs)
print("version", nltk.__version__, "NLTK, sacrebleu: copies of 5 and 20 times 1 word", few, "of 1 to 8", mixed, "of 4 to 11", long)
print("shortest sentence: corpora where NLTK is lower, higher, of", off)
assert min(few[1], mixed[1], *long) > 1 - 1e-9
assert few[0] < 0.3 and mixed[0] < 0.95, "a copy is one from now"
assert off[1][0] > 20 and off[1][1] == 0
assert off[4][:2] == (0, 0)
PY

#!/usr/bin/env bash
# textdescriptives 2.8.4: the perplexity of a document is exp of the sum of -p log p over its tokens, p their frequencies in a table: what is rare costs
# nothing, so that six words that don't exist have 1.0000002, less than any sentence, and a sentence that is repeated has a power of its own.
# Guess before: exp of the mean of -log p, 1,796 for "the cat sat on the mat", the same for that sentence many times, and far more for words that don't exist.
# Seen: "the cat sat on the mat" 1.268, twice 1.608, 40 times 13,299; the `per_word_perplexity` 0.211, 0.134 and 55.4; "the" six times 1.861;
#       "qwx zzkq brrt plof xuq wvvz" 1.0000002, where exp of the mean of -log p is 485,165,195
# What follows for a user: by that perplexity samples of garbage are the most fluent, those of frequent words the least, and long ones worse than short ones;
# a filter that keeps what is low keeps the wrong texts. The logarithms are right: exp(-mean(token.prob)) is a unigram perplexity.
# Here a perplexity is exp of nats a token, of a language model (vaecli/metrics/schema.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check textdescriptives==2.8.4 spacy==3.8.18 spacy-lookups-data==1.0.5 numpy==1.26.4
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
import spacy
import textdescriptives  # noqa: F401

nlp = spacy.blank("en")
nlp.add_pipe("textdescriptives/information_theory")
cat = "the cat sat on the mat"


def perplexity(text):
    """Of a text, a word of it, and exp of the mean of -log p."""
    doc = nlp(text)
    figures = (doc._.perplexity, doc._.per_word_perplexity, np.exp(-np.mean([token.prob for token in doc])))
    print(f"{text[:50]:50} {figures[0]:14.7f} {figures[1]:10.4f} exp of the mean {figures[2]:.0f}")
    return figures


print("version", version("textdescriptives"))
once, twice, often = (perplexity(" ".join([cat] * times)) for times in (1, 2, 40))
common, unknown = perplexity("the the the the the the"), perplexity("qwx zzkq brrt plof xuq wvvz")
assert abs(once[0] - 1.268) < 1e-3 and abs(twice[0] - once[0] ** 2) < 1e-6 and often[0] > 10_000, "a mean over tokens from now"
assert unknown[0] < 1.000001 < once[0] < common[0], "rare words cost more from now"
assert twice[1] < once[1] < 1 < often[1], "a perplexity a word is at least 1 from now"
assert abs(once[2] - often[2]) < 1e-6 and unknown[2] > 1e8
PY

#!/usr/bin/env bash
# tomotopy 0.14.0: `perplexity` is of the words and of the topics that were drawn for them: of words drawn evenly from ten it is 10.1 with one topic, 45
# with ten and 64 with fifty, and 7.0 by a correlated topic model of five. `Coherence` counts the documents that have one of its target words, and no others.
# Guess before: 10 or a little more for each number of topics, and never below it; the c_npmi of two words doesn't depend on the other target words.
# Seen: LDA of 300 documents of 20 even draws: 10.1, 14.3, 44.6 and 63.7 for 1, 2, 10 and 50 topics, where documents' topics and topics' words give 10.0, 9.9,
#       9.6 and 9.3; `CTModel` 7.0 for 5 topics. c_npmi of a pair that is in 50 of 100 documents: 0.0 with its two words as targets, 1.0 with the word of
#       the others as a third
# What follows for a user: LDA's perplexity beside that of a neural topic model (exp of nats a word) can be larger than the vocabulary; a search for the
# number of topics is pulled to one, and two kinds of model don't compare. A topic's coherence depends on the topics beside it.
# Here a perplexity is exp of nats a token, and coherence is no figure (vaecli/metrics/schema.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tomotopy==0.14.0 numpy==2.4.6
"$folder/venv/bin/python" - 2>"$folder/errors" <<'PY' || { tail -3 "$folder/errors"; exit 1; }
import numpy as np
import tomotopy
from tomotopy.coherence import Coherence

documents = [list(row) for row in np.random.default_rng(0).choice(list("abcdefghij"), (300, 20))]


def trained(model, updates):
    for words in documents:
        model.add_doc(words)
    model.train(updates, workers=1)
    return model


def of_the_words(model):
    """exp of nats a word, given the topics of its document."""
    words_of = np.array([model.get_topic_word_dist(topic) for topic in range(model.k)])
    nats = [-np.log(np.array(doc.get_topic_dist()) @ words_of)[list(doc.words)] for doc in model.docs]
    return float(np.exp(np.mean(np.concatenate(nats))))


lda = {topics: trained(tomotopy.LDAModel(k=topics, seed=1), 200) for topics in (1, 2, 10, 50)}
figures = {topics: (round(model.perplexity, 2), round(of_the_words(model), 2)) for topics, model in lda.items()}
correlated = trained(tomotopy.CTModel(k=5, seed=1), 100).perplexity
print("version", tomotopy.__version__, "LDA, perplexity and that of the words given the topics", figures, "CTModel", round(correlated, 2))
corpus = tomotopy.utils.Corpus()
for words in [["x", "y"]] * 50 + [["z"]] * 50:
    corpus.add_doc(words)
npmi = [Coherence(corpus, coherence="c_npmi", targets=targets).get_score(words=["x", "y"]) for targets in (["x", "y"], ["x", "y", "z"])]
print("c_npmi of x and y with the targets x, y and x, y, z", npmi)
assert figures[1][0] < 10.5 and figures[2][0] > 13 and figures[10][0] > 25 and figures[50][0] > 40, "the words alone count from now"
assert all(9 < words < 10.01 for _, words in figures.values())
assert correlated < 8.5, "no model of even words is below their number from now"
assert abs(npmi[0]) < 1e-3 and abs(npmi[1] - 1) < 1e-3, "all documents count from now"
PY

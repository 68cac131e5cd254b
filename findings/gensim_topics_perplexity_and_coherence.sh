#!/usr/bin/env bash
# gensim 4.4.0: the perplexity of an LDA model, in its log, by `PerplexityMetric` and by the documentation's 2^(-bound), is two to the power of nats: of
# words drawn evenly from ten it is 5, where no model has less than 10. `CoherenceModel` with `c_npmi` gives words that occur in every document -1, as words
# that never meet; in 99 of 100 documents they have 1.
# Guess before: a perplexity of 10 or a little more, for a bound in bits; 0 for words in all documents, as 0 / 0.
# Seen: one topic, 300 documents of 20 even draws from ten words: bound -2.307 a word, exp(2.307) 10.04, PerplexityMetric 4.95 and the log 4.9; c_npmi of a
#       pair that is in 50 or 99 of 100 documents 1.0, in all of them -1.0, in different ones -0.95
# What follows for a user: LDA's perplexity beside a neural topic model's, which is exp of nats, is lower by more the larger it is: 1000 becomes 120. In
# samples of a collapsed decoder, which all hold the same words, those words come out as the least coherent.
# Here a perplexity is exp of nats a token, and coherence is no figure (vaecli/metrics/schema.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check gensim==4.4.0 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PY'
import logging
import re

import gensim
import numpy as np
from gensim.corpora import Dictionary
from gensim.models import CoherenceModel, LdaModel
from gensim.models.callbacks import PerplexityMetric

logged = []
handler = logging.Handler()
handler.emit = lambda record: logged.append(record.getMessage())
log = logging.getLogger("gensim.models.ldamodel")
log.addHandler(handler)
log.setLevel(logging.INFO)
documents = [list(row) for row in np.random.default_rng(0).choice(list("abcdefghij"), (300, 20))]
words = Dictionary(documents)
counts = [words.doc2bow(document) for document in documents]
model = LdaModel(counts, num_topics=1, id2word=words, random_state=0, passes=5)
bound = model.log_perplexity(counts)
(said,) = re.findall(r"([\d.]+) perplexity estimate", logged[-1])
metric = PerplexityMetric(corpus=counts).get_value(model=model)
print("version", gensim.__version__, f"bound {bound:.3f} exp {np.exp(-bound):.2f} PerplexityMetric {metric:.2f} the log says {said}")


def coherence(documents):
    model = CoherenceModel(topics=[["x", "y"]], texts=documents, dictionary=Dictionary(documents), coherence="c_npmi", processes=1)
    return float(model.get_coherence())


together = {count: coherence([["x", "y"]] * count + [["z"]] * (100 - count)) for count in (50, 99, 100)}
apart = coherence([["x"], ["y"]] * 50)
print("c_npmi of words that are together in", together, "apart", apart)
assert 9.9 < np.exp(-bound) < 10.5
assert metric < 5.5 and float(said) < 5.5, "a perplexity is one from now"
assert min(together[50], together[99]) > 0.99 and apart < -0.9
assert together[100] < -0.99, "words in every document belong together from now"
PY

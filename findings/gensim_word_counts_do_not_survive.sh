#!/usr/bin/env bash
# gensim 4.4.0: word counts don't survive. A `Dictionary` that was merged with another has new document frequencies and the old word counts, one made by `from_corpus` has no
# counts at all, and word2vec vectors that were saved and loaded have their rank from below for a count.
# Guess before: "cfs: how many instances of this token are contained in the documents" and `most_common` hold after each of them; a count that a file doesn't hold is 0.
# Seen: two halves of four documents merged: "c" is in 3 documents and was counted once, "d" and "e" never; `most_common` gives a 2, b 2, c 1 for a 3, c 3, b 2. By
#       `from_corpus` and by `save_as_text` `most_common` is []. Vectors of words that came 800, 150 and 50 times: 3, 2 and 1 after `save_word2vec_format`, in both formats,
#       so that their entropy is 1.01 nats for 0.61; `save` keeps them
# What follows for a user: unigram perplexities, cut-offs by frequency and weights of words by their probability are of other counts, and each call answers without a word.
# Here the unigram model counts the words of the training split itself (vaecli/corpus/unigram.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check gensim==4.4.0 numpy==2.4.6 scipy==1.17.1
FOLDER="$folder" "$folder/venv/bin/python" - <<'PY'
import os
from importlib.metadata import version
from pathlib import Path

import numpy as np
from gensim.corpora import Dictionary
from gensim.models import KeyedVectors, Word2Vec

folder = Path(os.environ["FOLDER"])
texts = [["a", "b", "a"], ["b", "c"], ["c", "d", "e"], ["a", "c"]]
whole, merged = Dictionary(texts), Dictionary(texts[:2])
merged.merge_with(Dictionary(texts[2:]))
of_counts = Dictionary.from_corpus([whole.doc2bow(text) for text in texts], id2word=dict(whole.items()))
whole.save_as_text(folder / "words.txt")
of_text = Dictionary.load_from_text(folder / "words.txt")

words = ["the"] * 800 + ["cat"] * 150 + ["sat"] * 50
sentences = np.random.default_rng(0).permutation(words).reshape(100, 10).tolist()
vectors = Word2Vec(sentences, vector_size=2, min_count=1, epochs=1, workers=1, seed=1).wv


def counts(table):
    return [int(table.get_vecattr(word, "count")) for word in ("the", "cat", "sat")]


def entropy(numbers):
    shares = np.array(numbers) / sum(numbers)
    return float(-(shares * np.log(shares)).sum())


loaded = {}
for binary in (False, True):
    vectors.save_word2vec_format(str(folder / "vectors"), binary=binary)
    loaded[binary] = counts(KeyedVectors.load_word2vec_format(str(folder / "vectors"), binary=binary))
vectors.save(str(folder / "own"))
own = counts(KeyedVectors.load(str(folder / "own")))
print("version", version("gensim"), "documents", dict(merged.dfs), "words", dict(merged.cfs), "of one dictionary", dict(whole.cfs))
print("merged", merged.most_common(3), "whole", whole.most_common(3), "from_corpus", of_counts.most_common(3), "text", of_text.most_common(3))
print("counts", counts(vectors), "saved by itself", own, "as word2vec", loaded, "entropy", entropy(counts(vectors)), entropy(loaded[False]))
assert dict(merged.dfs) == dict(whole.dfs) and merged.num_pos == whole.num_pos == 10
assert whole.most_common(3) == [("a", 3), ("c", 3), ("b", 2)]
assert merged.most_common(3) == [("a", 2), ("b", 2), ("c", 1)], "counts are merged from now"
assert of_counts.num_pos == 10 and of_counts.most_common(3) == [], "counts are taken from a corpus from now"
assert of_text.most_common(3) == []
assert counts(vectors) == own == [800, 150, 50]
assert loaded[False] == loaded[True] == [3, 2, 1], "counts that the file hasn't are told from now"
PY

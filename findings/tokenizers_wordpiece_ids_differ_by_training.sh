#!/usr/bin/env bash
# tokenizers 0.23.3: `WordPieceTrainer` gives the same pieces other ids each time it is trained on the same sentences, in one process and on one thread too.
# Those of `BpeTrainer` stay; those of `UnigramTrainer` stayed within a process and moved from one to the next on 3,000 sentences of real text.
# Guess before: BPE, Unigram and WordPiece come out equal, ids included, whatever the number of threads.
# Seen: two trainings on 2,000 sentences: WordPiece the same 300 pieces, 18 to 31 of them under other ids, and 126 to 144 of 200 sentences encoded to
#       other ids; BPE none of either
# What follows for a user: a checkpoint's embeddings belong to the very file that the tokenizer was saved to. A tokenizer trained again on the same text, as in
# a second run of a pipeline, loads without a complaint and reads other words.
# Here subwords are SentencePiece's, and a run keeps what its tokenizer has learned in vocab.json (vaecli/corpus/vocabulary.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tokenizers==0.23.3
RAYON_NUM_THREADS=1 "$folder/venv/bin/python" - <<'PY'
import random
from importlib.metadata import version

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

random.seed(0)
words = ["".join(random.choice("bcdfgklmnprst" if n % 2 else "aeiou") for n in range(random.randint(2, 7))) for _ in range(400)]
lines = [" ".join(random.choices(words, weights=[1 / (n + 1) for n in range(400)], k=8)) for _ in range(2000)]


def trained(model, trainer):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def compared(model, trainer, **more):
    """Whether two trainings have the same pieces, how many have other ids, and how many of 200 sentences."""
    one, two = (trained(model(**more), trainer(vocab_size=300, show_progress=False, special_tokens=["[UNK]"])) for _ in range(2))
    first, second = one.get_vocab(), two.get_vocab()
    sentences = sum(one.encode(line).ids != two.encode(line).ids for line in lines[:200])
    return set(first) == set(second), sum(first[piece] != second.get(piece) for piece in first), sentences


wordpiece = [compared(models.WordPiece, trainers.WordPieceTrainer, unk_token="[UNK]") for _ in range(3)]
bpe = [compared(models.BPE, trainers.BpeTrainer, unk_token="[UNK]") for _ in range(3)]
print("version", version("tokenizers"), "WordPiece (same pieces, other ids, sentences)", wordpiece, "BPE", bpe)
assert all(same for same, _, _ in wordpiece)
assert max(moved for _, moved, _ in wordpiece) > 5, "WordPiece is repeatable from now"
assert max(sentences for _, _, sentences in wordpiece) > 20
assert bpe == [(True, 0, 0)] * 3
PY

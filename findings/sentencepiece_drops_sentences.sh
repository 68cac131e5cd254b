#!/usr/bin/env bash
# SentencePiece 0.2.3, training: a sentence that holds U+2585 (a block character, as in small bar charts of plain text) is
# left out of the training whole, without an error and, at the usual log level of a program that calls it, without a word.
# Guess before: the character alone becomes an unknown piece, and the rest of the sentence is learned from.
# Seen: no letter that stands only in such sentences has a piece; with U+2584, its neighbour, all of them have.
# What follows for a user: pieces and perplexities of a corpus with such lines are those of another corpus.
# Here such lines are cut at the character before training (vaecli/corpus/tokenizers/subwords.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check sentencepiece==0.2.3
"$folder/venv/bin/python" - <<'PY'
import io

import sentencepiece


def letters(mark):
    """The letters that have a piece after training on sentences of a to e that hold a mark, and of v to z that don't."""
    lines = [f"abcde {mark} edcba", "vwxyz zyxwv"] * 100
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=out, model_type="bpe", vocab_size=30,
        hard_vocab_limit=False, character_coverage=1.0, minloglevel=3,
    )
    model = sentencepiece.SentencePieceProcessor(model_proto=out.getvalue())
    pieces = {model.id_to_piece(i) for i in range(model.get_piece_size())}
    return "".join(c for c in "abcdevwxyz" if c in pieces)


print("version", sentencepiece.__version__)
print("with U+2585:", letters("\u2585"))
print("with U+2584:", letters("\u2584"))
assert letters("\u2585") == "vwxyz", "sentences with U+2585 are learned from now"
assert letters("\u2584") == "abcdevwxyz"
PY

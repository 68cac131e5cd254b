#!/usr/bin/env bash
# @huggingface/tokenizers 0.2.0 (JavaScript) of a tokenizer.json by Python's tokenizers 0.23.3: other tokens, and ids that are undefined, without an error.
# Guess before: the same ids and text for BPE, Unigram, WordPiece and WordLevel with the usual pre-tokenizers.
# Seen: with the pre-tokenizer `Whitespace` "café" and "naïve" are each one token in Python and caf|é and n|a|ï|ve in JavaScript; with
#       fuse_unk=True two unknown words side by side are one token for two, of BPE and of Unigram. An unknown word of a `WordLevel` model has the id
#       undefined for that of <unk> (the README doesn't list this model, nor is it refused); `Split` that removes its pattern keeps it, undefined
#       too. Byte-level BPE, WordPiece with BERT's pre-tokenizer, and Unigram with `Metaspace` have the same ids in 35 texts tried
# What follows for a user: lengths, shares of unknown words and so nats a token of the same model differ between a page and Python, most for languages with
# accents; in an Int32Array undefined is 0, whatever word that is. Compare ids of a few sentences of the corpus before trusting a demo.
# Here subwords are SentencePiece's, whose ids a WebAssembly build gave alike in 17 texts (vaecli/corpus/tokenizers/subwords.py).
set -euo pipefail
for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tokenizers==0.23.3
npm install --silent --no-audit --no-fund --prefix "$folder" @huggingface/tokenizers@0.2.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import json
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

LINES = ["the café was good", "the naïve cat sat on the mat", "good food in the café"] * 50
SPECIAL = {"special_tokens": ["<unk>"], "show_progress": False}
TEXTS = ["the cat sat", "café naïve", "☃ ☃ the", "☃ the"]


def trained(model, trainer, cut):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = cut
    tokenizer.train_from_iterator(LINES, trainer)
    return tokenizer


bpe, words = trainers.BpeTrainer(vocab_size=200, **SPECIAL), trainers.WordLevelTrainer(**SPECIAL)
unigram = trainers.UnigramTrainer(vocab_size=60, unk_token="<unk>", **SPECIAL)
space = pre_tokenizers.Whitespace()
made = {
    "bpe": trained(models.BPE(unk_token="<unk>", fuse_unk=True), bpe, space),
    "unigram": trained(models.Unigram(), unigram, space),
    "words": trained(models.WordLevel(unk_token="<unk>"), words, pre_tokenizers.WhitespaceSplit()),
    "removed": trained(models.WordLevel(unk_token="<unk>"), words, pre_tokenizers.Split(" ", "removed")),
}
for name, tokenizer in made.items():
    texts = {text: {"ids": (code := tokenizer.encode(text)).ids, "tokens": code.tokens} for text in TEXTS}
    Path(f"{name}.json").write_text(json.dumps({"tokenizer": json.loads(tokenizer.to_str()), "texts": texts}))
PY
cat >run.mjs <<'JS'
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";

const seen = {};
for (const name of ["bpe", "unigram", "words", "removed"]) {
    const { tokenizer, texts } = JSON.parse(readFileSync(`${name}.json`, "utf8"));
    const read = new Tokenizer(tokenizer, {});
    seen[name] = Object.fromEntries(Object.entries(texts).map(([text, python]) => [text, { python, javascript: read.encode(text) }]));
    for (const [text, { python, javascript }] of Object.entries(seen[name])) {
        console.log(name, JSON.stringify(text), "Python", python.ids, python.tokens.join("|"), "JavaScript", javascript.ids, javascript.tokens.join("|"));
    }
}
const ids = (name, text) => [seen[name][text].python.ids, [...seen[name][text].javascript.ids]];
for (const name of ["bpe", "unigram", "words"]) assert.deepEqual(...ids(name, "the cat sat"));
const [accents, split] = ids("bpe", "café naïve");
assert.equal(accents.length, 2);
assert.ok(split.length > 4, "words with accents are alike in both from now");
for (const name of ["bpe", "unigram"]) {
    const [apart, fused] = ids(name, "☃ ☃ the");
    assert.deepEqual(apart.slice(0, 2), [0, 0]);
    assert.equal(fused.length, apart.length - 1, "unknown words side by side are two from now");
}
assert.deepEqual(ids("words", "☃ the"), [[0, ids("words", "☃ the")[0][1]], [undefined, ids("words", "☃ the")[0][1]]]);
assert.equal(ids("removed", "the cat sat")[0].length, 3);
assert.equal(ids("removed", "the cat sat")[1].length, 5);
JS
node run.mjs

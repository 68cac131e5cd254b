#!/usr/bin/env bash
# torchmetrics 1.9.0: `TranslationEditRate` of an empty sentence is 0, the best there is, where sacrebleu has 1; `CHRFScore` of a sentence of
# fewer than six characters with itself is its length over six, where sacrebleu has 1. Of longer sentences both agree with sacrebleu.
# Guess before: both equal sacrebleu's, which they are said to follow, to float32.
# Seen: TER of "" against "a b" 0.0 (sacrebleu 1.0); chrF of "cat" against "cat" 0.5 (1.0), of "a" against "a" 0.167 (1.0);
#       of five sentences of which four are empty the TER is 0.0 (0.8)
# What follows for a user: a decoder that ends every sentence at once has the best TER; reconstructions of short sentences lose chrF though
# they are right word by word.
# Here BLEU is sacrebleu's, and no other such score is a figure (vaecli/metrics/extras/text/scores.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torchmetrics==1.9.0 torch==2.13.0 numpy==2.4.6 sacrebleu==2.6.0
"$folder/venv/bin/python" - <<'PY'
import sacrebleu
import torchmetrics
from torchmetrics.text import CHRFScore, TranslationEditRate

print("version", torchmetrics.__version__)
edits = {}
for said, meant in ((["e f g a b c d"], ["a b c d e f g"]), ([""], ["a b"]), (["a b", "", "", "", ""], ["a b"] * 5)):
    ours = TranslationEditRate()(said, [[one] for one in meant]).item()
    edits[said[-1] or len(said)] = ours, sacrebleu.corpus_ter(said, [meant]).score / 100
print("TER, sacrebleu's", edits)
characters = {}
for text in ("the cat sat", "cat", "a"):
    characters[text] = CHRFScore(n_word_order=0)([text], [[text]]).item(), sacrebleu.corpus_chrf([text], [[text]]).score / 100
print("chrF, sacrebleu's", characters)
assert abs(edits["e f g a b c d"][0] - edits["e f g a b c d"][1]) < 1e-6
assert edits[1] == (0, 1), "an empty sentence costs its reference from now"
assert edits[5][0] == 0
assert abs(edits[5][1] - 0.8) < 1e-9
assert abs(characters["cat"][0] - 3 / 6) < 1e-6, "short sentences are right from now"
assert abs(characters["a"][0] - 1 / 6) < 1e-6
assert all(theirs == 1 for _, theirs in characters.values())
assert abs(characters["the cat sat"][0] - 1) < 1e-6
PY

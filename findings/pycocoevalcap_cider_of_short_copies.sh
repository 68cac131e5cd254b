#!/usr/bin/env bash
# pycocoevalcap 1.2: CIDEr of copies is 10 only from four words on, 2.5 for one word, and 0 where all references are alike; ROUGE-L of a sentence that is in no reference
# is 1, by the precision of one reference and the recall of another.
# Guess before: copies have CIDEr's highest value, 10, but where an n-gram is in every reference; ROUGE-L of several references is the best of them (by the
# documentation, though the source had been read).
# Seen: copies of 1, 2, 3, 4 and 6 different words: 2.5, 5, 7.5, 10, 10; copies of one sentence 0, and 0 for a corpus of one. "a b c" has ROUGE-L
#       0.63 against "a b c d e f", 0.55 against "a", and 1 against the two together. BLEU-1 of a copy of one word is 1, BLEU-2 0.001, BLEU-4 0.000
# What follows for a user: reconstructions of short sentences score less than those of long ones at the same quality, and a model that shortens is penalised twice; a
# second reference makes a hypothesis perfect that neither of them does.
# Here no CIDEr or ROUGE is a figure, and BLEU is sacrebleu's, of ids, over the corpus (vaecli/metrics/extras/text/scores.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pycocoevalcap==1.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
from contextlib import redirect_stdout
from importlib.metadata import version
from io import StringIO

import numpy as np
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge


def scores(scorer, references, hypotheses):
    """The scores of the sentences; references are a list of strings each."""
    with redirect_stdout(StringIO()):
        _, each = scorer.compute_score(dict(enumerate(references)), {row: [text] for row, text in enumerate(hypotheses)})
    return np.round(np.array(each, dtype=float), 3).tolist()


def copies(length):
    """Copies of five sentences that share no word."""
    texts = [" ".join(f"w{row}x{place}" for place in range(length)) for row in range(5)]
    return scores(Cider(), [[text] for text in texts], texts)


cider = {length: copies(length) for length in (1, 2, 3, 4, 6)}
alike = scores(Cider(), [["the cat sat on the mat"]] * 3, ["the cat sat on the mat"] * 3)
single = scores(Cider(), [["the cat sat on the mat"]], ["the cat sat on the mat"])
long, short = "a b c d e f", "a"
rouge = {texts: scores(Rouge(), [list(texts)], ["a b c"])[0] for texts in ((long,), (short,), (long, short))}
bleu = scores(Bleu(4), [["a b c d e f g h"], ["a"]], ["a b c d e f g h", "a"])
print("version", version("pycocoevalcap"), "CIDEr by length", cider, "of one sentence", alike, single)
print("ROUGE-L", rouge, "BLEU-1 to 4", bleu)
for length, score in ((1, 2.5), (2, 5.0), (3, 7.5), (4, 10.0), (6, 10.0)):
    assert cider[length] == [score] * 5, "copies have the same score from now"
assert alike == [0, 0, 0] and single == [0]
assert rouge[(long, short)] == 1 and max(rouge[(long,)], rouge[(short,)]) < 0.65, "precision and recall are of one reference from now"
assert bleu[0] == [1, 1] and bleu[3] == [1, 0], "a copy of one word is a copy from now"
PY

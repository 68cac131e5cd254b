#!/usr/bin/env bash
# sacreBLEU 2.6.0: `tokenize="none"` splits words at a no-break space (U+00A0) too, so that a word of a corpus that holds one, as
# "10 000" in French, is two; and an empty sentence that equals its empty reference has chrF 0, BLEU 0 and TER 0: the worst, the
# worst, the best.
# Guess before: none splits at single spaces only; chrF of what is equal is 100, and so is BLEU.
# Seen: BLEU of "a b\u00a0c d e" against "a b c d e": 100.0; empty against empty: chrF 0.0, BLEU 0.0, TER 0.0
# What follows for a user: two corpora whose words differ have one BLEU; empty reconstructions of empty sentences lower the mean chrF.
# Here BLEU is of the ids, a word an id (vaecli/metrics/extras/text/scores.py), and no sentence is empty.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check sacrebleu==2.6.0
"$folder/venv/bin/python" - <<'PY'
import sacrebleu

print("version", sacrebleu.__version__)
bleu = sacrebleu.corpus_bleu(["a b\u00a0c d e"], [["a b c d e"]], tokenize="none").score
print("BLEU with a no-break space in a word:", bleu)
assert bleu > 99, "a no-break space is part of a word from now"
scores = {
    "chrF": sacrebleu.corpus_chrf([""], [[""]]).score,
    "BLEU": sacrebleu.corpus_bleu([""], [[""]], tokenize="none").score,
    "TER": sacrebleu.corpus_ter([""], [[""]]).score,
}
print("empty against empty:", scores)
assert scores == {"chrF": 0.0, "BLEU": 0.0, "TER": 0.0}, "an empty sentence scores differently from now"
PY

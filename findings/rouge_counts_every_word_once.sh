#!/usr/bin/env bash
# rouge 1.0.1: ROUGE-1 and ROUGE-2 are of sets of n-grams, and ROUGE-L of the set of common words: a sentence that says one word over and over is a perfect
# match of one that says it once. `Rouge(exclusive=False)` counts them, as rouge-score does.
# Guess before: counts, cut off at the reference's (Lin 2004): an F of 0.4 for "the the the the" against "the".
# Seen: "the the the the" against "the": ROUGE-1 and ROUGE-L 1.00 (rouge-score 0.40); "a man a man a man a man" against "a man": 1.00 (0.40); "a a b"
#       against "a b b" 1.00 (0.67); with exclusive=False as rouge-score
# What follows for a user: a decoder that repeats itself, as one without information does, has the precision of one that doesn't; figures of the two
# packages don't compare.
# Here no ROUGE is a figure; BLEU is sacrebleu's, of ids (vaecli/metrics/extras/text/scores.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check rouge==1.0.1 rouge-score==0.1.2
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

from rouge import Rouge
from rouge_score.rouge_scorer import RougeScorer

pairs = [("the the the the", "the"), ("a man a man a man a man", "a man"), ("a a b", "a b b"), ("a man walks", "a man walks")]
scorer = RougeScorer(["rouge1", "rougeL"])
print("version", version("rouge"))
for said, meant in pairs:
    (sets,) = Rouge().get_scores(said, meant)
    (counts,) = Rouge(exclusive=False).get_scores(said, meant)
    others = scorer.score(meant, said)
    names = (("rouge-1", "rouge1"), ("rouge-l", "rougeL"))
    f = [[round(n, 3) for n in (sets[name]["f"], counts[name]["f"], others[other].fmeasure)] for name, other in names]
    print(f"{said!r} against {meant!r}: ROUGE-1, ROUGE-L by sets, counts, rouge-score {f}")
    assert all(row[0] == 1 for row in f), "words are counted from now"
    assert all(row[1] == row[2] for row in f)
    assert (f[0][2] == 1) == (said == meant)
PY

#!/usr/bin/env bash
# diversity 0.3.1: the homogenization score of sentences that share no word is 1.0, as that of copies; with a single word in common it is 0.2. By BLEU copies have
# 1 / (N - 1), for a score of all pairs is divided by their number once more.
# Guess before: 0 for sentences without a word in common, 1 for copies, whatever their number.
# Seen: 20 sentences of five words by ROUGE-L: no word shared 1.0, one word shared 0.2, two of them alike 0.005, copies 1.0; 20 copies by BLEU 0.053, 2 copies 1.0.
#       (BLEU is that of nltk here, as `evaluate` fetches its own from the network)
# What follows for a user: the most diverse samples there are come out as the least diverse: what was to be an exception for copies is taken by every score of
# zero. By BLEU the same collapse is 0.053 with 20 samples and 0.001 with a thousand. Scores of 1 need a look at the samples.
# Here the likeness of samples is self-BLEU, without an exception (vaecli/metrics/extras/text/scores.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
export PIP_NO_DEPS=1  # the package wants torch, the module below does not
"$folder/venv/bin/pip" install -q --disable-pip-version-check diversity==0.3.1 rouge-score==0.1.2 nltk==3.10.4 numpy==2.4.6 absl-py==2.5.1 six==1.17.0 joblib==1.6.0 click==8.5.1 regex==2026.11.19 tqdm==4.70.1 defusedxml==0.7.1
"$folder/venv/bin/python" - <<'PY'
import importlib.util
import sys
from importlib.metadata import distribution, version
from types import ModuleType, SimpleNamespace

from nltk.translate.bleu_score import corpus_bleu


def bleu(predictions, references):
    split = [[one.split() for one in several] for several in references]
    return {"bleu": corpus_bleu(split, [one.split() for one in predictions])}


# the module alone: the package imports models, and `evaluate.load` reads the network
sys.modules["evaluate"] = ModuleType("evaluate")
sys.modules["evaluate"].load = {"bleu": SimpleNamespace(compute=bleu)}.get
path = distribution("diversity").locate_file("diversity/homogenization.py")
spec = importlib.util.spec_from_file_location("homogenization", path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)


def score(sentences, measure="rougel"):
    return float(module.homogenization_score(sentences, measure=measure, verbose=False))


different = [f"a{n} b{n} c{n} d{n} e{n}" for n in range(20)]
shared = [f"a{n} b{n} c{n} d{n} the" for n in range(20)]
copies = ["a b c d e"] * 20
rouge = {name: score(sentences) for name, sentences in {"no word": different, "one word": shared, "all": copies}.items()}
print("version", version("diversity"), "ROUGE-L of sentences that share", rouge, "two of 20 alike", score([*different[:19], different[0]]))
by_bleu = score(copies, "bleu"), score(copies[:2], "bleu")
print("BLEU of 20 copies, of 2", by_bleu)
assert rouge == {"no word": 1.0, "one word": 0.2, "all": 1.0}, "sentences without a word in common are different from now"
assert by_bleu == (0.053, 1.0), "copies are copies by BLEU from now"
PY

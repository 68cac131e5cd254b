#!/usr/bin/env bash
# deepsig 1.2.8: `bonferroni_correction` gives corrected p-values to other hypotheses than they are of, and `multi_aso` corrects the wrong way: with two models
# neither is ever better, with ten the level is nearly that of one comparison.
# Guess before: by its documentation corrected values keep the order of the p-values; `multi_aso` of two models says what `aso` says, and asks for more evidence
# the more models there are.
# Seen: p-values 0.04, 0.001, 0.02 become 0.04, 0.04, 0.003, where Holm's are 0.04, 0.003, 0.04; 0.01, 0.02, 0.03, 0.04 become 0.04, 0.06, 0.06, 0.04, the largest
#       lower than the middle ones. aso of models 0.8 apart, 20 seeds each: 0.15, with num_comparisons 2, 10 and 45 0.18, 0.15 and 0.15; multi_aso of the same
#       two: 1 both ways, and of models 10 apart NaN both ways. The level is 0.95 + 0.05 / comparisons, which is 1 for one comparison
# What follows for a user: in a table of methods the asterisk is at another method; a comparison of two never finds a difference, and the more methods there are, the
# less is corrected.
# Here p-values are adjusted after Holm by code of our own, each of its method (vaecli/runs/statistics.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check deepsig==1.2.8 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1
"$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import numpy as np
from deepsig import aso, bonferroni_correction, multi_aso

warnings.simplefilter("ignore")
SETTINGS = {"num_bootstrap_iterations": 200, "show_progress": False, "seed": 1}
random = np.random.default_rng(0)
far, low = random.normal(10, 1, 10), random.normal(0, 1, 10)
better, worse = random.normal(10, 1, 20), random.normal(9.2, 1, 20)

corrected = bonferroni_correction([0.04, 0.001, 0.02]).tolist()
steps = bonferroni_correction([0.01, 0.02, 0.03, 0.04]).tolist()
alone, back = aso(better, worse, **SETTINGS), aso(worse, better, **SETTINGS)
of_many = [aso(better, worse, num_comparisons=number, **SETTINGS) for number in (2, 10, 45)]
two = multi_aso([better.tolist(), worse.tolist()], **SETTINGS)
apart = multi_aso([far.tolist(), low.tolist()], **SETTINGS)
uncorrected = multi_aso([better.tolist(), worse.tolist()], use_bonferroni=False, **SETTINGS)
print("version", version("deepsig"), "corrected", corrected, steps)
print("aso", alone, back, "of 2, 10 and 45 comparisons", of_many)
print("multi_aso", two.tolist(), "uncorrected", uncorrected.tolist(), "far apart", apart.tolist())
assert np.allclose(corrected, [0.04, 0.04, 0.003]), "corrected values keep their order from now"
assert steps[3] < steps[1] and steps[3] < steps[2], "they rise with the p-values from now"
assert alone < 0.3 and back > 0.9
assert alone < of_many[2] < of_many[1] < of_many[0], "more comparisons ask for more evidence from now"
assert two[0, 1] == two[1, 0] == 1, "two models can differ from now"
assert np.isclose(uncorrected[0, 1], alone) and np.isnan([apart[0, 1], apart[1, 0]]).all()
PY

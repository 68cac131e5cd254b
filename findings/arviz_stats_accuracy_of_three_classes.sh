#!/usr/bin/env bash
# arviz-stats 0.8.0: `metrics` and `loo_metrics` with kind="acc" and "acc_balanced" know the classes 0 and 1 alone: what is predicted is whether the mean of the draws'
# labels is above a half. A model that is always right about three classes has an accuracy of 0.67, about labels 1 and 2, or -1 and 1, of 0.5.
# Guess before: by the documentation, "for classification problems, accuracy and balanced accuracy are also supported"; 1 for a model whose draws are all the observed
# class; of draws half of class 0, four tenths of class 2 and the rest of class 1 either 1 or 0.5 where class 0 is observed.
# Seen: all draws right: labels 0, 1: 1 and 1 balanced; 1, 2: 0.5 and nan; -1, 1: 0.5 and nan; 0 to 2: 0.67 and 0.75; 0 to 4: 0.4 and 0.625; loo_metrics alike. Of the
#       draws above class 1 is predicted, the least likely: 0 where class 0 or 2 is observed, 1 where class 1 is; class 0 for all of 0 to 2: balanced 0.5 for 0.33
# What follows for a user: a probe of five star ratings has 0.4 at best, and balanced accuracies of it are about a half whatever it predicts; no error says so. Take the
# most frequent draw of each sentence, and compare it with the label.
# Here the accuracy of a probe is of the class with the largest logit (vaecli/metrics/extras/probe.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check arviz-stats==0.8.0 arviz-base==0.8.2 xarray==2026.9.0 xarray-einstats==0.9.1 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1
"$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import arviz_base
import arviz_stats
import numpy as np

warnings.simplefilter("ignore")
random = np.random.default_rng(0)
KINDS = ("acc", "acc_balanced")


def accuracies(draws, observed):
    """Plain and balanced, of `metrics` and of `loo_metrics`, of classes that each chain and draw predicts."""
    data = arviz_base.from_dict(
        {
            "posterior": {"bias": random.normal(size=draws.shape[:2])},
            "posterior_predictive": {"label": draws},
            "observed_data": {"label": observed},
            "log_likelihood": {"label": random.normal(0, 0.01, size=draws.shape)},
        }
    )
    return [round(float(function(data, kind=kind, round_to="none").mean), 3) for function in (arviz_stats.metrics, arviz_stats.loo_metrics) for kind in KINDS]


def repeated(labels):
    return np.tile(labels, (4, 250, 1))


right = {}
for labels in ((0, 1), (1, 2), (-1, 1), (0, 1, 2), (0, 1, 2, 3, 4)):
    observed = np.repeat(labels, 20)
    right[labels] = accuracies(repeated(observed), observed)
draws = random.choice(3, p=[0.5, 0.1, 0.4], size=(4, 250, 60))
by_observed = {label: accuracies(draws, np.full(60, label))[0] for label in range(3)}
always = accuracies(repeated(np.zeros(60, int)), np.repeat([0, 1, 2], 20))
print("version", version("arviz-stats"), "all draws right", right)
print("draws 0.5, 0.1, 0.4, by the class observed", by_observed, "class 0 always", always)
assert right[0, 1] == [1, 1, 1, 1]
assert right[1, 2][::2] == right[-1, 1][::2] == [0.5, 0.5], "labels are labels from now"
assert right[0, 1, 2] == [0.667, 0.75] * 2 and right[0, 1, 2, 3, 4] == [0.4, 0.625] * 2, "there are more classes than two from now"
assert by_observed == {0: 0, 1: 1, 2: 0}
assert always == [0.333, 0.5] * 2
PY

#!/usr/bin/env bash
# permetrics 2.1.0: `homogeneity_score` looks only at as many clusters as there are classes and takes the others for pure: 50 clusters that know nothing of two
# classes have 0.96. The V measure has it in it. `tau_score` of two equal partitions is 1.15.
# Guess before: scikit-learn's homogeneity, completeness and V within 1e-4; at most 1.
# Seen: 5,000 rows of two classes, clusters drawn without them: 2 clusters 0.0002, 5: 0.593 (scikit-learn 0.0008), 20: 0.899 (0.0037), 50: 0.959 (0.0045); V of
#       50 clusters 0.0016 for 0.0014; completeness and the mutual information are scikit-learn's; classes and clusters exchanged: right; tau of four equal
#       clusters of 15 rows: 1.145
# What follows for a user: codes of a codebook with more entries than there are labels look pure, the more so the more entries, whether they hold the label or
# not.
# Here a probe tells the label from the code, beside the share of the most frequent class (vaecli/metrics/extras/probe.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check permetrics==2.1.0 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
from permetrics import ClusteringMetric
from sklearn.metrics import completeness_score, homogeneity_score

random = np.random.default_rng(0)
classes = random.integers(0, 2, 5000)
seen = {}
for count in (2, 5, 20, 50):  # clusters that know nothing of the classes
    clusters = random.integers(0, count, 5000)
    both = ClusteringMetric(y_true=classes, y_pred=clusters), ClusteringMetric(y_true=clusters, y_pred=classes)
    theirs = both[0].homogeneity_score(), both[0].completeness_score(), both[0].v_measure_score()
    seen[count] = [round(float(value), 4) for value in (*theirs, homogeneity_score(classes, clusters), completeness_score(classes, clusters))]
    swapped = round(float(both[1].homogeneity_score()), 4), round(float(homogeneity_score(clusters, classes)), 4)
tau = ClusteringMetric(y_true=np.arange(60) % 4, y_pred=np.arange(60) % 4).tau_score()
print("version", version("permetrics"), "homogeneity, completeness and V by the number of clusters, then scikit-learn's two", seen)
print("50 classes and 2 clusters: homogeneity and scikit-learn's", swapped, "tau of equal partitions", tau)
assert seen[2][0] == seen[2][3] < 0.01
assert seen[50][0] > 0.9 and seen[50][3] < 0.02, "clusters that know nothing aren't pure from now"
assert tau > 1.1, "tau is at most 1 from now"
PY

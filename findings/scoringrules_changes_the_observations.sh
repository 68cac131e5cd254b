#!/usr/bin/env bash
# scoringrules 0.10.0: `crps_exponentialM` and `logs_exponential2` take the location off the caller's array of observations: the second model is scored on other figures.
# The log score of a normal cut to a tail is -inf, the best there is; weights of a mixture aren't divided by their sum, as those of an ensemble are; the CRPS of a
# binomial with probability 1 is three times too large.
# Guess before: each score equals minus the log density by scipy, or the integral of (F(x) - 1[x >= y])², and no call changes its arguments; that two do was told by
# the line in an error's traceback, which whole numbers raise.
# Seen: observations 1.5, 2.5, 3.5, location 1, scale 2: log scores 0.94, 1.44, 1.94, the same call again inf, 0.94, 1.44, the observations -0.5, 0.5, 1.5; normal cut
#       to x > 10 at 11: -inf for 8.19 (to x > 5 at 6: 3.85, right); mixture with weights 3 and 7: log score -0.53 for 1.78, CRPS -73.1 for 1.08; binomial of 10 with
#       probability 1, 9 seen: 3 for 1, with 0.999999 1
# What follows for a user: of two equal models the second has another score, and which one wins is by their order; what has -inf wins against all. Pass a copy of
# the observations, divide weights by their sum, and look for infinite scores before a mean.
# Here the importance-weighted NLL is a sum of logarithms, without a density in between (vaecli/metrics/columns/iw.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check scoringrules==0.10.0 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import numpy as np
import scoringrules
from scipy import stats

warnings.simplefilter("ignore")
LOCATION, SCALE = 1.0, 2.0


def observations():
    return np.array([1.5, 2.5, 3.5])


seen = observations()
scores = [np.round(scoringrules.logs_exponential2(seen, LOCATION, SCALE), 3).tolist() for _ in range(2)]
true = -stats.expon(LOCATION, SCALE).logpdf(observations())
also = observations()
by_crps = [np.round(scoringrules.crps_exponentialM(also, 0.2, LOCATION, SCALE), 3).tolist() for _ in range(2)]
print("version", version("scoringrules"), "log scores", scores, "true", true, "observations after one call each", seen + LOCATION, "CRPS", by_crps)
cut = {bound: float(scoringrules.logs_tnormal(bound + 1.0, 0.0, 1.0, lower=bound)) for bound in (5.0, 10.0)}
exact = {bound: float(-stats.truncnorm.logpdf(bound + 1, bound, np.inf)) for bound in cut}
parts = [-1.0, 2.0], [0.5, 1.0]
mixtures = {
    weights: (float(scoringrules.logs_mixnorm(3.0, *parts, np.array(weights))), float(scoringrules.crps_mixnorm(3.0, *parts, np.array(weights))))
    for weights in ((0.3, 0.7), (3.0, 7.0))
}
ensembles = [float(scoringrules.crps_ensemble(0.0, np.array([1.0, 2.0, 4.0]), ens_w=total * np.array([0.5, 0.25, 0.25]))) for total in (1, 4)]
binomial = {probability: float(scoringrules.crps_binomial(9, 10, probability)) for probability in (0.999999, 1.0)}
print("normal cut off", cut, "true", exact, "mixtures", mixtures, "ensemble of weights and of four times those", ensembles, "binomial", binomial)
assert np.allclose(scores[0], true, atol=1e-3)
assert scores[1][1:] == scores[0][:2] and scores[1][0] == np.inf, "the observations stay from now"
assert np.allclose(seen, observations() - 2 * LOCATION)
assert by_crps[0] != by_crps[1] and not np.allclose(also, observations())
assert abs(cut[5.0] - exact[5.0]) < 1e-6 and 8 < exact[10.0] < 8.5
assert cut[10.0] == -np.inf, "a tail has a density from now"
mean, product = -np.log(0.3 * stats.norm.pdf(3, -1, 0.5) + 0.7 * stats.norm.pdf(3, 2, 1)), mixtures[3.0, 7.0]
assert abs(mixtures[0.3, 0.7][0] - mean) < 1e-6 and abs(product[0] - mean + np.log(10)) < 1e-6 and product[1] < -50, "weights are shares from now"
assert abs(ensembles[0] - ensembles[1]) < 1e-9
assert abs(binomial[1.0] - 3) < 1e-9 and abs(binomial[0.999999] - 1) < 1e-3, "a certain outcome is right from now"
PY

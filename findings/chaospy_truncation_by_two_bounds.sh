#!/usr/bin/env bash
# chaospy 4.3.21: a distribution that `Trunc` cuts at both ends has a density that integrates to less than one, and samples of another one: N(0, 1) cut to [-0.1, 0.1]
# has 0.27, a quarter. The densities of the copulas `Gumbel` and `Joe` integrate to 197,568 and 34 over the unit square, and `E` of `GeneralizedGamma` isn't its mean.
# Guess before: a density integrates to 1, the mean and deviation of samples are scipy's `truncnorm` within 0.01, those of a copula of uniforms have the mean 1/2 and the variance 1/12.
# Seen: N(0, 1) cut to [0.5, 2]: integral 0.948, samples' mean 1.093 (true 1.043) and deviation 0.433 (0.388); to [-1, 1]: 0.964, 0.035 (0), 0.561 (0.540); to [-0.1, 0.1]: 0.273,
#       0.073 (0), 0.054 (0.058); one bound, and `TruncNormal`: right; `Gumbel` with theta 2: samples of the second uniform have a mean of 0.614, `Joe` a variance of
#       0.136 (0.083; one of the two prints "Too many iterations"); `GeneralizedGamma(2, 1)`: `E` 0.564, mean of its samples and density 2
# What follows for a user: the log density of a truncated prior is up to 1.3 nats a dimension too low, and a KL to it as much too high; a symmetric one draws codes that lie on one
# side; a likelihood by the two copulas is none. Take `TruncNormal`, and `Clayton` among the copulas.
# Here no prior is cut off, and priors integrate to one (vaecli/model/prior.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check chaospy==4.3.21 numpoly==1.3.9 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PY'
import math
from importlib.metadata import version

import chaospy
import numpy as np
from scipy import stats


def described(ours, low, high, cells=100_000):
    """The integral of the density by the midpoint rule, mean and deviation of samples, and the distribution function at the end."""
    points = low + (np.arange(cells) + 0.5) * (high - low) / cells
    draws = ours.sample(20_000, rule="sobol")
    return [round(float(one), 3) for one in (ours.pdf(points).mean() * (high - low), draws.mean(), draws.std(), ours.cdf(high))]


normal, one_bound = chaospy.Normal(0, 1), {}
cuts = {(0.5, 2.0): [], (-1.0, 1.0): [], (-0.1, 0.1): []}
for (low, high), seen in cuts.items():
    exact = stats.truncnorm(low, high)
    seen += [described(chaospy.Trunc(normal, lower=low, upper=high), low, high), [round(float(one), 3) for one in (exact.mean(), exact.std())]]
one_bound["lower"] = described(chaospy.Trunc(normal, lower=1), 1, 8), stats.truncnorm(1, math.inf).mean()
one_bound["upper"] = described(chaospy.Trunc(normal, upper=1), -8, 1), stats.truncnorm(-math.inf, 1).mean()
whole = described(chaospy.TruncNormal(0.5, 2.0, 0, 1), 0.5, 2.0)
edges = (np.arange(300) + 0.5) / 300
square = np.array(np.meshgrid(edges, edges)).reshape(2, -1)
copulas = {}
with np.errstate(divide="ignore"):
    for name in ("Clayton", "Gumbel", "Joe"):
        copula = getattr(chaospy, name)(chaospy.J(chaospy.Uniform(), chaospy.Uniform()), 2.0)
        draws = copula.sample(2_000, rule="sobol")
        copulas[name] = [round(float(one), 3) for one in (copula.pdf(square).mean(), *draws.mean(axis=1), *draws.var(axis=1))]
gamma = chaospy.GeneralizedGamma(2, 1)
means = float(chaospy.E(gamma)), float(gamma.sample(20_000, rule="sobol").mean())
print("version", version("chaospy"), "integral, mean, deviation and end, then the true mean and deviation", cuts)
print("one bound", one_bound, "TruncNormal", whole)
print("integral, means and variances of copulas", copulas, "generalised gamma: E and mean of samples", means)
assert cuts[0.5, 2.0][0][0] < 0.96 and cuts[-1.0, 1.0][0][0] < 0.98 and cuts[-0.1, 0.1][0][0] < 0.3, "it integrates to one from now"
assert cuts[0.5, 2.0][0][1] > 1.08 > 1.05 > cuts[0.5, 2.0][1][0], "samples are of the truncated distribution from now"
assert cuts[-1.0, 1.0][0][1] > 0.03
assert whole[0] == 1 and abs(whole[1] - cuts[0.5, 2.0][1][0]) < 0.01
assert all(seen[0] == 1 and abs(seen[1] - mean) < 0.01 for seen, mean in one_bound.values())
assert abs(copulas["Clayton"][0] - 1) < 0.01 and copulas["Gumbel"][0] > 1000 and copulas["Joe"][0] > 10, "densities integrate to one from now"
assert copulas["Gumbel"][2] > 0.58 and copulas["Joe"][4] > 0.12, "samples are uniform from now"
assert abs(means[0] - 0.564) < 0.01 and abs(means[1] - 2) < 0.01, "E is the mean from now"
PY

#!/usr/bin/env bash
# copulas 0.14.1: `probability_density` of `GaussianMultivariate`, "the probability density for each point", is the normal density of the points' normal
# scores: neither the marginal densities nor the change of variables are in it, and it doesn't integrate to one.
# Guess before: (by the documentation, though the source had been read) the density of the copula at the points times those of the marginals.
# Seen: log densities of 5,000 normal points, correlation 0.5, in the mean -2.69, by scipy -2.69; of the same times 100: -2.69, by scipy -11.90, and the
#       density integrates to 10,041 over the plane. Uniform points: -2.84 with normal marginals and with uniform ones, where the densities have -0.33
#       and 0.00
# What follows for a user: the likelihood of held-out codes under a copula that was fitted to an aggregated posterior hardly depends on the marginals, be they
# right or wrong, nor on the scale of the codes: it chooses no model, and a KL made of it is off by nats a dimension.
# Here nothing uses it: priors integrate to one (tests/model/test_mixture.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check copulas==0.14.1 numpy==2.4.6 scipy==1.17.1 pandas==2.3.3
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
import pandas as pd
from copulas.multivariate import GaussianMultivariate
from copulas.univariate import GaussianUnivariate, UniformUnivariate
from scipy import stats

random = np.random.default_rng(0)
normal = pd.DataFrame(random.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], size=5000), columns=["a", "b"])
uniform = pd.DataFrame(random.uniform(size=(5000, 2)), columns=["a", "b"])


def fitted(points, marginal):
    model = GaussianMultivariate(distribution=marginal)
    model.fit(points)
    return model


def log_density(points, marginal):
    return fitted(points, marginal).log_probability_density(points).mean()


def exact(points):
    return stats.multivariate_normal(points.mean(), points.cov()).logpdf(points).mean()


axis = np.linspace(-600, 600, 241)
grid = pd.DataFrame({"a": np.repeat(axis, len(axis)), "b": np.tile(axis, len(axis))})
mass = fitted(100 * normal, GaussianUnivariate).probability_density(grid).sum() * (axis[1] - axis[0]) ** 2
figures = [(log_density(scale * normal, GaussianUnivariate), exact(scale * normal)) for scale in (1, 100)]
marginals = [log_density(uniform, marginal) for marginal in (GaussianUnivariate, UniformUnivariate)]
print("version", version("copulas"), "normal", figures, "mass", mass, "uniform points", marginals, "exact with normal marginals", exact(uniform))
assert abs(figures[0][0] - figures[0][1]) < 0.02
assert abs(figures[1][0] - figures[0][0]) < 0.02 and figures[1][1] < -11, "the scale is in it from now"
assert mass > 9000, "the density integrates to one from now"
assert abs(marginals[0] - marginals[1]) < 0.1 and exact(uniform) < -0.3
PY

#!/usr/bin/env bash
# ConfigSpace 1.2.2: `pdf_values` isn't the density of what is sampled: that of a log scale is even over the plain values, those of normal and Beta parameters lack the
# width of the range, and those of whole numbers are zero at the ends. The `sigma` of a normal parameter on a log scale works by |log sigma|: 0.01 is nearly even.
# Guess before: as it says it gives "the probability density of an array of values": that of numbers integrates to one, that of whole numbers is their shares, with
# log=True too; a smaller `sigma` has values nearer to `mu`.
# Seen: whole numbers 1 to 1000 with log=True: 35 % of the draws are up to 10, by pdf_values 1 %. Beta(2, 2) of 1, 2, 3: drawn 0.26, 0.48, 0.26, told 0, 0.5625, 0.
#       Beta and normal floats from 0 to 10 integrate to 10, to 0.001 to 0.001, uniform ones to 1. Normal from 1e-4 to 1 about 0.01 with log=True: standard deviation of
#       the logarithm 2.50, 0.70, 0.0001 and 0.70 for sigma 0.01, 0.5, 1 and 2, where an even one has 2.68
# What follows for a user: a search weighted by a prior, as acquisition functions with one are, gets the weights of another; learning rates that were to lie close to one
# value are spread over all of the range.
# Here a search is Optuna's, whose parameters have ranges and no such priors (vaecli/engines/tuning.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check ConfigSpace==1.2.2 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
from ConfigSpace.hyperparameters import (
    BetaFloatHyperparameter,
    BetaIntegerHyperparameter,
    NormalFloatHyperparameter,
    UniformFloatHyperparameter,
    UniformIntegerHyperparameter,
)


def drawn(parameter, number=20_000):
    return np.asarray(parameter.sample_value(size=number, seed=np.random.RandomState(0)))


def integral(parameter, low, high):
    grid = np.linspace(low, high, 10_001)
    return float(np.trapezoid(parameter.pdf_values(grid), grid))


log = UniformIntegerHyperparameter("log", 1, 1000, log=True)
up_to_ten = float(np.mean(drawn(log) <= 10)), float(np.sum(log.pdf_values(np.arange(1, 11))))
plain = UniformIntegerHyperparameter("plain", 1, 3)
whole = BetaIntegerHyperparameter("whole", alpha=2, beta=2, lower=1, upper=3)
shares = [float(np.mean(drawn(whole) == value)) for value in (1, 2, 3)]
told = whole.pdf_values(np.array([1, 2, 3])).tolist()
integrals = {}
for high in (1, 10, 0.001):
    integrals[high] = [
        integral(UniformFloatHyperparameter("uniform", 0, high), 0, high),
        integral(NormalFloatHyperparameter("normal", high / 2, high / 4, lower=0, upper=high), 0, high),
        integral(BetaFloatHyperparameter("beta", alpha=2, beta=5, lower=0, upper=high), 0, high),
    ]
spreads = {}
for sigma in (0.01, 0.5, 1, 2):
    rate = NormalFloatHyperparameter("rate", mu=0.01, sigma=sigma, lower=1e-4, upper=1, log=True)
    spreads[sigma] = float(np.log(drawn(rate)).std())
even = float(np.log(drawn(UniformFloatHyperparameter("rate", 1e-4, 1, log=True))).std())
print("version", version("ConfigSpace"), "share up to 10 drawn and told", up_to_ten)
print("Beta(2, 2) of 1, 2, 3 drawn", shares, "told", told)
print("integrals of uniform, normal and Beta by the end of the range", integrals)
print("deviation of the logarithm by sigma", spreads, "even", even)
assert up_to_ten[0] > 0.3 and up_to_ten[1] < 0.02, "the density is that of the log scale from now"
assert np.allclose(plain.pdf_values(np.array([1, 2, 3])), 1 / 3)
assert min(shares) > 0.2 and told[0] == told[2] == 0 and abs(sum(told) - 1) > 0.3, "the ends have a probability from now"
assert np.allclose(integrals[1], 1, atol=1e-3)
assert all(np.allclose(integrals[high], [1, high, high], rtol=1e-3) for high in (10, 0.001)), "densities integrate to one from now"
assert spreads[0.01] > 0.9 * even and spreads[1] < 0.001 < spreads[0.5], "a smaller sigma is narrower from now"
PY

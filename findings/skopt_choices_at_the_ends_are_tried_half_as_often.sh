#!/usr/bin/env bash
# scikit-optimize 0.10.2: initial points of a Latin hypercube, Sobol or Halton sequence have the first and the last choice of a parameter half as often as those between,
# and whatever prior a choice was given; `gp_minimize` does so with whole numbers at random too.
# Guess before: by its documentation "all categories are equally likely" without a prior and "integers are sampled uniformly": of three each a third, and with a prior
# its shares.
# Seen: of 64 points choices a, b, c are tried 16, 32 and 16 times and 0, 1, 2 too, five choices 8, 16, 16, 16 and 8 times, by "lhs" and "sobol"; with prior 0.1, 0.2, 0.7
#       they are again 16, 32 and 16. `Integer(0, 2, transform="normalize")`, as gp_minimize makes of each whole number: 0.25, 0.50, 0.25; without it 0.33 each
# What follows for a user: of three methods the one in the middle of the list has half of the runs and the best of more tries, though no order was meant; two choices
# are even.
# Here a search is Optuna's, whose choices have no order and are drawn evenly at first (vaecli/engines/tuning.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check scikit-optimize==0.10.2 scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PY'
import warnings
from collections import Counter
from importlib.metadata import version

from skopt import gp_minimize
from skopt.sampler import Lhs, Sobol
from skopt.space import Categorical, Integer

warnings.simplefilter("ignore")


def counts(values):
    return [number for _, number in sorted(Counter(map(str, values)).items())]


def tried(generator, *dimensions):
    """How often each value of each parameter is among 64 initial points."""
    points = generator.generate(list(dimensions), 64, random_state=0)
    return [counts(values) for values in zip(*points)]


three, five = Categorical(list("abc")), Categorical(list("abcde"))
weighted = Categorical(list("abc"), prior=[0.1, 0.2, 0.7])
even = Categorical(list("ab"))
hypercube = tried(Lhs(), Integer(0, 2), three, five, weighted, even)
sobol = tried(Sobol(), Integer(0, 2), three, five, weighted, even)
plain = counts(Integer(0, 2).rvs(6000, random_state=0))
normalised = counts(Integer(0, 2, transform="normalize").rvs(6000, random_state=0))
search = gp_minimize(
    lambda point: 1.0, [(0, 2), list("abc")], n_initial_points=64, n_calls=64, initial_point_generator="lhs", random_state=0
)
at_random = gp_minimize(lambda point: 1.0, [(0, 2)], n_initial_points=200, n_calls=200, initial_point_generator="random", random_state=0)
by_search = [counts(values) for values in zip(*search.x_iters)]
by_chance = counts(values[0] for values in at_random.x_iters)
print("version", version("scikit-optimize"), "of 64 by lhs", hypercube, "by sobol", sobol)
print("of 6000", plain, "normalised", normalised, "gp_minimize with lhs", by_search, "of 200 at random", by_chance)
for points in (hypercube, sobol):
    assert points[0] == points[1] == [16, 32, 16], "three choices have a third each from now"
    assert points[2] == [8, 16, 16, 16, 8], "five choices have a fifth each from now"
    assert points[3] == [16, 32, 16], "a prior is kept from now"
    assert points[4] == [32, 32]
assert min(plain) > 1900 and 2900 < normalised[1] < 3100, "whole numbers are even from now"
assert by_search == [[16, 32, 16], [16, 32, 16]] and by_chance[1] > 80
assert weighted.rvs(1000, random_state=0).count("c") > 650
PY

#!/usr/bin/env bash
# awkward 2.14.0: `min` and `max` along an axis leave NaN out, with `axis=None` they don't; `argmin` and `argmax` leave it out too, but are the NaN itself where it is first. `sum` of
# float32 along an axis adds one figure after the other in float32: 16,777,216 for 20 million ones.
# Guess before: NaN throughout, and `argmin` at it, for each is "the same as NumPy's" where all lists have one length; 20,000,000, as NumPy has.
# Seen: [nan, 1, 2] has min 1 at argmin 0 and max 2 at argmax 0; [1, nan, 2] has min 1 at 0, max 2 at 2; two NaN are inf and -inf; a mean is nan; `axis=None` has nan. `np.min`
#       of such an array is 1 too. Of 500,000 float32 NLLs about 100 the sum is 629 nats too low, where NumPy's is 3 too high; `mean` is right, so that it isn't `sum` by `num`
# What follows for a user: the least validation loss of a run that diverged is finite, and its best epoch the one with NaN where that was the first; runs of which all
# figures are NaN are told by inf. Token NLLs summed by document are off by more the longer it is. Use `nanargmin`, and float64 before a sum.
# Here a loss that isn't finite ends the run, and the best validation is looked up where it is reached (vaecli/training/loop.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check awkward==2.14.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import math
from importlib.metadata import version

import awkward as ak
import numpy as np


def extremes(values):
    """Least, its place, largest and its place along the axis of one run's losses."""
    runs = ak.Array([values])
    return tuple(what(runs, axis=1).tolist()[0] for what in (ak.min, ak.argmin, ak.max, ak.argmax))


nan = math.nan
first, middle, last, only = (extremes(values) for values in ([nan, 1.0, 2.0], [1.0, nan, 2.0], [1.0, 2.0, nan], [nan, nan]))
flat = ak.min(ak.Array([[1.0, nan, 2.0]]), axis=None), ak.mean(ak.Array([[1.0, nan, 2.0]]), axis=1).tolist()[0]
without = ak.nanargmin(ak.Array([[nan, 1.0, 2.0]]), axis=1).tolist()
numpy_own = float(np.min(np.array([[nan, 1.0, 2.0]]), axis=1)[0]), int(np.argmin(np.array([[nan, 1.0, 2.0]]), axis=1)[0])
of_awkward = np.min(ak.Array([[1.0, nan, 2.0]]), axis=1).tolist()

ones = np.ones(20_000_000, dtype=np.float32)
lists = ak.unflatten(ones, [len(ones)])
nll = np.random.default_rng(0).gamma(50, 2, 500_000).astype(np.float32)
document = ak.unflatten(nll, [len(nll)])
true = float(nll.astype(float).sum())
off = ak.sum(document, axis=1).tolist()[0] - true, float(nll.sum()) - true
mean = ak.mean(document, axis=1).tolist()[0]
print("version", version("awkward"), "nan first", first, "in the middle", middle, "last", last, "only", only)
print("flat", flat, "nanargmin", without, "numpy", numpy_own, "np.min of awkward's", of_awkward)
print("20 million ones", ak.sum(lists, axis=1).tolist(), ones.sum(), "sums off by", off, "mean", mean, true / len(nll))
assert first == (1.0, 0, 2.0, 0), "argmin is that of the least, or all are NaN, from now"
assert middle == (1.0, 0, 2.0, 2) and last == (1.0, 0, 2.0, 1), "a NaN is kept from now"
assert only == (math.inf, 0, -math.inf, 0)
assert math.isnan(flat[0]) and math.isnan(flat[1]) and math.isnan(numpy_own[0]) and numpy_own[1] == 0
assert without == [1] and of_awkward == [1.0]
assert ak.sum(lists, axis=1).tolist() == [2.0**24] and ones.sum() == 2e7, "sums are as NumPy's from now"
assert abs(off[0]) > 100 > 10 > abs(off[1])
assert abs(mean - true / len(nll)) < 1e-6
PY

#!/usr/bin/env bash
# sigfig 1.4.0: a mean whose deviation is zero is rounded to a whole number: `round(0.4, uncertainty=0)` is "0 ± 0", of 101.7 "102 ± 0".
# Guess before: the mean as it is, 0.4 ± 0: a deviation of zero gives no digit to round at.
# Seen: 101.7 -> "102 ± 0", 0.4 -> "0 ± 0", 1e-05 -> "0 ± 0", with `sep=tuple` (102.0, 0.0); a deviation of 1e-9 -> "0.400000000 ± 0.000000001"
# What follows for a user: in a table by it, runs that agree, as those of one seed or of a method that decides nothing, have a KL of 0 where it is 0.4, and look
# collapsed; the less they differ the more digits the others have. Where the deviation is zero, give `sigfigs` or `decimals` in its place.
# Here a column has the decimals of its intervals above zero, or of its figures where none is (vaecli/reporting/view.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check sigfig==1.4.0
"$folder/venv/bin/python" - <<'PY'
import statistics
import warnings
from importlib.metadata import version

import sigfig

with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    rounded = {mean: sigfig.round(mean, uncertainty=0) for mean in (101.7, 0.4, 1e-5)}
    pair = sigfig.round(101.7, uncertainty=0.0, sep=tuple)
    agreeing = sigfig.round(0.4, uncertainty=statistics.stdev([0.4, 0.4, 0.4]))
    nearly, usual = sigfig.round(0.4, uncertainty=1e-9), sigfig.round(101.7, uncertainty=1.3)
print("version", version("sigfig"), rounded, pair, "three equal runs", agreeing, "nearly equal", nearly, "usual", usual)
print("warned of", {str(one.message) for one in seen})
assert rounded == {101.7: "102 ± 0", 0.4: "0 ± 0", 1e-5: "0 ± 0"}, "a mean without a deviation is kept from now"
assert pair == (102.0, 0.0)
assert agreeing == "0 ± 0"
assert nearly == "0.400000000 ± 0.000000001" and usual == "102 ± 1"
assert not seen, "it says so from now"
PY

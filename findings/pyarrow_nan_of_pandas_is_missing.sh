#!/usr/bin/env bash
# pyarrow 26.0.1 with pandas 3.1.1: `pyarrow.table` makes NaN a missing value where the column is a pandas Series, and a number where it
# is a list or a numpy array; a mean then leaves it out or is NaN, and the Parquet files differ.
# Guess before: NaN is a number in a column of floats, whatever it is made of.
# Seen: missing of [1, nan]: list 0, numpy 0, pandas 1; mean: nan, nan, 1.0
# What follows for a user: a figure that diverged (NaN) lowers no mean once the table has been through pandas, and can't be told from one
# that wasn't measured.
# Here an undefined figure is NaN in every table, and what diverged is said by `status` (vaecli/runs/tables.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import math

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute

print("versions", pa.__version__, pd.__version__)
values = [1.0, math.nan]
columns = {"list": values, "numpy": np.array(values), "pandas": pd.Series(values)}
missing, means = {}, {}
for name, column in columns.items():
    made = pa.table({"kl": column})["kl"]
    missing[name], means[name] = made.null_count, compute.mean(made).as_py()
print("missing", missing, "mean", means)
assert missing == {"list": 0, "numpy": 0, "pandas": 1}, "NaN is alike in all from now"
assert math.isnan(means["list"])
assert means["pandas"] == 1.0
PY

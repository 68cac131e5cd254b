#!/usr/bin/env bash
# fastparquet 2026.9.0: `write(..., append=True)` gives new rows the old ones' types, without a word: 2.7 is 2, 300 is 44.
# Guess before: a refusal, or numbers that are kept.
# Seen: appended to a column of integers, 2.7 is 2 and -0.7 is 0; of int8, 300 is 44; of int32, 2^40 is 0
# What follows for a user: a table of runs that begins with whole figures, as a KL of 0 without decimals, loses the decimals of all later ones.
# Here Parquet is only read, whole and by pyarrow (vaecli/corpus/arrow_rows.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check fastparquet==2026.9.0 numpy==2.4.6 pandas==3.1.1
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
import pandas as pd
from fastparquet import ParquetFile, write


def appended(kind, values):
    write("rows.parquet", pd.DataFrame({"kl": np.array([1, 2], kind)}))
    write("rows.parquet", pd.DataFrame({"kl": values}), append=True)
    return ParquetFile("rows.parquet").to_pandas().kl.tolist()[2:]


numbers = {kind: appended(kind, values) for kind, values in {"int64": [2.7, -0.7], "int8": [300, 3], "int32": [2**40, 3]}.items()}
print("version", version("fastparquet"), "appended", numbers)
assert numbers == {"int64": [2, 0], "int8": [44, 3], "int32": [0, 3]}, "an append keeps numbers from now"
PY

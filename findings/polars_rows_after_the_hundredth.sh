#!/usr/bin/env bash
# polars 2.1.0: a `DataFrame` of dictionaries has the columns and types of the first 100: after 100 whole numbers 0.7 becomes 0, and a key that comes later is
# left out, without a word, though `strict` is true. A dictionary of lists refuses the same numbers.
# Guess before: 0.7 is kept, or refused as it is in a list; the late key is left out.
# Seen: kl 0 in 100 rows, then {"kl": 0.7, "status": "diverged"}: the last row is kl 0 and there is no `status`; after 100 True 0.7 and 3 are false. NaN, 1e30
#       or a word there is refused. `read_ndjson` refuses 0.7, and leaves the late key out too. With infer_schema_length=None all is as given
# What follows for a user: a log of a run as dictionaries has kl 0, or a weight of 0, for as long as the posterior is collapsed or warm-up lasts, and so stays
# 0 for ever after; the column that says why a run ended isn't there. Pass infer_schema_length=None, or a schema.
# Here tables are pandas', and what a column holds is told by all of its rows (vaecli/reporting/table_file.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check polars==2.1.0
"$folder/venv/bin/python" - <<'PY'
import io
import json

import polars as pl

rows = [{"step": step, "kl": 0} for step in range(100)] + [{"step": 100, "kl": 0.7, "status": "diverged"}]
short, table, whole = pl.DataFrame(rows[1:]), pl.DataFrame(rows), pl.DataFrame(rows, infer_schema_length=None)
booleans = pl.DataFrame([{"kl": True}] * 100 + [{"kl": 0.7}, {"kl": 3}])


def refused(make):
    try:
        make()
    except (TypeError, pl.exceptions.PolarsError) as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return None


lists = refused(lambda: pl.DataFrame({"kl": [row["kl"] for row in rows]}))
nan = refused(lambda: pl.DataFrame([{"kl": 0}] * 100 + [{"kl": float("nan")}]))
lines = [io.BytesIO("".join(json.dumps({key: row[key] for key in row if key != left}) + "\n" for row in rows).encode()) for left in ("status", "kl")]
read = refused(lambda: pl.read_ndjson(lines[0]))
late = pl.read_ndjson(lines[1]).columns
print("version", pl.__version__, "last row of 101", table.row(-1, named=True), "of 100", short.row(-1, named=True), "whole", whole.row(-1, named=True))
print("after 100 True", booleans["kl"].tail(2).to_list(), "in a list:", lists, "NaN:", nan, "read_ndjson:", read, "columns", late)
assert table.row(-1, named=True) == {"step": 100, "kl": 0}, "figures and keys after the hundredth row are kept from now"
assert short.row(-1, named=True) == whole.row(-1, named=True) == rows[-1]
assert booleans["kl"].tail(2).to_list() == [False, False]
assert lists and nan and read
assert late == ["step"]
PY

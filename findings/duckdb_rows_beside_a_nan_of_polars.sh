#!/usr/bin/env bash
# duckdb 2.0.1: of a Parquet file that polars 1.44.2 has written, a filter by a column with one NaN leaves out all rows of its row group, whatever their figures: by default of the whole
# table. Of a file by pyarrow it leaves out the NaN alone, which DuckDB has above all figures.
# Guess before: a filter gives what it gives of the same table in memory: kl < 0.25 the finite ones below, kl > 1 the NaN too; whoever wrote the file.
# Seen: KLs 0.1, 0.2, nan, 0.3, 5, 6, 7, 8: kl < 0.25, kl >= 0.3, kl <> 0.1 and kl > 100 have no row, the average where kl < 1 is NULL for 0.2; with row groups of four the
#       rows 5 to 8 are there. Without a filter, with isfinite(kl), of a table made from the file, and with `statistics=False`, all are right; polars itself too. By pyarrow:
#       kl > 100 has no row for one, kl < 0.25 is right
# What follows for a user: one run that diverged takes all the others out of "SELECT ... WHERE kl < 1", without an error, so that a share of collapsed runs is 0 and the best
# run one of another row group. Write with `statistics=False` or `use_pyarrow=True`, or NaN as null.
# Here Parquet is only read, whole and by pyarrow (vaecli/corpus/arrow_rows.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check duckdb==2.0.1 polars==1.44.2 pyarrow==26.0.1
FOLDER="$folder" "$folder/venv/bin/python" - <<'PY'
import math
import os

import duckdb
import polars

FILTERS = ("kl < 0.25", "kl >= 0.3", "kl <> 0.1", "kl > 100")
path = os.path.join(os.environ["FOLDER"], "runs.parquet")
runs = polars.DataFrame({"run": range(8), "kl": [0.1, 0.2, math.nan, 0.3, 5.0, 6.0, 7.0, 8.0]})


def asked(query):
    return [row[0] for row in duckdb.sql(query).fetchall()]


def filtered(source):
    return [sorted(asked(f"select run from {source} where {condition}")) for condition in FILTERS]


def written(**options):
    """What the filters give of the file as polars writes it with these options."""
    runs.write_parquet(path, **options)
    return filtered(f"'{path}'")


groups, without, by_pyarrow = written(row_group_size=4), written(statistics=False), written(use_pyarrow=True, row_group_size=4)
default = written()
(average,) = asked(f"select avg(kl) from '{path}' where kl < 1")
finite, every = asked(f"select run from '{path}' where isfinite(kl)"), asked(f"select run from '{path}'")
lazy = polars.scan_parquet(path).filter(polars.col("kl") < 0.25).collect()["run"].to_list()
duckdb.sql(f"create table copied as select * from '{path}'")
copied = filtered("copied")
print("versions", duckdb.__version__, polars.__version__, "of a table", copied, "of the file", default, "average", average)
print("groups of four", groups, "without statistics", without, "by pyarrow", by_pyarrow, "finite", finite, "polars", lazy)
right = [[0, 1], [2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6, 7], [2]]
assert copied == without == right
assert lazy == [0, 1] and every == list(range(8)) and len(finite) == 7
assert default == [[], [], [], []] and average is None, "rows beside a NaN are there from now"
assert groups == [[], [4, 5, 6, 7], [4, 5, 6, 7], []], "rows beside a NaN are there from now"
assert by_pyarrow == right[:3] + [[]], "the NaN of a file by pyarrow is there from now"
PY

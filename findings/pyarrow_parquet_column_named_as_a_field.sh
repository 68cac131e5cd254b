#!/usr/bin/env bash
# pyarrow 26.0.1: `ParquetFile.iter_batches(columns=["meta.text"])` on a file that holds a column of that very name and a struct
# `meta` with a field `text` gives both columns; so does a list `meta` beside a column `meta.list.element`. `read_table` with
# the same names gives one.
# Guess before: the column of that name alone.
# Seen: iter_batches ['meta', 'meta.text'], read_table ['meta.text']
# What follows for a user: a reader that pairs names with columns by their order takes one for the other, or stops.
# Here it stopped with a traceback; columns are now chosen by their type again (vaecli/corpus/arrow_rows.py;
# tests/corpus/test_kinds.py::test_a_parquet_column_named_as_a_field_of_another).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PY'
import io

import pyarrow as pa
from pyarrow import parquet

print("version", pa.__version__)
for nested, name in (({"text": "inside"}, "meta.text"), (["inside"], "meta.list.element")):
    file = io.BytesIO()
    parquet.write_table(pa.table({"meta": [nested], name: ["a sentence"]}), file)
    data = pa.BufferReader(file.getvalue())
    batch = next(parquet.ParquetFile(data).iter_batches(columns=[name]))
    table = parquet.read_table(data, columns=[name])
    print("iter_batches", batch.schema.names, "read_table", table.column_names)
    assert batch.schema.names == ["meta", name], "one column is handed out from now"
    assert table.column_names == [name]
PY

#!/usr/bin/env bash
# pyarrow 26.0.1: the sentence "null" in a CSV file is a word where another row of its column is no such word, and missing where all
# are; strings of JSON that look like a date become timestamps, unless one row of the column doesn't.
# Guess before: a value of CSV that isn't quoted is read alike in every file; strings of JSON stay strings.
# Seen: CSV ['null', 'NA'] -> [None, None]; ['null', 'film'] -> ['null', 'film']
#       JSON '2020-01-01' -> timestamp[s] alone, string beside 'the film'
# What follows for a user: classes or sentences of one file may change their type when it is cut in two, and so may those of `datasets`,
# which reads JSON with this reader.
# Here CSV and JSON are read without pyarrow, as text (vaecli/corpus/table_files.py, records.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PY'
import pyarrow as pa
from pyarrow import csv, json


def of_csv(*words):
    return csv.read_csv(pa.BufferReader("\n".join(["text,n", *(f"{w},1" for w in words)]).encode()))["text"].to_pylist()


def of_json(*texts):
    lines = "".join(f'{{"text": "{text}"}}\n' for text in texts)
    return str(json.read_json(pa.BufferReader(lines.encode())).schema.field("text").type)


print("version", pa.__version__)
print("CSV", of_csv("null", "NA"), of_csv("null", "film"))
print("JSON", of_json("2020-01-01"), of_json("2020-01-01", "the film"))
assert of_csv("null", "NA") == [None, None], "words of a column of such words are kept from now"
assert of_csv("null", "film") == ["null", "film"]
assert of_json("2020-01-01") == "timestamp[s]", "strings of JSON stay strings from now"
assert of_json("2020-01-01", "the film") == "string"
PY

#!/usr/bin/env bash
# pytablewriter 1.2.1: minus infinity is written as "Infinity", in each format: Markdown, CSV, JSON, YAML, TOML and the source of a data frame. Text that looks like a
# number is one: the name "007" is 7, "1e5" 100000, "nan" NaN.
# Guess before: -inf is "-Infinity"; a column of text stays text.
# Seen: of a row -inf, inf, -1.5 Markdown, CSV and JSON have Infinity, Infinity, -1.5, YAML .inf, .inf, TOML inf, inf, the data frame np.inf, np.inf; names 007, 1e5,
#       1,000 of a column are 7, 100000, 1000. SimpleSQLite 1.5.4, of the same types, stores minus infinity as infinity too
# What follows for a user: a log likelihood of minus infinity, the worst there is, is the best of its column, and read back from the file it wins every comparison.
# Where signs matter, give the text "-inf", or `type_hints=[String]` for a column of names.
# Here tables are written by this program, infinite figures with their sign (vaecli/reporting/view.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pytablewriter==1.2.1 DataProperty==1.1.1 typepy==1.3.5 tabledata==1.3.5 PyYAML==6.0.4 toml==0.10.2
"$folder/venv/bin/python" - <<'PY'
import csv
import json
import math
from importlib.metadata import version

import pytablewriter as tables
import yaml


def written(name, rows, headers=("method", "worst", "best", "usual")):
    return getattr(tables, name)(table_name="runs", headers=list(headers), value_matrix=rows).dumps()


rows = [["bn", -math.inf, math.inf, -1.5]]
names = ("MarkdownTableWriter", "CsvTableWriter", "JsonTableWriter", "YamlTableWriter", "TomlTableWriter", "PandasDataFrameWriter")
texts = {name: written(name, rows) for name in names}
(comma,) = csv.DictReader(texts["CsvTableWriter"].splitlines())
((record,),) = json.loads(texts["JsonTableWriter"]).values()
((back,),) = yaml.safe_load(texts["YamlTableWriter"]).values()
words = [row[0] for row in csv.reader(written("CsvTableWriter", [["007"], ["1e5"], ["1,000"], ["abc"]], ["name"]).splitlines()[1:])]
print("version", version("pytablewriter"), comma, record, back, words)
for text in texts.values():
    print(text)
assert (comma["worst"], comma["best"], comma["usual"]) == ("Infinity", "Infinity", "-1.5"), "the sign is kept from now"
assert record["worst"] == record["best"] == "Infinity"
assert back["worst"] == back["best"] == math.inf
assert all("-inf" not in text.lower() and "-np.inf" not in text for text in texts.values()), "the sign is kept from now"
assert words == ["7", "100000", "1000", "abc"], "text stays text from now"
PY

#!/usr/bin/env bash
# clevercsv 0.8.5: `read_table` of one column of sentences splits them at the commas inside their quotes, and leaves the quotes in the text; where no sentence has a comma it
# splits them at the spaces. With a label beside the text the same sentences are read as they were written.
# Guess before: rows as csv.writer wrote them, with commas or tabs, come back: what is in quotes is one cell.
# Seen: "the food was good, but the service was slow" of eight reviews, or of 1,600, is two cells, '"the food was good' and ' but the service was slow"'; without commas nine
#       cells, a word each; label and text, by commas and by tabs, come back
# What follows for a user: a corpus loses all after the first comma, or is its first words, and nothing is told but by rows of unequal lengths. Give the dialect:
# `read_table(path, dialect="excel")`.
# Here a .csv is separated by comma, semicolon or tab, by its rows with what is in quotes as one value, and is one column where none has a second (vaecli/corpus/table_files.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check clevercsv==0.8.5 chardet==7.7.0 packaging==26.4 regex==2026.11.19
"$folder/venv/bin/python" - <<'PY'
import csv
import tempfile
from importlib.metadata import version
from pathlib import Path

import clevercsv

sentences = [
    "the food was good, but the service was slow",
    "we came on a sunday, waited an hour, and left",
    "great place, friendly staff, fair prices",
    "my order, as usual, was wrong",
    "clean rooms, quiet street, and a good breakfast",
    "nice, warm, and fresh bread",
    "the pizza, to be honest, was cold",
    "good coffee, bad music",
]
plain = [sentence.replace(",", "") for sentence in sentences]
labelled = [["label", "text"], *([str(index % 2), sentence] for index, sentence in enumerate(sentences))]
files = {
    "label and text by tabs": (labelled, "excel-tab"),
    "label and text by commas": (labelled, "excel"),
    "text alone": ([["text"], *([sentence] for sentence in sentences)], "excel"),
    "1,600 of them": ([["text"], *([sentence] for sentence in 200 * sentences)], "excel"),
    "text alone without commas": ([["text"], *([sentence] for sentence in plain)], "excel"),
}
seen = {}
with tempfile.TemporaryDirectory() as folder:
    for name, (rows, dialect) in files.items():
        path = Path(folder) / "corpus"
        with open(path, "w", newline="") as file:
            csv.writer(file, dialect=dialect).writerows(rows)
        read = clevercsv.read_table(path)
        told = clevercsv.read_table(path, dialect=dialect)
        assert told == rows
        seen[name] = read == rows, read[:3]
print("version", version("clevercsv"))
for name, (same, rows) in seen.items():
    print(name, "as written" if same else rows)
assert all(seen[name][0] for name in files if "label" in name)
for name in ("text alone", "1,600 of them"):
    assert seen[name][1][1] == ['"the food was good', ' but the service was slow"'], "what is in quotes is one cell from now"
assert seen["text alone without commas"][1][1] == plain[0].split(), "spaces aren't delimiters from now"
PY

#!/usr/bin/env bash
# polars 1.44.2 (fastexcel 0.21.0, XlsxWriter 3.3.1): of a workbook that `write_excel` has written, `read_excel` leaves out each row whose figures are all NaN or infinite. After the
# hundredth row a word among figures is missing, and takes its row with it where nothing else is in it; 0.5 among booleans is true.
# Guess before: as many rows as were written, with NaN or null; "empty rows" are those that are empty in the sheet; a word among figures is an error or makes the column text.
# Seen: (2, 90), (nan, nan), (3, 80) are two rows, with inf and -inf too, where the sheet has #NUM! and #DIV/0!; `drop_empty_rows=False` keeps a row of nulls. 0.5 in 101 cells, "diverged",
#       0.25: 102 rows for 103, with a column beside it a null; 100 times true and 0.5: true; with 99, or `infer_schema_length=None`, the word and 0.5 are kept
# What follows for a user: steps of a diverged run are gone, the later ones have earlier numbers, and another table's rows no longer lie beside these; means are of the runs that did
# not diverge. Read with `drop_empty_rows=False, infer_schema_length=None`.
# Here no workbook is read or written; an evaluation whose figures are not finite is a row with its epoch (vaecli/runs/history.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check polars==1.44.2 fastexcel==0.21.0 XlsxWriter==3.3.1
FOLDER="$folder" "$folder/venv/bin/python" - <<'PY'
import math
import os
from importlib.metadata import version

import polars
import xlsxwriter

path = os.path.join(os.environ["FOLDER"], "runs.xlsx")


def again(table, **options):
    """The rows of a table that polars has written and reads."""
    table.write_excel(path)
    return polars.read_excel(path, **options).rows()


def columns(*values, **options):
    """What polars reads of columns that are written cell by cell."""
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    for at, column in enumerate(values):
        sheet.write_column(0, at, [f"c{at}", *column])
    book.close()
    return polars.read_excel(path, **options)


seen = {}
for figure in (math.nan, math.inf, -math.inf):
    table = polars.DataFrame({"kl": [2.0, figure, 3.0], "nll": [90.0, figure, 80.0]})
    seen[figure] = again(table), again(table, drop_empty_rows=False)
one = again(polars.DataFrame({"kl": [2.0, math.nan, 3.0], "nll": [90.0, 85.0, 80.0]}))
words = [0.5] * 101 + ["diverged", 0.25]
alone, beside = columns(words), columns(words, range(103))
flags = {count: columns([True] * count + [0.5])["c0"][-1] for count in (99, 100)}
whole = columns(words, range(103), infer_schema_length=None)["c0"][101], columns([True] * 100 + [0.5], infer_schema_length=None)["c0"][-1]
print("versions", version("polars"), version("fastexcel"), version("XlsxWriter"), "rows of undefined figures, dropped and kept", seen, "one of two", one)
print("a word after 101 figures:", alone.height, "rows, alone; beside numbers", beside.rows()[-2:], "0.5 after booleans", flags, "all rows scanned", whole)
for dropped, kept in seen.values():
    assert dropped == [(2, 90), (3, 80)], "rows of undefined figures are kept from now"
    assert kept == [(2, 90), (None, None), (3, 80)]
assert one == [(2, 90), (None, 85), (3, 80)]
assert alone.height == 102 and alone["c0"].to_list() == [0.5] * 101 + [0.25], "a row with a word is kept from now"
assert beside.rows()[-2:] == [(None, 101), (0.25, 102)]
assert flags == {99: 0.5, 100: True}, "a figure among booleans is kept from now"
assert whole == ("diverged", 0.5)
PY

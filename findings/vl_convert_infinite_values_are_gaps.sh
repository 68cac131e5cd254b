#!/usr/bin/env bash
# vl-convert-python 1.9.0.post1: a specification as a dict whose data hold NaN or infinity is drawn with a gap there, as if the value were
# missing, without a word; the same specification as JSON text, as `json.dumps` writes it, is refused.
# Guess before: refused in both, for JSON has neither.
# Seen: as a dict: NaN, inf and None give the same drawing, 3.0 another; as text: ValueError
# What follows for a user: a perplexity that overflowed looks like one that wasn't measured.
# Here only its JavaScript is used, and a page's JSON has no such number (vaecli/reporting/page/library.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check vl-convert-python==1.9.0.post1
"$folder/venv/bin/python" - <<'PY'
import json
import math

import vl_convert


def chart(value):
    return {
        "data": {"values": [{"x": 1, "y": 2}, {"x": 2, "y": value}, {"x": 3, "y": 4}]},
        "mark": "line",
        "encoding": {name: {"field": name, "type": "quantitative"} for name in "xy"},
    }


drawn = {value: vl_convert.vegalite_to_svg(chart(value)) for value in (None, math.inf, math.nan, 3.0)}
missing, infinite, undefined, plain = drawn.values()
print("version", vl_convert.__version__, "inf as None:", infinite == missing, "NaN as None:", undefined == missing)
assert infinite == undefined == missing, "they are refused or drawn from now"
assert plain != missing
try:
    vl_convert.vegalite_to_svg(json.dumps(chart(math.inf)))
except ValueError as error:
    print("as text:", type(error).__name__)
else:
    raise AssertionError("text is taken from now")
PY

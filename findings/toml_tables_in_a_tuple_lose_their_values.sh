#!/usr/bin/env bash
# toml 0.10.2: tables in a tuple, or in a list within a list, are written as their names without the values, and None in a list as the word "None".
# Guess before: what TOML can hold is written, and is read as it was; what it can't hold is an error.
# Seen: stages ({"lr": 0.1}, {"lr": 0.01}) become [["lr"], ["lr"]] and a grid [[{"lr": 0.1}, {"lr": 0.01}], [{"lr": 1.0}]] [[["lr"], ["lr"]], [["lr"]]], read by toml and by
#       tomllib alike; as a list the same stages are kept. [None, "cyclical"] becomes ["None", "cyclical"], a key with None is left out. tomli-w writes both and refuses None
# What follows for a user: the settings kept beside a run have the name of each learning rate and none of their values, which is seen when the run is to be repeated; a
# dataclass with a tuple has this, one with a list doesn't.
# Here settings are written with tomli-w (vaecli/settings/run_file.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check toml==0.10.2 tomli-w==1.2.0
"$folder/venv/bin/python" - <<'PY'
import tomllib
from importlib.metadata import version

import toml
import tomli_w

stages = ({"lr": 0.1}, {"lr": 0.01})
grid = [[{"lr": 0.1}, {"lr": 0.01}], [{"lr": 1.0}]]


def read(settings, write=toml.dumps):
    text = write({"settings": settings})
    by_toml, by_tomllib = toml.loads(text), tomllib.loads(text)
    assert write is tomli_w.dumps or by_toml == by_tomllib
    return by_tomllib["settings"]


words = read([None, "cyclical"])
missing = tomllib.loads(toml.dumps({"free_bits": None, "lr": 0.1}))
try:
    tomli_w.dumps({"settings": [None, "cyclical"]})
    refused = False
except TypeError:
    refused = True
print("version", version("toml"), "tuple", read(stages), "list", read(list(stages)), "grid", read(grid), "None", words, missing, refused)
print("tomli-w", version("tomli-w"), read(stages, tomli_w.dumps), read(grid, tomli_w.dumps))
assert read(list(stages)) == list(stages)
assert read(stages) == [["lr"], ["lr"]], "tables of a tuple are kept from now"
assert read(grid) == [[["lr"], ["lr"]], [["lr"]]], "tables of nested lists are kept from now"
assert words == ["None", "cyclical"] and missing == {"lr": 0.1} and refused
assert read(stages, tomli_w.dumps) == list(stages) and read(grid, tomli_w.dumps) == grid
PY

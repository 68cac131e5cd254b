#!/usr/bin/env bash
# pydantic 2.14.3: a field of type `Literal[1, 2]` takes `True` and `1.0` and stores 1; `Literal[0, 1]` takes False. `Literal["1"]`
# doesn't take 1. And a field of type float takes the string "1_000" as 1000.0, int takes "1_0.0" as 10.
# Guess before: a Literal takes what is spelt there, of the same type, as type checkers do; only int takes underscores.
# Seen: Literal[1, 2] <- True: 1 (int), 1.0: 1 (int); in strict mode the same; float <- '1_000': 1000.0; int <- '1_0.0': 10
# What follows for a user: `layers = true` in a settings file is one layer.
# Here settings that are chosen from a list are strings (vaecli/config.py, the remedies), so none is taken so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pydantic==2.14.3
"$folder/venv/bin/python" - <<'PY'
from typing import Literal

import pydantic
from pydantic import TypeAdapter, ValidationError

numbers = TypeAdapter(Literal[1, 2])
print("version", pydantic.__version__)
for value in (True, 1.0):
    for strict in (False, True):
        got = numbers.validate_python(value, strict=strict)
        print("Literal[1, 2] <-", value, "strict" if strict else "", got, type(got).__name__)
        assert got == 1
        assert type(got) is int, "the value is stored as it was"
try:
    TypeAdapter(Literal["1"]).validate_python(1)
except ValidationError:
    print('Literal["1"] <- 1: refused')
else:
    raise AssertionError("a number is taken for its spelling from now")
thousand, ten = TypeAdapter(float).validate_python("1_000"), TypeAdapter(int).validate_python("1_0.0")
print("float <- '1_000':", thousand, "int <- '1_0.0':", ten)
assert (thousand, ten) == (1000.0, 10), "underscores are refused from now"
PY

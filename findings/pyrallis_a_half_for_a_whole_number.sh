#!/usr/bin/env bash
# pyrallis 0.3.1: settings cut figures to whole numbers without a word. 0.5 for a field `int` is 0; a field `Union[int, float]` that is saved as 0.5 is loaded as 0,
# for `int` is asked first and `int(0.5)` is no error. The text "false" for a `bool` is True.
# Guess before: 0.5 for `int` is refused; `Union[int, float]` comes back as it was saved; "false" is False. draccus, which is made of it, and tyro do that.
# Seen: int 0.5 -> 0, List[int] [0.5, 1.9] -> [0, 1], Union[int, float] 0.5 -> 0 from a file and from the command line, 1e-05 -> 0 by `dump` and `load`, "false"
#       and "no" -> True, without a warning of it. `Serializable` of simple-parsing 0.1.9 has the same 0 for both fields, with a RuntimeWarning
# What follows for a user: a sweep over a weight of 0.5, 0.1 and 0.01 whose field allows whole numbers trains three times with the weight 0 when its settings
# are read back: of a KL weight that is an autoencoder. A field for both is `float`, to which 1 is 1.0.
# Here a setting that takes both keeps what it was given, and a fraction is no whole number (vaecli/config.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pyrallis==0.3.1 PyYAML==6.0.4
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import io
import warnings
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import List, Union

import pyrallis


@dataclass
class Settings:
    epochs: int = 1
    sizes: List[int] = field(default_factory=list)
    weight: Union[int, float] = 1
    cyclical: bool = True


def read(text):
    Path("settings.yaml").write_text(text, encoding="utf-8")
    return pyrallis.parse(Settings, config_path="settings.yaml", args=[])


with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    whole = read("epochs: 0.5\nsizes: [0.5, 1.9]")
    union = read("weight: 0.5").weight, pyrallis.parse(Settings, args=["--weight", "0.5"]).weight
    text = pyrallis.dump(Settings(weight=1e-5))
    back = pyrallis.load(Settings, io.StringIO(text)).weight
    words = [read(f"cyclical: '{word}'").cyclical for word in ("false", "no")]
print("version", version("pyrallis"), "whole numbers", whole.epochs, whole.sizes, "union", union, "saved", repr(text), "read", back, "false and no", words)
assert (whole.epochs, whole.sizes) == (0, [0, 1]), "a fraction is refused from now"
assert union == (0, 0) and back == 0, "a union keeps the figure from now"
assert "1.0e-05" in text
assert words == [True, True], "words are read from now"
assert all(one.category is ResourceWarning for one in seen), "it says so from now"
PY

#!/usr/bin/env bash
# tomlkit 0.15.2: a table, or a list of tables, that is set under dotted keys of a file is written at its place with a header of its own: the lines after it, which stood at
# the top, are the table's from then on, in the file alone and not in the document at hand.
# Guess before: whatever is set, deleted or updated, the text that `dumps` gives reads back as the document's own values.
# Seen: in a file of model.cell, model.latent, training.lr and seed, model["prior"] = {kind, components} is written after model.cell as [model.prior], so that what follows is
#       model.prior.model.latent, model.prior.training.lr and model.prior.seed; model["cell"] = {} and a list of tables do the same. The document at hand has them where they were.
#       With headers in place of dotted keys, and as an inline table by `tomlkit.inline_table()`, all is right. Of 6,000 random changes of seven small files 112 read back as others
# What follows for a user: a run that is started from the changed file has the defaults for its width, learning rate and seed, where unknown keys of a table aren't
# refused; the document, printed as a dictionary, shows nothing of it. Compare `tomllib.loads(tomlkit.dumps(document))` with what was meant, or write headers in place of dotted keys.
# Here settings are written anew with tomli-w (vaecli/settings/run_file.py), and an unknown one is an error (vaecli/settings/toml_file.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tomlkit==0.15.2
"$folder/venv/bin/python" - <<'PY'
import tomllib
from importlib.metadata import version

import tomlkit

DOTTED = 'model.cell = "lstm"\nmodel.latent = 32\ntraining.lr = 0.001\nseed = 7\n'
HEADERS = 'seed = 7\n[model]\ncell = "lstm"\nlatent = 32\n[training]\nlr = 0.001\n'
PRIOR = {"kind": "vamp", "components": 500}


def changed(text, key, value):
    """The document after model[key] = value, and what is read of the file that is written of it."""
    document = tomlkit.parse(text)
    document["model"][key] = value
    return document.unwrap(), tomllib.loads(tomlkit.dumps(document))


at_hand, read = changed(DOTTED, "prior", PRIOR)
_, emptied = changed(DOTTED, "cell", {})
_, listed = changed(DOTTED, "priors", [PRIOR])
inline = tomlkit.inline_table()
inline.update(PRIOR)
_, in_line = changed(DOTTED, "prior", inline)
_, under_headers = changed(HEADERS, "prior", PRIOR)
_, plain = changed(DOTTED, "latent", 64)
meant = {"model": {"cell": "lstm", "latent": 32, "prior": PRIOR}, "training": {"lr": 0.001}, "seed": 7}
print("version", version("tomlkit"), "at hand", at_hand, "read", read)
print("emptied", emptied, "listed", listed, "inline", in_line, "under headers", under_headers)
assert at_hand == in_line == under_headers == meant
assert plain == {"model": {"cell": "lstm", "latent": 64}, "training": {"lr": 0.001}, "seed": 7}
moved = {"model": {"latent": 32}, "training": {"lr": 0.001}, "seed": 7}
assert read == {"model": {"cell": "lstm", "prior": PRIOR | moved}}, "later lines stay where they were from now"
assert listed == {"model": {"cell": "lstm", "priors": [PRIOR | moved]}}, "later lines stay where they were from now"
assert emptied == {"model": {"cell": moved}}, "later lines stay where they were from now"
PY

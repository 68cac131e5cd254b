#!/usr/bin/env bash
# guildai 0.9.0: figures that a script prints as "kl: nan", "nll: inf", "ppl: 1.5e+06" or "kl: +0.5" aren't read, for a value is `[0-9\.e\-]+` to it; "1e-05" is.
# A run's figures are then the last ones that could be read, at their step, without a word.
# Guess before: all that Python's `float` reads is a value, NaN and infinity too.
# Seen: a script prints kl 2.5, nll 101.5, ppl 900.5 at step 1 and nan, inf, 1.5e+06 at step 2: `guild compare` and `guild runs info` have step 1 with 2.5, 101.5
#       and 900.5, status completed; "kl: 1e-05" and "kl: 100000.0" are read
# What follows for a user: a run that diverged is in the table with its last good figures, and may be the best there; a perplexity that is printed with `:g` is
# missing from 1,000,000 on. Patterns of one's own, `^(\S+):\s+(\S+)$` among `output-scalars`, read all of them.
# Here figures are read from a run's own files, and one that diverged says so (vaecli/reporting/conclusions.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check guildai==0.9.0 tensorboard==2.20.0 protobuf==4.25.9 click==8.5.1 setuptools==65.5.0
cd "$folder"
cat > train.py <<'SCRIPT'
lr = 0.1
for step, kl, nll, ppl, mi in [(1, 2.5, 101.5, 900.5, 1e-5), (2, float("nan"), float("inf"), 1.5e6, 100000.0)]:
    print(f"step: {step}\nkl: {kl}\nnll: {nll}\nppl: {ppl:g}\nmi: {mi}")
SCRIPT
mkdir home
export GUILD_HOME="$folder/home"
"$folder/venv/bin/guild" run train.py -y
"$folder/venv/bin/guild" compare --csv table.csv
"$folder/venv/bin/guild" runs info
"$folder/venv/bin/python" - <<'PY'
import csv
from importlib.metadata import version

with open("table.csv", encoding="utf-8") as file:
    (row,) = csv.DictReader(file)
print("version", version("guildai"), {name: row[name] for name in ("status", "step", "kl", "nll", "ppl", "mi")})
assert row["status"] == "completed"
assert [float(row[name]) for name in ("kl", "nll", "ppl")] == [2.5, 101.5, 900.5], "they are read from now"
assert float(row["mi"]) == 100000
PY

#!/usr/bin/env bash
# pip 25.3: `pip index versions NAME --only-binary :all:` takes the option and lists all versions, those without a wheel
# too; `pip download` with the same option finds none of them. From pip 26.0 on both find none.
# Guess before: an option that a command's help lists, and that it takes without a word, decides what it lists.
# Seen: docopt has no wheel of any version; 25.3 lists eleven of them, 26.0 says that there is no matching distribution.
# What follows for a user: the lowest version "that has a wheel" is one that can't be installed, as matplotlib 3.9.0 on
# Python 3.13, where the wheels begin with 3.9.2.
# Here `make compat` looked up lower bounds so; its environments have pip 26 now (experiments/compat/environment.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pip==25.3
"$folder/venv/bin/python" - "$folder" <<'PY'
import subprocess
import sys

NONE = "ERROR: No matching distribution found for docopt"


def pip(*words):
    """The lines that a command of this environment's pip prints."""
    command = [sys.executable, "-m", "pip", *words, "--disable-pip-version-check"]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return result.stdout.splitlines()


def asked():
    """What the index lists, and what a download finds."""
    listed = pip("index", "versions", "docopt", "--only-binary", ":all:")
    fetched = pip("download", "--no-deps", "--only-binary", ":all:", "-d", sys.argv[1], "docopt==0.6.2")
    index = next(line for line in listed if line.startswith(("Available versions", "ERROR")))
    return index, fetched[-1]


print("version", pip("--version")[0].split()[1])
index, download = asked()
print("index:", index, "| download:", download)
assert index.startswith("Available versions: 0.6.2, "), "the option counts from now"
assert download == f"{NONE}==0.6.2"
pip("install", "-q", "pip==26.0")
print("version", pip("--version")[0].split()[1])
index, download = asked()
print("index:", index, "| download:", download)
assert (index, download) == (NONE, f"{NONE}==0.6.2"), "the option doesn't count"
PY

#!/usr/bin/env bash
# pip 25.3: `pip index versions NAME --only-binary :all:` takes the option and lists all versions, those without a wheel
# too; `pip download` with the same option finds none of them. From pip 26.0 on both find none.
# Guess before: an option that a command's help lists, and that it takes without a word, decides what it lists.
# Seen: docopt has no wheel of any version; 25.3 lists eleven of them, 26.0 says that there is no matching distribution.
# What follows for a user: the lowest version "that has a wheel" is one that can't be installed. Here a lower bound was
# looked up so, and on Python 3.13 `make compat` asked for a matplotlib that has wheels up to 3.12 only; its environments
# have pip 26 now (experiments/compat/environment.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip "$@" --disable-pip-version-check 2>&1 || true; }
for version in 25.3 26.0; do
  pip install -q "pip==$version" >/dev/null
  echo "version $(pip --version | cut -d' ' -f2)"
  listed=$(pip index versions docopt --only-binary :all: | grep -E '^(Available versions|ERROR)')
  fetched=$(pip download -q --no-deps --only-binary :all: -d "$folder" docopt==0.6.2 | grep '^ERROR: No' | head -n 1)
  echo "index: $listed"
  echo "download: $fetched"
  [[ $fetched == "ERROR: No matching distribution found for docopt==0.6.2" ]]
  case $version in
    25.3) [[ $listed == "Available versions: 0.6.2, "* ]] || { echo "25.3 keeps to the option now"; exit 1; } ;;
    26.0) [[ $listed == "ERROR: No matching distribution found for docopt" ]] || { echo "26.0 doesn't"; exit 1; } ;;
  esac
done

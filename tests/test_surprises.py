"""The scripts in findings/ and the table of them in docs/surprises.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "findings").glob("*.sh"))
ROWS = re.findall(r"^\| `(\w+\.sh)` \|", (ROOT / "docs" / "surprises.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_script_has_one_row_and_every_row_a_script():
    assert sorted(ROWS) == [path.name for path in SCRIPTS]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_says_what_was_guessed_and_seen_of_a_pinned_version(path):
    text = path.read_text(encoding="utf-8")
    head = text.partition("set -euo pipefail")[0]
    for words in ("# Guess before: ", "# Seen", "# What follows for a user: ", "# Here "):
        assert f"\n{words}" in head
    (packages,) = re.findall(r"pip\" install -q --disable-pip-version-check (.+)\n", text)
    assert all(re.fullmatch(r"[\w-]+==[\d.]+(post\d+)?", package) for package in packages.split())
    name, version = packages.split()[0].split("==")
    assert version in head.split("\n")[1], f"the first line names {name} {version}"
    assert "assert " in text
    assert "vaecli" not in text.partition("<<'PY'")[2], "it needs nothing of ours"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_the_files_of_ours_that_a_script_names_exist(path):
    head = path.read_text(encoding="utf-8").partition("set -euo pipefail")[0]
    for file in re.findall(r"(?:vaecli|tests)/[\w/]+\.py", head):
        assert (ROOT / file).is_file(), file

"""The scripts in findings/ and the table of them in docs/surprises.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "findings").glob("*.sh"))
# The lines of a script that get its packages, and what a pinned one looks like: one pattern a kind.
INSTALLS = {
    r"pip\" install -q --disable-pip-version-check (.+)\n": r"([\w-]+)==([\d.]+(?:post\d+)?)",
    r"apt-get download -q=2 (.+)\n": r"([a-z\d.+-]+)=([\w.+~:-]+)",
}
ASSERTIONS = ("assert ", "stopifnot(")  # Python's or a shell's function, R's
ROWS = re.findall(r"^\| `(\w+\.sh)` \|", (ROOT / "docs" / "surprises.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_script_has_one_row_and_every_row_a_script():
    assert sorted(ROWS) == [path.name for path in SCRIPTS]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_says_what_was_guessed_and_seen_of_a_pinned_version(path):
    text = path.read_text(encoding="utf-8")
    head = text.partition("set -euo pipefail")[0]
    for words in ("# Guess before: ", "# Seen", "# What follows for a user: ", "# Here "):
        assert f"\n{words}" in head
    ((pinned_by, lines),) = [(line, found) for line in INSTALLS if (found := re.findall(line, text))]
    assert len(lines) == 1 or "apt-get" in pinned_by, "one installation"
    packages = [re.fullmatch(INSTALLS[pinned_by], package) for package in " ".join(lines).split()]
    assert all(packages)
    name, version = packages[0].groups()
    assert version in head.split("\n")[1], f"the first line names {name} {version}"
    assert any(words in text for words in ASSERTIONS)
    assert "vaecli" not in text.partition("set -euo pipefail")[2], "it needs nothing of ours"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_the_files_of_ours_that_a_script_names_exist(path):
    head = path.read_text(encoding="utf-8").partition("set -euo pipefail")[0]
    for file in re.findall(r"(?:vaecli|tests)/[\w/]+\.py", head):
        assert (ROOT / file).is_file(), file

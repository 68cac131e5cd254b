"""The scripts in findings/ and the table of them in docs/surprises.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "findings").glob("*.sh"))
# The lines of a script that get its packages, and what a pinned one looks like: one pattern a kind.
PIP, NPM, APT = (
    r"pip\" install -q --disable-pip-version-check (.+)\n",
    r"npm install --silent --no-audit --no-fund --prefix \"\$folder\" (.+)\n",
    r"apt-get download -q=2 (.+)\n",
)
INSTALLS = {
    PIP: r"([\w-]+)==([\d.]+(?:post\d+)?)",
    NPM: r"((?:@[\w-]+/)?[\w.-]+)@(\d+\.\d+\.\d+)",
    APT: r"([a-z\d.+-]+)=([\w.+~:-]+)",
}
ASSERTIONS = r"\bassert[ .(]|stopifnot\("  # Python's or a shell's function, JavaScript's, R's
ROWS = re.findall(r"^\| `(\w+\.sh)` \|", (ROOT / "docs" / "surprises.md").read_text(encoding="utf-8"), re.MULTILINE)

NODE = """for program in node npm; do
    command -v "$program" >/dev/null || { echo "this needs Node: there is no $program" >&2; exit 1; }
done
"""


def test_every_script_has_one_row_and_every_row_a_script():
    assert sorted(ROWS) == [path.name for path in SCRIPTS]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_says_what_was_guessed_and_seen_of_a_pinned_version(path):
    text = path.read_text(encoding="utf-8")
    head = text.partition("set -euo pipefail")[0]
    for words in ("# Guess before: ", "# Seen", "# What follows for a user: ", "# Here "):
        assert f"\n{words}" in head
    installed = {kind: lines for kind in INSTALLS if (lines := re.findall(kind, text))}
    assert installed
    for kind, lines in installed.items():
        assert len(lines) == 1 or kind == APT, "one installation"
        packages = [re.fullmatch(INSTALLS[kind], package) for package in " ".join(lines).split()]
        assert all(packages)
        name, version = packages[0].groups()
        first = head.split("\n")[1]
        assert version in first, f"the first line names {name} {version}"
        assert name in first or kind != NPM, f"the first line names {name}"
    own = text.partition("set -euo pipefail")[2]
    assert not re.search(r"\bvaecli\b", own), "it needs nothing of ours"
    assert re.search(ASSERTIONS, own)
    if NPM in installed:
        assert NODE in text.partition("npm install")[0], "it says that it needs Node where there is none"
        assert re.search(ASSERTIONS, own.partition("<<'JS'")[2].partition("\nJS\n")[0])


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_the_files_of_ours_that_a_script_names_exist(path):
    head = path.read_text(encoding="utf-8").partition("set -euo pipefail")[0]
    for file in re.findall(r"(?:vaecli|tests)/[\w/]+\.py", head):
        assert (ROOT / file).is_file(), file

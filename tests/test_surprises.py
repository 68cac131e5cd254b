"""The scripts in findings/ and the table of them in docs/surprises.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "findings").glob("*.sh"))
ROWS = re.findall(r"^\| `(\w+\.sh)` \|", (ROOT / "docs" / "surprises.md").read_text(encoding="utf-8"), re.MULTILINE)

WHEEL = r"[\w-]+==[\d.]+(post\d+)?"
MODULE = r"(@[\w-]+/)?[\w.-]+@\d+\.\d+\.\d+"
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
    wheels = re.findall(r"pip\" install -q --disable-pip-version-check (.+)\n", text)
    modules = re.findall(r"npm install --silent --no-audit --no-fund --prefix \"\$folder\" (.+)\n", text)
    assert (len(wheels), len(modules)) in ((1, 0), (0, 1), (1, 1))
    first = head.split("\n")[1]
    for installed, form, between in ((wheels, WHEEL, "=="), (modules, MODULE, "@")):
        for packages in installed:
            assert all(re.fullmatch(form, package) for package in packages.split())
            name, _, version = packages.split()[0].rpartition(between)
            assert version in first, f"the first line names {name} {version}"
            assert name in first or installed is wheels, f"the first line names {name}"
    assert "assert " in text
    assert "vaecli" not in text.partition("<<'PY'")[2], "it needs nothing of ours"
    if modules:
        assert NODE in text.partition("npm install")[0], "it says that it needs Node where there is none"
        javascript = text.partition("<<'JS'")[2].partition("\nJS\n")[0]
        assert re.search(r"\bassert[.(]", javascript)
        assert not re.search(r"\bvae(cli)?\b", javascript), "it needs nothing of ours"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_the_files_of_ours_that_a_script_names_exist(path):
    head = path.read_text(encoding="utf-8").partition("set -euo pipefail")[0]
    for file in re.findall(r"(?:vaecli|tests)/[\w/]+\.py", head):
        assert (ROOT / file).is_file(), file

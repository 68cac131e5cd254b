"""What README and docs say holds: generated parts are generated, commands parse, links lead somewhere, blocks run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from experiments.docs import generated, is_check
from vaecli.cli.app import app
from vaecli.cli.compare import DEFAULT_METHODS
from vaecli.runs import folder, trial_index

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)


def commands(page):
    lines = [line.split("#")[0].strip() for block in blocks(page, "sh") for line in block.splitlines()]
    return [line for line in lines if line]


LINES = [(page.name, line) for page in PAGES for line in commands(page)]
VAE = [(page, line) for page, line in LINES if line.startswith("vae ")]


def test_what_is_generated_is_committed():
    stale = [str(path) for path, content in generated().items() if path.read_bytes() != content]
    assert stale == [], "run make docs"


def test_the_readme_is_short():
    assert len(README.encode()) <= 7_000


def test_prose_counts_the_methods_of_the_first_table():
    """README, docs/index.md, docs/first_table.md and `vae compare --help` say twelve."""
    pages = [README, *((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("index.md", "first_table.md"))]
    assert all("twelve methods" in page for page in pages)
    assert len(DEFAULT_METHODS) == 12


def test_readme_shows_commands():
    assert sum(page == "README.md" for page, _ in VAE) > 5


@pytest.mark.parametrize(("page", "line"), VAE)
def test_commands_parse(page, line):
    words = shlex.split(line)[1:]
    group = typer.main.get_command(app)
    command = group.get_command(None, words[0])
    assert command is not None, words[0]
    command.make_context(words[0], words[1:])


@pytest.mark.parametrize(("page", "line"), [(page, line) for page, line in LINES if line.startswith("make ")])
def test_make_targets_exist(page, line):
    assert re.search(rf"^{line.split()[1]}:", (ROOT / "Makefile").read_text(), re.M)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_linked_files_exist(page):
    """Those of the site are held to more by its build, whose broken links are errors."""
    for link in re.findall(r"\]\((?!http|#)([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


NAMED_TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", "".join(p.read_text("utf-8") for p in PAGES))))


@pytest.mark.parametrize(("file", "name"), NAMED_TESTS, ids=lambda word: word)
def test_named_tests_exist(file, name):
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text("utf-8"), re.M), name


def test_the_page_on_files_has_the_versions_that_are_written_and_read():
    rows = [line for line in (ROOT / "docs/reliability.md").read_text("utf-8").splitlines() if line.startswith("| ")]
    told = {cells[0]: cells[1:] for row in rows for cells in [[cell.strip() for cell in row.strip("|").split("|")]]}
    assert told["run.json"][:2] == [
        f"`format` {folder.FORMAT}",
        f"{folder.OLDEST} to {folder.FORMAT}; unknown keys are kept",
    ]
    assert told[".index.json"][0].startswith(f"`format` {trial_index.FORMAT},")


def run_blocks(page, folder, count=None):
    """The Python blocks of a page in one process, as a reader would type them."""
    script = "\n".join(blocks(ROOT / page, "python")[:count])
    result = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_python_on_the_page_of_remedies_runs(tmp_path):
    assert run_blocks("docs/adding_a_remedy.md", tmp_path).startswith("beta+word_dropout")


def test_python_on_its_page_runs(tmp_path):
    """As far as one process goes; the grid and what follows are run with the slow tests."""
    assert "runs/synthetic/bn/seed-0" in run_blocks("docs/python.md", tmp_path, 2)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["docs/python.md", "README.md"])
def test_all_python_blocks_run(page, tmp_path):
    assert run_blocks(page, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_commands_of_a_page_run(page, tmp_path):
    """In their order, beside what is committed; one epoch of a small corpus where they train, none for one's own.

    What downloads is tested with a server of its own, in tests/corpus.
    """
    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    small = [f"--set=corpus.{part}_size={size}" for part, size in (("train", 400), ("valid", 100), ("test", 100))]
    short = ["--epochs=1", *small]
    more = {"train": [*short, "--overwrite"], "compare": short, "tune": short}
    for n, line in enumerate(commands(page)):
        words = shlex.split(line)
        if words[0] != "vae" or any(word.startswith(("DIR", "runs/mine")) for word in words) or "fetch" in words:
            continue
        own = ["--name", f"grid-{n}"] if words[1] == "compare" and "--name" not in words else []  # another grid
        fewer = [] if "--resume" in words else more.get(words[1], [])
        command = [sys.executable, "-m", "vaecli", *words[1:], *fewer, *own]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=1800)
        assert result.returncode == 0, f"{line}: {result.stderr}"


@pytest.mark.parametrize("word", ["--chek", "--help", "check"])
def test_docs_are_not_written_by_a_slip_of_the_keyboard(word):
    assert is_check(["--check"])
    assert not is_check([])
    with pytest.raises(SystemExit):
        is_check([word])

"""What the README says holds: its table of methods is the generated one, and its commands are ones that parse."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from vaecli.catalogue.methods_table import methods_markdown_table, update_between_markers
from vaecli.cli.app import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.S)
LINES = [line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines()]


def test_table_of_methods_is_the_generated_one():
    assert update_between_markers(README, methods_markdown_table()) == README


def test_readme_shows_commands():
    assert sum(line.startswith("vae ") for line in LINES) > 5


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("vae ")])
def test_commands_parse(line):
    words = shlex.split(line)[1:]
    group = typer.main.get_command(app)
    command = group.get_command(None, words[0])
    assert command is not None, words[0]
    command.make_context(words[0], words[1:])


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("make ")])
def test_make_targets_exist(line):
    assert re.search(rf"^{line.split()[1]}:", (ROOT / "Makefile").read_text(), re.M)


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_linked_files_exist(link):
    assert (ROOT / link).exists()

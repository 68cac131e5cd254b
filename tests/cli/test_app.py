"""The commands are imported when they are called; what is said of them without is what they say."""

import inspect
import subprocess
import sys
from importlib import import_module
from itertools import pairwise

import pytest
import typer
from typer.testing import CliRunner

from vaecli.cli.app import COMMANDS, app, load_command
from vaecli.core.errors import UsageError


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_is_the_first_sentence_of_its_own(name):
    module, sentence = COMMANDS[name]
    command = getattr(import_module(f"vaecli.cli.{module}"), name)
    own = command.info.help if isinstance(command, typer.Typer) else inspect.getdoc(command).split("\n\n")[0]
    assert " ".join(own.split()) == sentence


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_fills_the_terminal(name):
    shown = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1"}).stdout
    lines = [line.strip() for line in shown.split("╭")[0].splitlines()]
    short = [
        line
        for line, after in pairwise(lines)
        if line and after and not line.startswith("Usage:") and len(f" {line} {after.split()[0]} ") <= 80
    ]
    assert not short, "a line has room for the first word of the next"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_called_by_its_name(name):
    group = typer.main.get_command(app)
    context = group.get_command(None, name).make_context(name, [], resilient_parsing=True)
    assert context.command.name == name
    assert type(context.command) is type(load_command(name))


def test_the_help_imports_no_command():
    code = (
        "import sys\nfrom vaecli.cli.app import app, COMMANDS\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([m for m, _ in COMMANDS.values() if f'vaecli.cli.{m}' in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == "[]"
    assert all(name in done.stdout for name in COMMANDS)


def test_a_command_that_is_none_is_answered_by_what_is_near():
    with pytest.raises(UsageError, match="unknown command 'tran': did you mean 'train'"):
        CliRunner().invoke(app, ["tran"], catch_exceptions=False)

"""`vae report` in this process: ``from cli.reports import run``."""

import typer
from typer.testing import CliRunner

from vaecli.cli.report import report


def run(*arguments, **environment):
    app = typer.Typer()
    app.command()(report)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env=environment)
    if isinstance(result.exception, Exception):
        raise result.exception
    assert result.exit_code == 0
    return result

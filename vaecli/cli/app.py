"""The commands of ``vae``."""

from __future__ import annotations

from typing import Annotated

import typer

from vaecli import __version__
from vaecli.cli.codes import encode
from vaecli.cli.compare import compare
from vaecli.cli.evaluate import evaluate
from vaecli.cli.generate import generate
from vaecli.cli.methods import methods
from vaecli.cli.options import Command
from vaecli.cli.report import report
from vaecli.cli.train import train
from vaecli.cli.watch import watch

app = typer.Typer(
    name="vae",
    help="The posterior-collapse laboratory for text VAEs: every published remedy, one protocol, exact metrics.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a report of a fault needs whole lines
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"vae {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """The posterior-collapse laboratory for text VAEs: every published remedy, one protocol, exact metrics."""


for command in (train, compare, watch, report, methods, generate, encode, evaluate):
    app.command(cls=Command)(command)

"""The commands of ``vae``; each is imported when it is called, so that the help waits for none."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from vaecli import __version__
from vaecli.core.errors import unknown

COMMANDS = {
    "train": ("train", "Train one method on one corpus and measure it on the test split."),
    "compare": (
        "compare",
        "Train methods x seeds on one corpus and print the table; only the method differs between two rows.",
    ),
    "advise": (
        "advise",
        "Predict which methods will inform on a corpus like yours, and at what price; trains nothing.",
    ),
    "watch": (
        "watch",
        "Show an experiment at work, from its files only: what runs, what is done, what failed, the time left.",
    ),
    "tune": (
        "tune",
        "Search the settings of methods, the same number of epochs for each; the trials are rows of the usual tables.",
    ),
    "reproduce": (
        "reproduce",
        "Run a published table or picture again; of a table, print obtained and printed figures, gap and verdict.",
    ),
    "report": ("report", "Print the table of an experiment: a row a method, mean and 95 % interval over its seeds."),
    "methods": (
        "methods",
        "List the methods, or show one: equation, time of an update, hyper-parameters, partners, reference, figures.",
    ),
    "generate": (
        "generate",
        "Print sentences that a run generates, one a line, as text: what the tokenizer did is undone.",
    ),
    "encode": (
        "codes",
        "Write the mean and the deviation of each sentence's posterior, with its rec, kl and neg_elbo in nats.",
    ),
    "evaluate": ("evaluate", "Measure a finished run further and keep the figures with its others."),
    "data": ("data", "Look at a corpus before training, or fetch a public one."),
    "config": (
        "config_commands",
        "Settings: a file to begin with, what a command or a run has, what a key means, what differs.",
    ),
}
"""The commands, with the module of this package that has each, under its name, and the first sentence of its help."""

SETTINGS = {"help_option_names": ["-h", "--help"]}


class LazyCommand(TyperCommand):
    """A command that is imported when it is called or its own help is asked for.

    Args:
        name: Of `COMMANDS`.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, help=COMMANDS[name][1])

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """See click; the context is that of the command itself."""
        return load_command(str(self.name)).make_context(info_name, args, parent=parent, **extra)


class LazyGroup(TyperGroup):
    """A group whose commands are those of `COMMANDS`, before any that are registered."""

    def list_commands(self, ctx: Any) -> list[str]:
        """See click."""
        return [*COMMANDS, *super().list_commands(ctx)]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """See click.

        Raises:
            UsageError: There is no such command.
        """
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise unknown("command", args[0], self.list_commands(ctx), way=f"{ctx.command_path} --help")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """See click."""
        return LazyCommand(cmd_name) if cmd_name in COMMANDS else super().get_command(ctx, cmd_name)


def load_command(name: str) -> Any:
    """A command, or a group of commands, as typer makes it of what its module has under its name."""
    from vaecli.cli.options import Command

    command = getattr(import_module(f"vaecli.cli.{COMMANDS[name][0]}"), name)
    if isinstance(command, typer.Typer):
        return typer.main.get_command(command)
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, context_settings=SETTINGS)
    single.command(name, cls=Command)(command)
    return typer.main.get_command(single)


app = typer.Typer(
    name="vae",
    cls=LazyGroup,
    help="The posterior-collapse laboratory for text VAEs: every published remedy, one protocol, exact metrics.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a report of a fault needs whole lines
    context_settings=SETTINGS,
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

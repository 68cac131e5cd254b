"""``vae config``: files of settings written, shown, explained and compared."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vaecli.cli import options as o
from vaecli.cli.completion import complete_key, complete_methods, complete_source

if TYPE_CHECKING:
    from collections.abc import Mapping

config = typer.Typer(
    name="config",
    help="Settings: a file to begin with, what a command or a run has, what a key means, what differs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        "--methods",
        metavar="A,B+C",
        help="Methods; their hyper-parameters are shown too. (default: vanilla)",
        autocompletion=complete_methods,
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
SOURCE = "A file of settings, or the folder of a run or of an experiment."


def init(
    methods: Methods = None,
    preset: o.Preset = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file instead of stdout.", show_default=False)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file of --output.")] = False,
) -> None:
    """Write a file of a preset that `vae compare` takes: every setting with its meaning, range and default."""
    from vaecli.catalogue.settings_table import annotated
    from vaecli.cli.report import check_output
    from vaecli.core.files import write_output
    from vaecli.core.messages import tell
    from vaecli.settings.layers import parse_methods

    check_output(output, overwrite)
    name = preset or os.environ.get("VAE_PRESET") or "quick"
    text = annotated(name, parse_methods(methods or ["vanilla"]))
    if output is None:
        write_toml(text)
        return
    write_output(output, text.encode())
    tell(f"{output}: edit it, then vae compare {output}")


@o.with_settings(without=("training.seed",))
def show(
    source: Annotated[
        Path | None, typer.Argument(metavar="[FILE.toml|RUN|EXPERIMENT]", help=SOURCE, autocompletion=complete_source)
    ] = None,
    *,
    methods: Methods = None,
    preset: o.Preset = None,
    set_: o.Sets = None,
    options: o.Layer,
    json: Json = False,
) -> None:
    """Show every setting that a command with these options would have, and where each was said."""
    from vaecli.catalogue.settings_table import effective, shown_settings
    from vaecli.settings.resolve import load_settings

    settings = load_settings(
        None if source is None else settings_file(source),
        preset=preset,
        options=options,
        sets=set_ or [],
        environment=os.environ,
        methods=methods or [],
        methods_option="--method",
        searches=o.experiments_folder(),
    )
    if json:
        print_json(effective(settings))
    else:
        write_toml(shown_settings(settings))


def explain(
    keys: Annotated[
        list[str],
        typer.Argument(metavar="KEY...", help="Such as training.epochs or bn.gamma.", autocompletion=complete_key),
    ],
) -> None:
    """Explain settings: meaning, range, default, what presets and papers say, and what a change of each does."""
    from rich.text import Text

    from vaecli.catalogue.settings_table import explanation, setting_info
    from vaecli.core.messages import printable
    from vaecli.reporting.terminal import Target, hung, tidy

    target = Target.stdout()
    console = target.console()
    with console.capture() as captured:
        for number, key in enumerate(keys):
            head, *lines = map(printable, explanation(setting_info(key)))
            if number:
                console.print()
            console.print(Text(head, style="bold"))
            for text in lines:
                console.print(hung(Text(text), console))
    sys.stdout.write(tidy(captured.get(), target))


def diff(
    one: Annotated[Path, typer.Argument(metavar="ONE", help=SOURCE, autocompletion=complete_source)],
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="The same.", autocompletion=complete_source)],
    json: Json = False,
) -> None:
    """Show the settings in which two runs, experiments or files differ, defaults included."""
    from vaecli.catalogue.settings_table import effective, toml_value
    from vaecli.core.messages import tell
    from vaecli.settings.resolve import load_settings

    searches = o.experiments_folder()
    first, second = (effective(load_settings(settings_file(path), searches=searches)) for path in (one, other))
    changed = {key: (first.get(key), second.get(key)) for key in (*first, *(k for k in second if k not in first))}
    changed = {key: values for key, values in changed.items() if values[0] != values[1]}
    if json:
        print_json({key: list(values) for key, values in changed.items()})
        return
    for key, values in changed.items():
        before, after = ("-" if value is None else toml_value(value) for value in values)
        print(f"{key}: {before} -> {after}")
    if not changed:
        tell(f"{one} and {other} have the same settings")


def settings_file(source: Path) -> Path:
    """The file of settings that a run, an experiment or a path stands for.

    Raises:
        UsageError: There is none in the folder.
    """
    from vaecli.core.errors import UsageError

    if not source.is_dir():
        return source
    for name in ("config.toml", "experiment.toml"):
        if (source / name).is_file():
            return source / name
    held = [*source.glob("seed-*/config.toml"), *source.glob("*/seed-*/config.toml"), *source.glob("tune/*.toml")]
    if held:
        told = " or ".join(str(path) for path in sorted(held)[:3])
        raise UsageError(f"{source} has no settings of its own, its runs have; name one, as {told}")
    raise UsageError(f"{source} is the folder of no run and of no experiment; name one, or a .toml file")


def write_toml(text: str) -> None:
    r"""TOML on stdout; what its encoding lacks stands there as TOML escapes it, ``\U000000e9``."""
    encoding = sys.stdout.encoding or "ascii"

    def written(character: str) -> str:
        try:
            character.encode(encoding)
        except UnicodeEncodeError:
            return f"\\U{ord(character):08x}"
        return character

    sys.stdout.write(text if text.isascii() else "".join(map(written, text)))


def print_json(values: Mapping[str, Any]) -> None:
    """Values by key as JSON on stdout."""
    from json import dumps

    print(dumps(values, indent=2))


for command in (init, show, explain, diff):
    config.command(cls=o.Command)(command)

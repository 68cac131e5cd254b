"""Options that several commands share, and how they become a layer of settings."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from vaecli.core.errors import UsageError
from vaecli.core.option_settings import OPTION_SETTINGS, OptionSetting

OPTIONS = "options"
"""The parameter of a command that stands for the options of its settings."""
Layer = Mapping[str, Mapping[str, Any]]
"""Values by group and key."""


def option_of(key: str, default: str | None = None) -> Any:
    """The option of a setting, as typer takes it: name, kind of value and range, description and default.

    Args:
        key: Of `OPTION_SETTINGS`.
        default: In words, where a command has another than the setting.
    """
    setting = OPTION_SETTINGS[key]
    return typer.Option(setting.option, metavar=setting.shown_kind, help=setting.help(default), show_default=False)


Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        help="Sizes and protocol: quick, ptb, yahoo, yelp or snli. (default: quick, whose values are shown here)",
        show_default=False,
    ),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="`group.key=value` or `method.key=value`; may be repeated. Several values with commas between are "
        "variants, each a row of `vae compare`.",
    ),
]
Out = Annotated[Path, typer.Option("--out", help="Where experiments are kept.")]
Name = Annotated[
    str | None, typer.Option("--name", help="Name of the experiment. (default: the corpus)", show_default=False)
]
Device = Annotated[str | None, option_of("training.device", default="the run's")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Delete what an earlier run left in the same folder and start anew.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]


class Command(TyperCommand):
    """A command that takes no option twice, where click would let the last one win without a word."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See click.

        Raises:
            UsageError: An option that takes one value is given twice.
        """
        check_once(args, self.params)
        return super().parse_args(ctx, args)


def check_once(args: Sequence[str], params: Iterable[Any]) -> None:
    """Refuses an option of one value that is given twice; flags and options for several values may be.

    Args:
        args: Of the command line, after the command.
        params: Of the command.

    Raises:
        UsageError: Names the option with both values.
    """
    valued = [p for p in params if isinstance(p, TyperOption) and not p.is_flag and not p.count]
    options = {name: option for option in valued for name in option.opts}
    values: dict[str, str] = {}
    rest = iter(args)
    for argument in rest:
        if argument == "--":
            return
        name, equals, value = argument.partition("=")
        if name not in options and argument[:2] in options:  # -j2
            name, equals, value = argument[:2], "=", argument[2:]
        if name not in options:
            continue
        value = value if equals else next(rest, "")
        key = options[name].opts[0]
        if key in values and not options[name].multiple:
            raise UsageError(f"{key} is given twice, {values[key]!r} and {value!r}; keep one")
        values[key] = value


def with_settings(*, without: Collection[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the options of settings; its keyword ``options`` stands for them, and gets those given.

    Args:
        without: Keys of `OPTION_SETTINGS` that the command has no option for.

    Returns:
        A decorator. The command it returns has a parameter for each option, where ``options`` stood, and passes on one
        layer of settings, values by group and key; options that were not given are not in it.
    """
    settings = {setting.name: setting for key, setting in OPTION_SETTINGS.items() if key not in without}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True)
        parameters: list[inspect.Parameter] = []
        for parameter in own.parameters.values():
            generated = map(option_parameter, settings.values())
            parameters += generated if parameter.name == OPTIONS else [parameter]

        @functools.wraps(command)
        def run(**values: Any) -> None:
            layer: dict[str, dict[str, Any]] = {}
            for name, setting in settings.items():
                if (value := values.pop(name, None)) is not None:
                    layer.setdefault(setting.group, {})[name] = value
            command(**values, **{OPTIONS: layer})

        run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]  # what typer reads
        return run

    return decorate


def option_parameter(setting: OptionSetting) -> inspect.Parameter:
    """The parameter of a command that the option of a setting fills; None is an option that was not given."""
    kind: Any = Annotated[type(setting.default) | None, option_of(setting.key)]
    return inspect.Parameter(setting.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)

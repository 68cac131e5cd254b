"""Options that several commands share, and how they become a layer of settings."""

from __future__ import annotations

import functools
import inspect
import math
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from vaecli.cli.completion import complete_engine, complete_preset, complete_run, complete_set, complete_tracker
from vaecli.core.errors import UsageError, near_names
from vaecli.core.option_settings import OPTION_SETTINGS, OptionSetting

OPTIONS = "options"
"""The parameter of a command that stands for the options of its settings."""
Layer = Mapping[str, Mapping[str, Any]]
"""Values by group and key."""
MOST_KEYS = 3
"""Settings that are told to somebody who names none of them wholly."""


def option_of(key: str, default: str | None = None) -> Any:
    """The option of a setting, as typer takes it: name, kind of value and range, description and default.

    Args:
        key: Of `OPTION_SETTINGS`.
        default: In words, where a command has another than the setting.
    """
    setting = OPTION_SETTINGS[key]
    complete = {"tracking.tracker": complete_tracker}.get(key)
    text = setting.help(default)
    return typer.Option(
        setting.option, metavar=setting.shown_kind, help=text, show_default=False, autocompletion=complete
    )


def finite(value: float | None) -> float | None:
    """The value of an option, as its callback: a range alone lets nan through, which is on neither side of its ends.

    Raises:
        typer.BadParameter: It isn't finite.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number.")
    return value


Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        help="Sizes and protocol: quick, ptb, yahoo, yelp or snli. (default: quick, whose values are shown here, or "
        "VAE_PRESET)",
        show_default=False,
        autocompletion=complete_preset,
    ),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="`group.key=value` or `method.key=value`; may be repeated. Comma-separated values make variants, "
        "each a row of `vae compare`.",
        autocompletion=complete_set,
    ),
]
Out = Annotated[
    Path,
    typer.Option("--out", envvar="VAE_OUT", show_envvar=False, help="Where experiments are kept. (VAE_OUT)"),
]
Name = Annotated[
    str | None, typer.Option("--name", help="Name of the experiment. (default: the corpus)", show_default=False)
]
Device = Annotated[str | None, option_of("training.device", default="the run's")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Delete what an earlier run left in the same folder and start afresh.")
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        min=0,
        help="Trials at a time; 0: one per core or GPU, or as many as the cluster takes. (VAE_JOBS)",
        show_default=False,
    ),
]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="NAME",
        envvar="VAE_ENGINE",
        show_envvar=False,
        help="Where trials run: local, ray or slurm. (VAE_ENGINE)",
        autocompletion=complete_engine,
    ),
]
Run = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="Folder of a run, OUT/NAME/METHOD/seed-N.", autocompletion=complete_run),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]


def experiments_folder() -> Path:
    """Where experiments are kept where no option says so."""
    return Path(os.environ.get("VAE_OUT") or "runs")


def check_dry_run(dry_run: bool, json: bool, csv: str | None = None) -> None:
    """Refuses options on how figures are printed where none are made.

    Raises:
        UsageError: Names the option.
    """
    if dry_run and (json or csv is not None):
        raise UsageError(f"{'--json' if json else '--csv'} prints figures, and --dry-run makes none; leave one out")


class Command(TyperCommand):
    """A command that takes no option twice, where click would let the last one win without a word.

    Its help is filled to the terminal: typer joins the lines of the first paragraph alone.
    """

    def __init__(self, *args: Any, help: str | None = None, **attributes: Any) -> None:
        paragraphs = inspect.cleandoc(help or "").split("\n\n")
        super().__init__(*args, help="\n\n".join(" ".join(text.split("\n")) for text in paragraphs), **attributes)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See click.

        Raises:
            UsageError: An option that takes one value is given twice, or there is none of a name.
        """
        check_once(args, self.params)
        try:
            return super().parse_args(ctx, list(args))
        except Exception as error:
            if type(error).__name__ != "NoSuchOption":  # click's, of which typer may have a copy of its own
                raise
            name = str(getattr(error, "option_name", ""))
            raise UsageError(f"no option {name}; {self._instead(name, args, ctx.command_path)}") from None

    def _instead(self, name: str, args: Sequence[str], command: str) -> str:
        """What somebody meant who gave an option that there isn't."""
        options = [option for p in self.params for option in p.opts if option.startswith("--")]
        if near := near_names(name.lstrip("-"), [option.lstrip("-") for option in options]):
            return f"did you mean --{near[0]}?"
        if "--set" in options:
            from vaecli.settings.known_keys import keys_named

            keys = keys_named(name.lstrip("-"), _methods_in(args))
            if keys and len(keys) <= MOST_KEYS:
                return "did you mean " + " or ".join(f"--set {key}=VALUE" for key in keys) + "?"
        return f"`{command} --help` lists them"


def _methods_in(args: Sequence[str]) -> list[str]:
    """The methods that a command line names."""
    words = [word for arg in args for word in arg.split("=", 1)]
    return [
        name for option, value in pairwise(words) if option in ("--method", "--methods") for name in value.split(",")
    ]


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

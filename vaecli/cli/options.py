"""Options that several commands share, and how they become a layer of settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from vaecli.core.errors import UsageError

Data = Annotated[
    str | None,
    typer.Option("--data", help="`synthetic`, or a folder with train.txt, valid.txt and test.txt.", show_default=False),
]
Preset = Annotated[
    str | None,
    typer.Option("--preset", help="Sizes and protocol: quick, ptb, yahoo, yelp or snli. (default: quick)"),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="`group.key=value` or `method.key=value`; may be repeated."),
]
Out = Annotated[Path, typer.Option("--out", help="Where experiments are kept.")]
Name = Annotated[
    str | None, typer.Option("--name", help="Name of the experiment. (default: the corpus)", show_default=False)
]
Tokenizer = Annotated[
    str | None,
    typer.Option(
        "--tokenizer",
        help="`split`, basic_english, moses, toktok or spacy; or subwords learned on train: bpe or unigram.",
        show_default=False,
    ),
]
MaxVocab = Annotated[
    int | None,
    typer.Option(
        "--max-vocab",
        help="Keep the most frequent words only; pieces of bpe and unigram. (default: all; 8,000 pieces)",
        show_default=False,
    ),
]
MinFreq = Annotated[
    int | None,
    typer.Option("--min-freq", help="Words or pieces seen fewer times in train are unknown.", show_default=False),
]
MaxLength = Annotated[
    int | None,
    typer.Option("--max-length", help="Cut longer sentences to this many words or pieces.", show_default=False),
]
TextColumn = Annotated[
    str | None,
    typer.Option("--text-column", metavar="N|NAME", help="Field of a line that is the sentence.", show_default=False),
]
LabelColumn = Annotated[
    str | None,
    typer.Option(
        "--label-column", metavar="N|NAME|none", help="Field that is the label; none: no labels.", show_default=False
    ),
]
UnknownWords = Annotated[
    str | None,
    typer.Option("--unknown-words", metavar="WORDS", help="Words that mean <unk>, such as _UNK.", show_default=False),
]
Epochs = Annotated[int | None, typer.Option("--epochs", help="Passes over train at most.", show_default=False)]
IwSamples = Annotated[
    int | None,
    typer.Option("--iw-samples", help="Samples of the importance-weighted NLL; 0 skips it.", show_default=False),
]
Device = Annotated[str | None, typer.Option("--device", help="auto, cpu or cuda.", show_default=False)]
Precision = Annotated[str | None, typer.Option("--precision", help="auto, fp32 or bf16.", show_default=False)]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Delete what an earlier run left in the same folder and start anew.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]

SHORTHANDS: Mapping[str, tuple[str, str]] = {
    "data": ("corpus", "data"),
    "tokenizer": ("corpus", "tokenizer"),
    "max_vocab": ("corpus", "max_vocab"),
    "min_freq": ("corpus", "min_freq"),
    "max_length": ("corpus", "max_length"),
    "text_column": ("corpus", "text_column"),
    "label_column": ("corpus", "label_column"),
    "unknown_words": ("corpus", "unknown_words"),
    "epochs": ("training", "epochs"),
    "device": ("training", "device"),
    "precision": ("training", "precision"),
    "seed": ("training", "seed"),
    "iw_samples": ("evaluation", "iw_samples"),
}
"""Options that stand for one key of a group."""


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
    given: dict[str, str] = {}
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
        if key in given and not options[name].multiple:
            raise UsageError(f"{key} is given twice, {given[key]!r} and {value!r}; keep one")
        given[key] = value


def option_layer(**values: Any) -> dict[str, dict[str, Any]]:
    """The given options as nested settings; those left out (None) are not in it."""
    layer: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        if value is not None:
            group, key = SHORTHANDS[name]
            layer.setdefault(group, {})[key] = value
    return layer

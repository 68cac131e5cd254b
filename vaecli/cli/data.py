"""``vae data``: what a corpus holds and what training would make of it; public corpora of the literature."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vaecli.cli import options as o
from vaecli.core.messages import counted, printable, tell
from vaecli.core.option_settings import OPTION_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.table import Table

    from vaecli.config import RunConfig
    from vaecli.corpus.examination import Bar, Examination
    from vaecli.corpus.public_corpora import PublicCorpus
    from vaecli.reporting.terminal import Target

NOT_CORPUS = {key for key in OPTION_SETTINGS if not key.startswith("corpus.")} | {"corpus.data"}
SHOWN_CLASSES = 20
BAR_WIDTH = 40
"""Columns of the longest bar of a histogram."""

data = typer.Typer(
    name="data",
    help="Look at a corpus before training, or fetch a public one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@o.with_settings(without=NOT_CORPUS)
def check(
    corpus: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="As --data takes it: a folder, a file, hf:NAME, synthetic, mixture or oracle."
        ),
    ],
    *,
    preset: o.Preset = None,
    set_: o.Sets = None,
    options: o.Layer,
    as_json: Annotated[bool, typer.Option("--json", help="All counts as JSON.")] = False,
) -> None:
    """Count what a corpus holds, say what is wrong with it, and what training would make of it.

    Ends with exit code 3 where it can't be trained on.
    """
    from dataclasses import asdict

    from vaecli.core.errors import UsageError
    from vaecli.corpus.examination import examine
    from vaecli.reporting.terminal import Target
    from vaecli.settings.resolve import load_settings

    layer = {**options, "corpus": {**options.get("corpus", {}), "data": corpus}}
    settings = load_settings(preset=preset, options=layer, sets=set_ or [], environment=os.environ)
    for note in settings.notes:
        tell(f"vae: {note}")
    for key, values in settings.choices.items():
        told = ",".join(map(str, values))
        raise UsageError(f"{key}={told}: a corpus is checked for one value of each setting; ask for each apart")
    config = settings.config("vanilla", 0)
    examined = examine(config.corpus, config.training.batch_size)
    if as_json:
        print(json.dumps(asdict(examined), indent=2))
    else:
        sys.stdout.write(examination_text(examined, config, Target.stdout()))


def examination_text(examined: Examination, config: RunConfig, target: Target) -> str:
    """All that was counted, for a terminal."""
    from rich.text import Text

    from vaecli.corpus.tokenizers import unit
    from vaecli.reporting.terminal import tidy
    from vaecli.runs.identity import shortened

    console = target.console()
    with console.capture() as captured:
        console.print(
            Text(f"{printable(examined.name)}  (fingerprint {shortened(examined.fingerprint)})", style="bold")
        )
        for note in examined.read:
            console.print(_item(note))
        console.print()
        console.print(_split_table(examined, config, target))
        console.print()
        console.print(Text(f"{unit(config.corpus.tokenizer)}s of a sentence in train", style="bold"))
        for line in _bars(examined.lengths, target):
            console.print(Text(line))
        for name, classes in examined.labels.items():
            console.print()
            console.print(_label_table(name, classes, target))
            if len(classes) > SHOWN_CLASSES:
                console.print(Text(f"and {len(classes) - SHOWN_CLASSES:,} classes more, which --json lists"))
        console.print()
        console.print(Text("training would", style="bold"))
        for line in _training(examined, config):
            console.print(_item(line))
        console.print()
        console.print(Text("to mend" if examined.advice else "nothing to mend", style="bold"))
        for note in examined.advice:
            console.print(_item(note))
    return tidy(captured.get(), target)


def _item(text: str) -> Table:
    """An item of a list, its further lines under its first word."""
    from rich.table import Table
    from rich.text import Text

    item = Table.grid()
    item.add_row("  - ", Text(printable(text)))
    return item


def _split_table(examined: Examination, config: RunConfig, target: Target) -> Table:
    """A row a count, a column a split."""
    from vaecli.corpus.tokenizers import unit
    from vaecli.reporting.terminal import plain_table

    table = plain_table(target)
    table.add_column("")
    for part in examined.splits:
        table.add_column(part, justify="right")
    parts = examined.splits.values()
    limit, one = config.corpus.max_length, unit(config.corpus.tokenizer)

    def row(head: str, values: Iterable[object]) -> None:
        table.add_row(head, *(f"{value:,}" if isinstance(value, int) else str(value) for value in values))

    row("sentences", (s.sentences for s in parts))
    row("words", (s.words for s in parts))
    if any(s.words != s.tokens for s in parts):
        row(f"tokens of {config.corpus.tokenizer}", (s.tokens for s in parts))
    row("unknown", (f"{100 * s.unknown:.1f} %" for s in parts))
    row("shortest sentence", (s.shortest for s in parts))
    row("half of them up to", (s.median for s in parts))
    row("95 % of them up to", (s.most for s in parts))
    row("longest sentence", (s.longest for s in parts))
    row(f"of one {one}", (s.one_word for s in parts))
    row("empty lines", (s.empty for s in parts))
    row(f"cut at {limit:,} {one}s", (s.cut for s in parts))
    row("repeat an earlier one", (s.repeats for s in parts))
    row("stand in train too", ("", examined.shared["valid in train"], examined.shared["test in train"]))
    row("stand in valid too", ("", "", examined.shared["test in valid"]))
    return table


def _bars(lengths: Iterable[Bar], target: Target) -> list[str]:
    """A histogram, its bars as long as the terminal allows."""
    bars = list(lengths)
    heads = [f"{bar.first:,}" if bar.first == bar.last else f"{bar.first:,}-{bar.last:,}" for bar in bars]
    most = max(bar.count for bar in bars)
    counts = [f"{bar.count:,}" for bar in bars]
    left, right = max(map(len, heads)), max(map(len, counts))
    width = max(min(BAR_WIDTH, (target.width or BAR_WIDTH * 2) - left - right - 6), 1)
    mark = "#" if target.ascii_only else "\u2588"
    lines = []
    for head, count, bar in zip(heads, counts, bars, strict=True):
        size = max(round(width * bar.count / most), bar.count > 0)
        lines.append(f"  {head:>{left}}  {count:>{right}}  {mark * size}")
    return lines


def _label_table(name: str, classes: Mapping[str, Mapping[str, int]], target: Target) -> Table:
    """A row a class, with its share of train."""
    from rich.text import Text

    from vaecli.reporting.terminal import plain_table

    table = plain_table(target)
    table.add_column(printable(name), overflow="fold")
    for part in ("train", "valid", "test"):
        table.add_column(part, justify="right")
    table.add_column("share of train", justify="right")
    total = sum(counts["train"] for counts in classes.values())
    for label, counts in list(classes.items())[:SHOWN_CLASSES]:
        share = f"{100 * counts['train'] / total:.1f} %"
        table.add_row(Text(printable(label)), *(f"{n:,}" for n in counts.values()), share)
    return table


def _training(examined: Examination, config: RunConfig) -> list[str]:
    """What a run with these settings would do with the corpus."""
    from vaecli.corpus.tokenizers import unit

    cut = sum(split.cut for split in examined.splits.values())
    empty = sum(split.empty for split in examined.splits.values())
    updates = examined.batches * config.training.epochs
    units = f"{unit(config.corpus.tokenizer)}s"
    sizes = _batch_sizes(examined.splits["train"].sentences, examined.batch_size, examined.batches)
    return [
        f"know {examined.vocabulary:,} {units}, special symbols included",
        f"make {counted(examined.batches, 'update')} an epoch, {sizes}: "
        f"{updates:,} in {counted(config.training.epochs, 'epoch')} (preset {config.preset})",
        f"cut {counted(cut, 'sentence')} at {config.corpus.max_length:,} {units}, and leave out "
        f"{counted(empty, 'empty line')}",
    ]


def _batch_sizes(sentences: int, batch_size: int, batches: int) -> str:
    """What the batches of an epoch hold, in words: a last sentence that would be alone is in another one's."""
    size = min(batch_size, sentences)
    odd = sentences - size * (batches - 1)
    if odd == size:
        return f"each of {size:,} sentences"
    return f"of {odd:,} sentences" if batches == 1 else f"of {size:,} sentences, one of {odd:,}"


def fetch(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which corpus; without, all are listed.", show_default=False)
    ] = None,
    *,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="The folder to write. (default: ./NAME)", show_default=False),
    ] = None,
    mirror: Annotated[
        list[str] | None,
        typer.Option("--mirror", metavar="URL", envvar="VAE_MIRROR", help="Try this folder on a server first."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files of another text.")] = False,
) -> None:
    """Fetch a corpus of the literature: its terms are printed, its files verified, its splits written as text.

    Downloads are kept in the cache; where there is no network, the message says which file to put there.
    """
    from vaecli.corpus.fetched import fetch_corpus
    from vaecli.corpus.public_corpora import public_corpora, public_corpus

    if name is None:
        if to is not None or overwrite:
            from vaecli.core.errors import UsageError

            raise UsageError("name a corpus; `vae data fetch` lists them")
        for corpus in public_corpora().values():
            print(f"{corpus.name}: {corpus.title}")
        return
    corpus = public_corpus(name)
    folder = to or Path(corpus.name)
    _announce(corpus)
    counts, notes = fetch_corpus(corpus, folder, mirror or [], overwrite, _Bar())
    for note in notes:
        tell(note)
    for part, count in counts.items():
        print(f"{folder / part}.txt: {counted(count, 'sentence')}")
    tell(f"next: vae data check {folder}; vae compare --data {folder} --preset {corpus.preset}")


def _announce(corpus: PublicCorpus) -> None:
    """What is about to be downloaded, from where, and under which terms."""
    tell(f"{corpus.name}: {corpus.title}")
    tell(f"papers: {corpus.paper}")
    tell(f"terms of use: {corpus.terms}")
    for url in dict.fromkeys(url for file in corpus.files for url in file.urls):
        tell(f"source: {url}")


class _Bar:
    """Says on a terminal how much of a file has come."""

    def __init__(self) -> None:
        self._shown: Any = None

    def __call__(self, name: str, done: int, total: int) -> None:
        """See `Progress`."""
        if not sys.stderr.isatty():
            return
        line = f"{name}: {done / 1e6:,.1f} MB" + (f" of {total / 1e6:,.1f}" if total else "")
        if line != self._shown:
            ended = bool(total) and done >= total
            print(f"\r{line}", end="\n" if ended else "", file=sys.stderr, flush=True)
            self._shown = line


for command in (check, fetch):
    data.command(cls=o.Command)(command)

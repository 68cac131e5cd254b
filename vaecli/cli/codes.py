"""``vae encode``: what a run's encoder makes of sentences."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vaecli.cli import options as o

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".npz", ".parquet")
DIMENSIONS = ("mean", "deviation", "class")
"""Beginnings of the names of columns that there are several of, one a dimension or a variable."""


def encode(
    run: o.Run,
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="A sentence a line; - is stdin.")] = "-",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A .csv, .npz or .parquet instead of CSV on stdout.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file of --output.")] = False,
    device: o.Device = None,
) -> None:
    """Write the mean and the deviation of each sentence's posterior, with its rec, kl and neg_elbo in nats.

    Of a discrete code, its classes stand beside the mean. Sentences are cut by the run's own tokenizer, and to its
    --max-length; a word that its vocabulary lacks is <unk>, and so is one of its --unknown-words. In an
    .npz file, mean, deviation and class are arrays of shape (sentences, dimensions).
    """
    check_output(output, overwrite)
    sentences = read_sentences(file)
    from vaecli.api.run import load

    write_codes(load(run, device=device).codes(sentences), output)


def check_output(output: Path | None, overwrite: bool) -> None:
    """Refuses a file that can't or shouldn't be written, before any work.

    Raises:
        UsageError: Its suffix says no format, it is there and may not be replaced, or parquet has no library.
    """
    from importlib.util import find_spec

    from vaecli.cli.report import check_output as check_file
    from vaecli.core.errors import UsageError

    if output is not None and output.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--output {output}: its suffix says the format: {', '.join(SUFFIXES)}")
    if output is not None and output.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise UsageError(f"--output {output}: parquet needs pyarrow: pip install 'vaecli[parquet]', or name a .csv")
    check_file(output, overwrite)


def read_sentences(file: str) -> list[str]:
    """The lines of a file or of stdin.

    Raises:
        DataError: It can't be read, is no text in UTF-8, has no line or a blank one, or fields between tabs, as
            labelled text.
        UsageError: It is a table or packed, whose lines aren't sentences.
    """
    from vaecli.core.errors import DataError, UsageError
    from vaecli.corpus.origins import file_kind

    name = "stdin" if file == "-" else file
    kind = file_kind(name)
    if kind.packing or kind.kind not in ("", ".txt"):
        raise UsageError(f"{name}: sentences are read from text, one a line, not from {kind.kind}{kind.packing} files")
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        data.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{name}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        start = error.start + len(data) - len(error.object)  # it counts from behind a byte order mark
        line = data[:start].count(b"\n") + 1
        raise DataError(f"{name}:{line}: byte {start} is no UTF-8; convert the file (iconv -t utf-8)") from None
    lines = _lines(name, data)
    sentences = [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]
    if not sentences:
        raise DataError(f"{name}: there is no sentence in it")
    for number, sentence in enumerate(sentences, 1):
        if not sentence.strip():
            raise DataError(f"{name}:{number}: a blank line has no code; leave it out")
        if "\t" in sentence.strip():
            way = "cut labels off (cut -f 2), or write blanks for tabs (tr '\\t' ' ')"
            raise DataError(f"{name}:{number}: a tab; a line is a sentence alone: {way}")
    return sentences


def _lines(name: str, data: bytes) -> list[str]:
    """The lines of a text, which end as those of a corpus do; what was mended is told."""
    from vaecli.core.messages import tell
    from vaecli.corpus.text_files import TextFile, clean_text

    text, notes = clean_text(name, TextFile(Path(name), data, ".txt")) if data else (b"", [])
    for note in notes:
        tell(note)
    return text.decode().split("\n")


def write_codes(table: pd.DataFrame, output: Path | None) -> None:
    """Writes the table as its file's suffix says, CSV on stdout without one."""
    from vaecli.cli.report import write_stdout
    from vaecli.core.files import write_output
    from vaecli.runs.tables import csv_text

    if output is None:
        write_stdout(csv_text(table))
    elif output.suffix.lower() == ".csv":
        write_output(output, csv_text(table))
    elif output.suffix.lower() == ".parquet":
        write_output(output, table.to_parquet(index=False))
    else:
        write_output(output, npz_bytes(table))


def npz_bytes(table: pd.DataFrame) -> bytes:
    """The table as arrays; what has a column a dimension is one array."""
    from io import BytesIO

    import numpy as np

    arrays: dict[str, Any] = {}
    for name in DIMENSIONS:
        columns = [column for column in table.columns if column.startswith(f"{name}_")]
        if columns:
            arrays[name] = table[columns].to_numpy()
    rest = [column for column in table.columns if column.rpartition("_")[0] not in DIMENSIONS]
    arrays |= {column: np.array(table[column].tolist()) for column in rest}
    buffer = BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()

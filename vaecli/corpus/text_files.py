"""The files of a corpus as clean UTF-8 text: what isn't text is refused by name, odd line ends are mended."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from pathlib import Path

from vaecli.core.errors import DataError
from vaecli.core.messages import counted

_ICONV = "convert the file with `iconv -f {} -t UTF-8`"
_UNPACK = "unpack it first"
_MAGIC = {
    b"\x1f\x8b": f"gzip; {_UNPACK}, or let its name end in .gz",
    b"\x1f\x9d": f"compress (.Z); {_UNPACK}",
    b"PK\x03\x04": f"a zip archive (a spreadsheet or a document is one too); {_UNPACK}, or save it as plain text",
    b"\xfd7zXZ\x00": f"xz; {_UNPACK}",
    b"\x28\xb5\x2f\xfd": f"zstd; {_UNPACK}, or let its name end in .zst",
    b"\x04\x22\x4d\x18": f"lz4; {_UNPACK}",
    b"7z\xbc\xaf\x27\x1c": f"a 7z archive; {_UNPACK}",
    b"Rar!\x1a\x07": f"a RAR archive; {_UNPACK}",
    b"\x5d\x00\x00": f"lzma; {_UNPACK}",
    b"%PDF-": "a PDF; save its text as plain text, a sentence a line",
    b"{\\rtf": "rich text (RTF); save it as plain text",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Office document; save it as plain text",
    b"PAR1\x15": "Parquet; let its name end in .parquet",
    b"ARROW1\x00": "Arrow; write its sentences into a text file, one a line",
    b"\x93NUMPY": "a numpy array; write its sentences into a text file, one a line",
    b"SQLite format 3\x00": "an SQLite database; write its sentences into a text file, one a line",
    b"\xff\xfe\x00\x00": "UTF-32; " + _ICONV.format("UTF-32"),
    b"\x00\x00\xfe\xff": "UTF-32; " + _ICONV.format("UTF-32"),
    b"\xff\xfe": "UTF-16; " + _ICONV.format("UTF-16"),
    b"\xfe\xff": "UTF-16; " + _ICONV.format("UTF-16"),
}
"""First bytes of files that are no text, the longer before the shorter that begin like them."""

_BZIP2 = re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)")

_LONE_RETURN = re.compile(rb"(?<![\r\n])\r(?!\r*\n)")
"""A carriage return that is no part of a line's end ``\\r\\n``, ``\\r\\r\\n`` or ``\\n\\r``."""

_SEPARATORS = {"\x85": "NEL (U+0085)", "\u2028": "line separator (U+2028)", "\u2029": "paragraph separator (U+2029)"}
"""Line ends of other systems. In a text that has line feeds too they are white space."""

DECODED = 1 << 20
"""Bytes decoded together, for a text is up to four times as large as characters."""

SAMPLE = 1 << 12
"""Bytes looked at to tell UTF-16 without a mark from a damaged file."""


@dataclass(frozen=True)
class TextFile:
    """A file of a corpus.

    Attributes:
        path: Where it is, for messages.
        data: Its bytes, unpacked.
        kind: The end of its name, one of `KINDS`.
    """

    path: Path
    data: bytes
    kind: str = ".txt"


def clean_text(part: str, file: TextFile) -> tuple[bytes, list[str]]:
    """A file's text with line feeds as its only line ends, and notes on what was mended.

    A byte order mark at the start of the file or of a line, and the Ctrl-Z that ends files of DOS, are taken away.
    Carriage returns alone, or U+0085, U+2028 or U+2029 alone, end the lines of a file that has no other line ends, and
    carriage returns also where most lines end in one; elsewhere they are white space in a sentence.

    Args:
        part: Name of the split, for the notes.
        file: What was read.

    Raises:
        DataError: The file is empty, another format, not UTF-8 or holds NUL bytes.
    """
    data, notes = _checked(file), []
    if BOM_UTF8 in data:
        data, marks = _without_marks(data)
        if marks:
            notes.append(f"{part}: {marks:,} byte order mark{'s' * (marks > 1)} skipped")
    stripped = data.rstrip(b"\x1a")
    if len(stripped) < len(data):
        notes.append(f"{part}: the end-of-file character of DOS (Ctrl-Z) skipped")
        data = stripped
    if b"\r" in data:
        data, note = _without_returns(data)
        notes += [f"{part}: {note}"] if note else []
    if b"\n" not in data and not data.isascii():
        data, note = _with_line_feeds(data)
        notes += [f"{part}: {note}"] if note else []
    return data, notes


def _without_marks(data: bytes) -> tuple[bytes, int]:
    """The text without byte order marks at the starts of lines, such as joined files have, and their number."""
    first = data.startswith(BOM_UTF8)
    data = data[len(BOM_UTF8) :] if first else data
    inside = data.count(b"\n" + BOM_UTF8)
    return data.replace(b"\n" + BOM_UTF8, b"\n") if inside else data, inside + first


def _without_returns(data: bytes) -> tuple[bytes, str]:
    r"""The text with line feeds for ``\r\n``, and for carriage returns alone where they end the lines."""
    alone, feeds = len(_LONE_RETURN.findall(data)), data.count(b"\n")
    # one at the end of the whole file ends no further line, so that a text of one line stays one
    if alone > max(feeds, 1) or (alone and not feeds and not data.endswith(b"\r")):
        note = f"{counted(alone, 'carriage return')} without a line feed taken as the ends of lines"
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), note
    note = f"{counted(alone, 'carriage return')} inside lines taken as white space" if alone and feeds else ""
    return data.replace(b"\r\n", b"\n"), note


def _with_line_feeds(data: bytes) -> tuple[bytes, str]:
    """A text without line feeds, with one for each line separator of another system."""
    for separator, name in _SEPARATORS.items():
        if count := data.count(separator.encode()):
            return data.replace(
                separator.encode(), b"\n"
            ), f"{counted(count, 'character')} {name} taken as the ends of lines"
    return data, ""


def _checked(file: TextFile) -> bytes:
    """The bytes of a file that is UTF-8 text."""
    if not file.data:
        raise DataError(f"{file.path}: the file is empty; give one tokenised sentence a line")
    for magic, what in _MAGIC.items():
        if file.data.startswith(magic):
            raise DataError(f"{file.path}: not UTF-8 text but {what}")
    if _BZIP2.match(file.data):
        raise DataError(f"{file.path}: not UTF-8 text but bzip2; {_UNPACK}")
    if (nul := file.data.find(0)) >= 0:
        position = line_and_byte(file.data, nul)
        what = _wide(file.data) or "a NUL byte; this is no text file, or a damaged one"
        raise DataError(f"{file.path}:{position}: {what}")
    if not file.data.isascii():
        _check_utf8(file)
    return file.data


def _wide(data: bytes) -> str:
    """What to do with UTF-16 that has no byte order mark: every second byte of most Latin text is NUL."""
    for offset, name in ((1, "UTF-16LE"), (0, "UTF-16BE")):
        half = data[offset:SAMPLE:2]
        if half.count(0) > len(half) / 2:
            return f"not UTF-8 text but UTF-16 without a byte order mark; {_ICONV.format(name)}"
    return ""


def _check_utf8(file: TextFile) -> None:
    data, start = file.data, 0
    while start < len(data):
        end = data.find(b"\n", start + DECODED) + 1 or len(data)
        try:
            str(memoryview(data)[start:end], "utf-8")
        except UnicodeDecodeError as error:
            wrong = start + error.start
            raise DataError(
                f"{file.path}:{line_and_byte(data, wrong)}: byte 0x{data[wrong]:02x} is not UTF-8; convert the file, "
                "for example with `iconv -f LATIN1 -t UTF-8`"
            ) from None
        start = end


def line_and_byte(data: bytes, start: int) -> str:
    """``line:byte`` of a position in a file, both from 1."""
    line, column = data.count(b"\n", 0, start) + 1, start - data.rfind(b"\n", 0, start)
    return f"{line}:{column}"

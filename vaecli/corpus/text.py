"""Folders of text: ``train.txt``, ``valid.txt`` and ``test.txt``, one tokenised sentence a line."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vaecli.corpus.encode import SPLITS, RawSplit
from vaecli.corpus.tokenizers.base import Tokenizer
from vaecli.corpus.words import Numbering, TextNumbering, Words
from vaecli.errors import DataError, nearest

LABEL = "label"
"""Name of the label field that a tab splits off."""

_RULE = "a line is a sentence, or on all lines of all three files a label, one tab and a sentence"
_MAGIC = {
    b"\x1f\x8b": "gzip; unpack it first",
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"\xff\xfe": "UTF-16; convert the file with `iconv -f UTF-16 -t UTF-8`",
    b"\xfe\xff": "UTF-16; convert the file with `iconv -f UTF-16 -t UTF-8`",
}


@dataclass(frozen=True)
class TextFile:
    """A file's place and its bytes."""

    path: Path
    data: bytes


def read_folder(folder: Path) -> dict[str, TextFile]:
    """The bytes of the three files of a corpus.

    Raises:
        DataError: One of them is missing, no regular file or unreadable.
    """
    return {part: TextFile(folder / f"{part}.txt", _read(folder / f"{part}.txt")) for part in SPLITS}


def _read(path: Path) -> bytes:
    try:
        if not path.exists():
            raise _missing(path)
        if not path.is_file():
            what = "a folder" if path.is_dir() else "no regular file"
            raise DataError(f"{path}: {what}, where a text file should be")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: can't read it: {error.strerror}") from None


def _missing(path: Path) -> DataError:
    """Names the file that the missing one may be called, or what the folder holds."""
    needed = {f"{part}.txt" for part in SPLITS}
    found = sorted(p.name for p in path.parent.iterdir() if p.is_file() and not p.name.startswith("."))
    hint = nearest(path.name, [name for name in found if name not in needed])
    if not hint.startswith("did you mean"):
        hint = f"it holds {', '.join(found[:8])}{', ...' if len(found) > 8 else ''}" if found else "it holds no file"
    return DataError(f"{path.parent}: no {path.name} (a corpus is train.txt, valid.txt and test.txt); {hint}")


def parse_files(
    files: Mapping[str, TextFile], tokenizer: Tokenizer
) -> tuple[dict[str, RawSplit], Sequence[str], list[str]]:
    """The sentences of a corpus as numbered words, these words, and notes on byte order marks.

    Args:
        files: Train, valid and test.
        tokenizer: Learns from train where it has to.

    Raises:
        DataError: A file is empty, not UTF-8, holds NUL bytes, or has labels on some lines only; or see
            `Tokenizer.learn`.
        UsageError: See `Tokenizer.learn`.
    """
    texts, notes = {}, []
    for part, file in files.items():
        data = _checked(file)
        if data.startswith(BOM_UTF8):
            data = data[len(BOM_UTF8) :]
            notes.append(f"{part}: 1 byte order mark skipped")
        texts[part] = data.replace(b"\r\n", b"\n") if b"\r" in data else data
    labelled = b"\t" in texts["train"] and _starts_with_a_label(texts["train"].decode())
    raw, numbering = {}, TextNumbering() if tokenizer.name == "split" else Numbering()
    for part, data in texts.items():
        path, labels = files[part].path, {}
        if labelled:
            text, labels[LABEL] = _split_labels(path, data.decode())
            data = text.encode()
        elif b"\t" in data:
            _refuse_tabs(path, data.decode())
        raw[part] = RawSplit(str(path), _words(part, data, tokenizer, numbering), labels)
    return raw, numbering.spellings, notes


def _starts_with_a_label(text: str) -> bool:
    """Whether the first line that isn't blank has a tab."""
    return "\t" in next((line for line in text.split("\n") if line.strip()), "")


def _words(part: str, data: bytes, tokenizer: Tokenizer, numbering: Numbering | TextNumbering) -> Words:
    """The words of all lines; train comes first."""
    if isinstance(numbering, TextNumbering):
        return numbering.text(data)
    lines = data.decode().removesuffix("\n").split("\n")
    if part == "train":
        tokenizer.learn(lines)
    return numbering.lines(lines, tokenizer)


def _checked(file: TextFile) -> bytes:
    """The bytes of a file that is UTF-8 text."""
    if not file.data:
        raise DataError(f"{file.path}: the file is empty; give one tokenised sentence a line")
    for magic, what in _MAGIC.items():
        if file.data.startswith(magic):
            raise DataError(f"{file.path}: not UTF-8 text but {what}")
    if not file.data.isascii():
        _check_utf8(file)
    if (nul := file.data.find(0)) >= 0:
        raise DataError(f"{file.path}:{_place(file.data, nul)}: a NUL byte; this is no text file, or a damaged one")
    return file.data


def _check_utf8(file: TextFile) -> None:
    try:
        file.data.decode("utf-8")
    except UnicodeDecodeError as error:
        place, byte = _place(file.data, error.start), file.data[error.start]
        raise DataError(
            f"{file.path}:{place}: byte 0x{byte:02x} is not UTF-8; convert the file, for example with "
            f"`iconv -f LATIN1 -t UTF-8`"
        ) from None


def _place(data: bytes, start: int) -> str:
    """``line:byte`` of a place in a file, both from 1."""
    line, column = data.count(b"\n", 0, start) + 1, start - data.rfind(b"\n", 0, start)
    return f"{line}:{column}"


def _refuse_tabs(path: Path, text: str) -> None:
    for n, line in enumerate(text.split("\n"), start=1):
        if "\t" in line and not line.isspace():
            raise DataError(f"{path}:{n}: a tab, though the first line of train.txt has none; {_RULE}")


def _split_labels(path: Path, text: str) -> tuple[str, list[str]]:
    """Sentences and labels of a text whose lines are all ``label<TAB>sentence`` or blank."""
    sentences, labels = [], []
    for n, line in enumerate(text.split("\n"), start=1):
        label, _, sentence = line.partition("\t")
        if line and not line.isspace():
            if (tabs := line.count("\t")) != 1:
                what = f"{tabs} tabs" if tabs else "no tab, though the first line of train.txt has a label"
                raise DataError(f"{path}:{n}: {what}; {_RULE}")
            if not label.strip():
                raise DataError(f"{path}:{n}: an empty label before the tab; {_RULE}")
        sentences.append(sentence)
        labels.append(label.strip())
    return "\n".join(sentences), labels

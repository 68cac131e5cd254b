"""Folders of text: ``train.txt``, ``valid.txt`` and ``test.txt``, one tokenised sentence a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vaecli.config import CorpusConfig
from vaecli.corpus.columns import LABEL, split_columns
from vaecli.corpus.encode import RawSplit
from vaecli.corpus.records import Columns, Source
from vaecli.corpus.text_files import TextFile, clean_text
from vaecli.corpus.tokenizers.tokenizer import Tokenizer
from vaecli.corpus.types import UNK
from vaecli.corpus.vocabulary import SPECIALS
from vaecli.corpus.words import Numbering, TextNumbering, Words, Written


def parse_files(
    files: Mapping[str, TextFile], config: CorpusConfig, tokenizer: Tokenizer
) -> tuple[dict[str, RawSplit], Sequence[str], list[str]]:
    """The sentences of a corpus as numbered words, these words, and notes on what was mended or recognised.

    Args:
        files: Train, valid and test.
        config: `text_column`, `label_column` and `unknown_words` are used.
        tokenizer: Learns from train where it has to.

    Raises:
        DataError: A file is no text, or its lines don't fit each other; or see `Tokenizer.learn`.
        UsageError: A field that the files don't have was named; or see `Tokenizer.learn`.
    """
    sources, notes = {}, []
    for part, file in files.items():
        text, mended = clean_text(part, file)
        sources[part] = Source(file.path, text)
        notes += mended
    sentences, recognised = split_columns(sources, Columns(config.text_column, config.label_column))
    raw, numbering = {}, TextNumbering() if tokenizer.name == "split" else Numbering()
    unknown = config.unknown_words.split()
    for part, split in sentences.items():
        labels = {} if split.labels is None else {LABEL: split.labels}
        words = _words(part, split.text, tokenizer, numbering, unknown)
        raw[part] = RawSplit(str(files[part].path), words, labels)
    return raw, numbering.spellings, [*notes, *recognised]


def _words(
    part: str, text: bytes, tokenizer: Tokenizer, numbering: Numbering | TextNumbering, unknown: Sequence[str]
) -> Words:
    """The words of all lines; train comes first."""
    if isinstance(numbering, TextNumbering):
        return numbering.text(text)
    written = text.decode().removesuffix("\n").split("\n")
    lines = [_marked(line, unknown) for line in written]
    if part == "train":
        tokenizer.learn(lines)
    return numbering.sentences(map(tokenizer, lines), Written.of(written))


def _marked(line: str, unknown: Sequence[str]) -> str:
    """A line with ``<unk>`` for the words that stand for it, before a tokenizer takes them apart."""
    if not any(word in line for word in unknown):
        return line
    return " ".join(SPECIALS[UNK] if word in unknown else word for word in line.split())

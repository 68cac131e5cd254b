"""Folders of text: ``train.txt``, ``valid.txt`` and ``test.txt``, one tokenised sentence a line."""

from __future__ import annotations

import io
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from vaecli.config import CorpusConfig
from vaecli.corpus.columns import LABEL, split_columns
from vaecli.corpus.encode import RawSplit
from vaecli.corpus.long_lines import Lines, stretches
from vaecli.corpus.records import Columns, Source
from vaecli.corpus.text_files import TextFile, clean_text
from vaecli.corpus.tokenizers import SUBWORDS
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
        config: `text_column`, `label_column`, `unknown_words` and `max_length` are used.
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
    for part, split in sentences.items():
        labels = {} if split.labels is None else {LABEL: split.labels}
        words = _words(part, split.text, tokenizer, numbering, config)
        line = split.lines[words.long.line] if split.lines and words.long.count else words.long.line + 1
        raw[part] = RawSplit(str(files[part].path), words, labels, line)
    return raw, numbering.spellings, [*notes, *recognised]


def _words(
    part: str, text: bytes, tokenizer: Tokenizer, numbering: Numbering | TextNumbering, config: CorpusConfig
) -> Words:
    """The words of all lines; train comes first."""
    if isinstance(numbering, TextNumbering):
        return numbering.text(text, config.max_length)
    cutter = _Cutter(tokenizer, config.unknown_words.split(), config.max_length)
    if part == "train":
        tokenizer.learn(Lines(text, cutter.marked))
    words = numbering.sentences(map(cutter.sentence, io.BytesIO(text)), config.max_length)
    return replace(words, written=cutter.written)


class _Cutter:
    """Cuts lines into the words of a tokenizer, and counts the white-space words.

    Args:
        tokenizer: Has learned.
        unknown: Words that stand for an unknown one.
        limit: Words of a sentence.
    """

    def __init__(self, tokenizer: Tokenizer, unknown: Sequence[str], limit: int) -> None:
        self._tokenizer, self._unknown, self._limit = tokenizer, unknown, limit
        self._lengths = array("d")
        self._counts, self._first, self._last = Counter[str](), Counter[str](), Counter[str]()

    def sentence(self, line: bytes) -> list[str]:
        """The words of a line; where there are more than the limit, some more."""
        words, total = list[str](), 0
        last = list[str]()
        for stretch in stretches(line, whole=self._tokenizer.name in SUBWORDS):
            if len(words) > self._limit:
                last = []
                break
            text = stretch.decode()
            written = text.split()
            self._counts.update(written)
            self._first.update([] if total else written[:1])
            last = written[-1:] or last
            total += len(written)
            words += self._tokenizer(self.marked(text))
        self._last.update(last)
        share = min(len(words), self._limit) / len(words) if words else 0.0
        self._lengths.append(total * share)
        return words

    def marked(self, line: str) -> str:
        """A line with ``<unk>`` for the words that stand for it, before a tokenizer takes them apart."""
        if not any(word in line for word in self._unknown):
            return line
        return " ".join(SPECIALS[UNK] if word in self._unknown else word for word in line.split())

    @property
    def written(self) -> Written:
        """The white-space words of the lines that were cut."""
        return Written(np.array(self._lengths, dtype=np.float64), self._counts, self._first, self._last)

"""The files of a corpus as sentences, and these as numbered words."""

from __future__ import annotations

import io
import json
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from vaecli.config import CorpusConfig
from vaecli.corpus.arrow_rows import parquet_lines
from vaecli.corpus.columns import LABEL, Sentences, split_columns
from vaecli.corpus.division import divided
from vaecli.corpus.encode import RawSplit
from vaecli.corpus.long_lines import Lines, stretches
from vaecli.corpus.records import NO_LABEL, Columns, Source
from vaecli.corpus.table_files import table_sentences
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
        files: Train, valid and test; those that are lacking are taken out of train, see `division`.
        config: `text_column`, `label_column`, `corpus_seed`, `unknown_words` and `max_length` are used.
        tokenizer: Learns from train where it has to.

    Raises:
        DataError: A file is no text, or its lines don't fit each other; or see `Tokenizer.learn`.
        UsageError: A field that the files don't have was named; or see `Tokenizer.learn`.
    """
    sentences, notes = read_sentences(files, config)
    raw, numbering = {}, TextNumbering() if tokenizer.name == "split" else Numbering()
    for part, split in sentences.items():
        labels = {} if split.labels is None else {LABEL: split.labels}
        words = _words(part, split.text, tokenizer, numbering, config)
        line = split.lines[words.long.line] if split.lines and words.long.count else words.long.line + 1
        raw[part] = RawSplit(str(files.get(part, files["train"]).path), words, labels, line)
    return raw, numbering.spellings, notes


def read_sentences(files: Mapping[str, TextFile], config: CorpusConfig) -> tuple[dict[str, Sentences], list[str]]:
    """The sentences and labels of all three splits, before they are cut into words; see `parse_files`."""
    sources, notes = {}, []
    for part, file in files.items():
        if file.kind == ".parquet":
            file = replace(file, data=parquet_lines(file), kind=".jsonl")
        text, mended = clean_text(part if len(files) > 1 else file.path.name, file)
        sources[part] = Source(file.path, text)
        notes += mended
    columns = Columns(config.text_column, config.label_column)
    kind = files["train"].kind
    read = split_columns(sources, columns) if kind == ".txt" else table_sentences(sources, kind, columns)
    sentences, rule = divided(read[0], config.corpus_seed, files["train"].path)
    return sentences, [*notes, *read[1], *rule]


def as_tables(files: Mapping[str, TextFile], config: CorpusConfig) -> tuple[dict[str, TextFile], dict[str, str]]:
    """A corpus as one table a split, which any machine reads alike, and the settings that name its columns then."""
    sentences, _ = read_sentences(files, config)
    tables = {}
    for part, split in sentences.items():
        texts = split.text.decode().removesuffix("\n").split("\n")
        labels = split.labels or [""] * len(texts)
        rows = (json.dumps({"text": t, LABEL: label}) + "\n" for t, label in zip(texts, labels, strict=True))
        tables[part] = TextFile(files.get(part, files["train"]).path, "".join(rows).encode(), ".jsonl")
    labelled = sentences["train"].labels is not None
    return tables, {"text_column": "text", "label_column": LABEL if labelled else NO_LABEL}


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


def with_unknown(line: str, unknown: Sequence[str]) -> str:
    """A line with ``<unk>`` for the words that stand for it, of which a tokenizer would make others.

    Args:
        line: As it is written.
        unknown: The words of `corpus.unknown_words`.
    """
    if not any(word in line for word in unknown):
        return line
    return " ".join(SPECIALS[UNK] if word in unknown else word for word in line.split())


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
        return with_unknown(line, self._unknown)

    @property
    def written(self) -> Written:
        """The white-space words of the lines that were cut."""
        return Written(np.array(self._lengths, dtype=np.float64), self._counts, self._first, self._last)

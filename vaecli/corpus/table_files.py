"""Sentences and labels from tables: ``.csv``, ``.tsv``, ``.jsonl`` and ``.parquet``, whose columns have names.

A file of these kinds is a table by its name, so that its columns may be recognised where they are clear, which in a
``.txt`` would be a guess. Rows are read twice and kept nowhere: once to see what the columns hold, once to take them.
"""

from __future__ import annotations

import io
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from vaecli.core.errors import DataError, UsageError, listed, nearest
from vaecli.corpus.columns import (
    LABEL_LETTERS,
    LABEL_NAMES,
    LABEL_WORDS,
    MOST_LABELS,
    TEXT_NAMES,
    Sentences,
    few_labels,
    usual_names,
)
from vaecli.corpus.header_row import SAMPLE_ROWS, names_columns
from vaecli.corpus.records import AUTO, NO_LABEL, READERS, Columns, Form, Record, Source, row_widths, text_fault

ROW_NUMBERS = frozenset({"id", "idx", "index", "unnamed: 0", ""})
"""Names of columns that number the rows, though each may be a label elsewhere."""

Records = Callable[[], Iterator[Record]]


@dataclass
class _Column:
    """What a column of train holds, as far as it tells a label from a text.

    Attributes:
        rows: Values.
        values: Those that differ, one more than labels may have at most.
        short: Whether all have as few letters as labels.
        brief: Whether all have as few words as labels.
        whole: Whether every row has the column, as objects of JSON need not.
    """

    rows: int = 0
    values: set[str] = field(default_factory=set)
    short: bool = True
    brief: bool = True
    whole: bool = True

    def add(self, value: str) -> None:
        """Takes one more value."""
        self.rows += 1
        if self.short and len(self.values) <= MOST_LABELS and value not in self.values:
            self.values.add(value)
            self.short = len(value) <= LABEL_LETTERS
            self.brief &= len(value.split()) <= LABEL_WORDS

    @property
    def few(self) -> bool:
        """Whether it may be a label if it is called so: its values are short, few and repeated."""
        return self.short and len(self.values) <= few_labels(self.rows)

    @property
    def label_like(self) -> bool:
        """Whether it may be a label whatever it is called."""
        return self.few and self.brief and self.whole


def table_sentences(
    sources: Mapping[str, Source], kind: str, columns: Columns
) -> tuple[dict[str, Sentences], list[str]]:
    """The sentences and labels of tables, and notes on what was recognised.

    Args:
        sources: By split, train among them; Parquet as lines of JSON.
        kind: The end of their names.
        columns: What the user said of the columns.

    Raises:
        DataError: A row doesn't fit the others; or it isn't clear which column is the sentence.
        UsageError: A column was named that the table doesn't have.
    """
    form = _form(sources, kind)
    records = {part: _reader(source, form) for part, source in sources.items()}
    first = next((record for record in records["train"]() if record.fields), None)
    if first is None:
        raise DataError(f"{sources['train'].path}: no row with a value; give a sentence a row")
    # an object may lack what the others have
    rows = islice(records["train"](), SAMPLE_ROWS) if form == "json" else [first]
    names = {name: name for record in rows for name in record.fields}
    notes = []
    if form != "json" and (by_name(columns) or names_columns(records["train"])):
        names = {number: value.strip() for number, value in first.fields.items()}
        records = {part: _without_header(sources[part], read, first) for part, read in records.items()}
        notes.append(f"columns: {', '.join(names.values())} (line {first.line} of {sources['train'].path.name})")
    elif form != "json":
        headers = {part: head for part, read in records.items() if (head := _lone_header(read))}
        records |= {part: _without_header(sources[part], records[part], head) for part, head in headers.items()}
        notes += [
            f"{part}: line {head.line} names the columns ({', '.join(head.fields.values())}) and is left out"
            for part, head in headers.items()
        ]
    held = _contents(records["train"], names)
    text, label, recognised = _choose(sources["train"], names, held, columns)
    taken = {part: _taken(sources[part], records[part], text, label, names) for part in sources}
    return taken, notes + recognised


def by_name(columns: Columns) -> bool:
    """Whether the user called a column by a name, so that the table must have some."""
    said = (columns.text, columns.label)
    return any(name not in ("", AUTO, NO_LABEL) and not name.isdecimal() for name in said)


def _form(sources: Mapping[str, Source], kind: str) -> Form:
    """How the rows of a table are written."""
    if kind in (".jsonl", ".parquet"):
        return "json"
    if kind == ".tsv":
        quoted = any(b'"' in source.text for source in sources.values())
        return "tabs_quoted" if quoted and all(map(_is_quoted, sources.values())) else "tabs"
    return _separated_form(sources["train"])


def _separated_form(train: Source) -> Form:
    """Which mark separates the values of a ``.csv``: the first by which all rows have as many, and several.

    Rows are counted and not lines, for a value may go over several, of which only the first has the other values.
    """
    forms: dict[Form, str] = {"comma": ",", "semicolon": ";", "tabs_quoted": "\t"}
    widths = {form: row_widths(train, mark, SAMPLE_ROWS) for form, mark in forms.items()}
    several = [form for form in forms if min(widths[form], default=0) > 1]
    alike = [form for form in several if len(widths[form]) == 1]
    # a comma also where no row has any: a table of one column
    return (*alike, *several, "comma")[0]


def _is_quoted(source: Source) -> bool:
    """Whether quotation marks are those of quoted values: a sentence that begins with one ends otherwise.

    Nor are they where they would join lines though all lines have the same number of tabs, and so are rows as they are:
    a sentence begins with a mark, and a later one ends in one. Of one column, of which tabs say nothing, they are where
    most rows begin with one, as a writer leaves them that quotes every value.
    """
    try:
        starts = [record.line for record in READERS["tabs_quoted"](source, Columns())]
    except DataError:
        return False
    lines = list(io.BytesIO(source.text))
    if len(starts) == len(lines):
        return True
    tabs = {line.count(b"\t") for line in lines if line.strip()}
    if tabs != {0}:
        return len(tabs) > 1
    return sum(lines[start - 1].startswith(b'"') for start in starts) > len(starts) / 2


def _reader(source: Source, form: Form) -> Records:
    return lambda: READERS[form](source, Columns())


def _without_header(source: Source, read: Records, header: Record) -> Records:
    """The records but for a first one that is the header; the files of other splits may have none."""

    def rest() -> Iterator[Record]:
        records = read()
        for record in records:
            if not record.fields:
                yield record
                continue
            if record.fields != header.fields:
                if set(record.fields.values()) == set(header.fields.values()):
                    raise DataError(f"{source.path}:{record.line}: the columns of train in another order")
                if names_columns(read):
                    called = ", ".join(record.fields.values())
                    raise DataError(f"{source.path}:{record.line}: not the columns of train: {called}; name them alike")
                yield record
            break
        yield from records

    return rest


def _lone_header(read: Records) -> Record | None:
    """The first row of a split where it names columns, though train's does not."""
    rows = list(islice((record for record in read() if record.fields), 2))
    return rows[0] if len(rows) > 1 and usual_names(rows[0].fields) else None


def _contents(read: Records, names: Mapping[str, str]) -> dict[str, _Column]:
    held = {key: _Column() for key in names}
    for record in read():
        if record.fields:
            for key, column in held.items():
                column.whole &= key in record.fields
                column.add(record.fields.get(key, "").strip())
    return held


def _choose(
    train: Source, names: Mapping[str, str], held: Mapping[str, _Column], columns: Columns
) -> tuple[str, str | None, list[str]]:
    """The columns of sentence and label, those that the user named or that are clear, and notes on the latter."""
    notes = []
    if columns.text:
        text = _named(train, columns.text, "--text-column", names)
    else:
        text = _clear_text(train, names, held, columns)
        if len(names) > 1:
            notes.append(f"sentences: column {names[text]!r}; --text-column says otherwise")
    if columns.label == NO_LABEL:
        return text, None, notes
    if columns.label != AUTO:
        label = _named(train, columns.label, "--label-column", names)
        if label == text:
            raise UsageError(f"--label-column {columns.label}: that is the sentence's column; a column is one of them")
        return text, label, notes
    likely = [key for key in names if key != text and names[key].lower() not in ROW_NUMBERS and held[key].label_like]
    called = [key for key in names if key != text and names[key].lower() in LABEL_NAMES - ROW_NUMBERS and held[key].few]
    others = [key for key in names if key != text and names[key].lower() not in ROW_NUMBERS]
    if len(called) == 1 or (len(others) == 1 and likely == others):
        label = (called or likely)[0]
        return text, label, [*notes, f"labels: column {names[label]!r}; --label-column says otherwise"]
    if likely:
        several = ", ".join(names[key] for key in likely[:8])
        notes.append(f"labels: none; --label-column takes one of the columns that may be some: {several}")
    return text, None, notes


def _named(train: Source, name: str, option: str, names: Mapping[str, str]) -> str:
    """The key of a column that the user gave by name, or by number from 1."""
    for key, called in names.items():
        if called == name:
            return key
    if name.isdecimal() and 0 < int(name) <= len(names):
        return list(names)[int(name) - 1]
    if name.isdecimal():
        raise UsageError(f"{option} {name}: {train.path} has {len(names)} columns ({listed(names.values())})")
    raise UsageError(f"{option} {name}: {train.path} has no such column; {nearest(name, names.values())}")


def _clear_text(train: Source, names: Mapping[str, str], held: Mapping[str, _Column], columns: Columns) -> str:
    """The one column that can be the sentence.

    Raises:
        DataError: There are several, or none.
    """
    taken = {key for key, called in names.items() if columns.label in (key, called)}
    free = [key for key in names if key not in taken and names[key].lower() not in ROW_NUMBERS]
    if all(names[key].lower() in LABEL_NAMES and held[key].label_like for key in free):
        there = listed(repr(names[key]) for key in names if key not in taken)
        told = f"there is {there} only" if there else "none is left beside the label"
        raise DataError(
            f"{train.path}: no column of sentences: of those that hold texts, numbers or truth values {told}"
        )
    called = [key for key in free if names[key].lower() in TEXT_NAMES]
    texts = [key for key in free if not held[key].label_like]
    for candidates in (free if len(names) - len(taken) == 1 else [], called, texts if len(names) == 2 else []):
        if len(candidates) == 1:
            return candidates[0]
    raise DataError(
        f"{train.path}: say which column is the sentence, such as --text-column {names[(texts or free)[0]]} "
        f"(columns: {listed(names.values())})"
    )


def _taken(source: Source, read: Records, text: str, label: str | None, names: Mapping[str, str]) -> Sentences:
    """The sentences of one file; a row without one is a blank line."""
    lines, labels, numbers = bytearray(), list[str](), array("q")
    known: dict[str, str] = {}  # one object a class, not one a row
    for record in read():
        sentence = _value(source, record, text, names, "--text-column") if record.fields else ""
        lines += sentence.encode() + b"\n"
        numbers.append(record.line)
        if label is not None:
            value = _value(source, record, label, names, "--label-column").strip() if sentence.strip() else ""
            if sentence.strip() and not value:
                where = f"{source.path}:{record.line}"
                raise DataError(f"{where}: an empty label; give every sentence one, or --label-column {NO_LABEL}")
            labels.append(known.setdefault(value, value))
    return Sentences(bytes(lines), None if label is None else labels, numbers)


def _value(source: Source, record: Record, key: str, names: Mapping[str, str], option: str) -> str:
    if key not in record.fields:
        way = f"; or {option} {NO_LABEL}" if option == "--label-column" else ""
        raise DataError(f"{source.path}:{record.line}: no text, number or truth value {names[key]!r} ({option}){way}")
    value = record.fields[key]
    if fault := text_fault(value):
        raise DataError(f"{source.path}:{record.line}: {fault}")
    return value

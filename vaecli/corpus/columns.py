"""Which part of a line is the sentence, and which its label: fields between tabs, JSON lines, comma-separated values.

A line without any of these is a sentence. Of two fields with a tab between, one may be a label: its values are short,
few and repeated. Whatever else it may be is refused with the option that says it, never guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vaecli.core.errors import DataError, UsageError, nearest
from vaecli.corpus.records import (
    AUTO,
    FASTTEXT,
    FORM_NAMES,
    NO_LABEL,
    READERS,
    RULE,
    Columns,
    Form,
    Record,
    Source,
    form_of,
    text_fault,
)

LABEL = "label"
"""Name of the label field."""

LABEL_WORDS, LABEL_LETTERS = 3, 50
"""The most words and characters of a label that is recognised by itself."""

FEW_LABELS, LINES_A_LABEL, MOST_LABELS = 20, 5, 1_000
"""Labels are few: no more than the first, or than one in so many lines, and never more than the last."""

LABEL_NAMES = frozenset(
    {
        "label",
        "labels",
        "class",
        "classes",
        "category",
        "categories",
        "sentiment",
        "polarity",
        "stars",
        "rating",
        "score",
        "target",
        "y",
        "topic",
        "intent",
        "emotion",
        "id",
        "idx",
        "index",
    }
)
TEXT_NAMES = frozenset(
    {
        "text",
        "texts",
        "sentence",
        "sentences",
        "review",
        "reviews",
        "content",
        "comment",
        "comments",
        "body",
        "utterance",
        "question",
        "title",
        "document",
    }
)
"""Words of a header row."""


@dataclass(frozen=True)
class Sentences:
    """The sentences of one file.

    Attributes:
        text: UTF-8, a sentence a line; blank lines stay.
        labels: The label of each line; None without labels.
        lines: The number of each line in the file; None where it is that in the text.
    """

    text: bytes
    labels: list[str] | None = None
    lines: Sequence[int] | None = None


def split_columns(sources: Mapping[str, Source], columns: Columns) -> tuple[dict[str, Sentences], list[str]]:
    """The sentences and labels of the three files, and notes on what was recognised.

    Args:
        sources: Train, valid and test.
        columns: What the user said of the fields.

    Raises:
        DataError: A line doesn't fit the others; or there are fields, and which of them is the sentence isn't clear.
        UsageError: A field was named that the files don't have.
    """
    train = sources["train"]
    form = form_of(train, columns)
    if form == "plain":
        if columns.said:
            raise UsageError(_no_fields(train, columns))
        for source in sources.values():
            _refuse_tabs(source)
        return {part: Sentences(source.text) for part, source in sources.items()}, []
    if form == "tab" and columns.label == NO_LABEL and not columns.text:
        return {part: Sentences(source.text) for part, source in sources.items()}, []
    if form in FORM_NAMES and not columns.text:
        raise DataError(f"{train.path}: {FORM_NAMES[form]}, not sentences; {_ask(form, train)}")
    records = {part: list(READERS[form](source, columns)) for part, source in sources.items()}
    records, columns, notes = _without_headers(sources, records, form, columns)
    return _chosen(sources, records, form, columns, notes)


def _ask(form: Form, train: Source) -> str:
    """What to say: the option, and what there is to choose from.

    Raises:
        DataError: There is nothing, as in objects of lists alone.
    """
    first = next((record for record in READERS[form](train, Columns()) if record.fields), None)
    if first is None:
        raise DataError(f"{train.path}: {FORM_NAMES[form]} without a text, number or truth value; give each a sentence")
    if form == "json":
        choices = [name for name, value in first.fields.items() if " " in value] or list(first.fields)
        return (
            f"say which field is the sentence, such as --text-column {choices[0]} (fields: {', '.join(first.fields)})"
        )
    widest = max(first.fields, key=lambda name: len(first.fields[name]))
    return f"say which of the {len(first.fields)} fields is the sentence, such as --text-column {widest}"


def _no_fields(train: Source, columns: Columns) -> str:
    option = f"--text-column {columns.text}" if columns.text else f"--label-column {columns.label}"
    return f"{option}: {train.path} has one field a line (no tabs, no JSON, no separated values); leave it out"


def _refuse_tabs(source: Source) -> None:
    if b"\t" not in source.text:
        return
    for number, line in enumerate(source.text.decode().split("\n"), start=1):
        if "\t" in line and not line.isspace():
            raise DataError(f"{source.path}:{number}: a tab, though the corpus begins with a line without one; {RULE}")


def _without_headers(
    sources: Mapping[str, Source], records: Mapping[str, list[Record]], form: Form, columns: Columns
) -> tuple[dict[str, list[Record]], Columns, list[str]]:
    """The records without rows that name the fields, the columns with numbers in place of these names, and notes."""
    if form in ("json", "fasttext"):
        return dict(records), columns, []
    named = [
        name for name in (columns.text, columns.label) if name not in ("", AUTO, NO_LABEL) and not name.isdecimal()
    ]
    first = {part: _first(rows) for part, rows in records.items()}
    cleaned, notes, resolved = {}, [], columns
    for part, rows in records.items():
        index = first[part]
        if index is None or not (named or _is_header(part, records, first)):
            cleaned[part] = rows
            continue
        header = rows[index]
        numbers = {value.strip(): number for number, value in header.fields.items()}
        for name in named:
            if name not in numbers:
                raise UsageError(
                    f"{sources[part].path}:{header.line}: no field is called {name!r} (--text-column, "
                    f"--label-column); {nearest(name, numbers)}"
                )
        if part == "train":
            resolved = Columns(numbers.get(columns.text, columns.text), numbers.get(columns.label, columns.label))
        notes.append(f"{part}: line {header.line} names the fields ({', '.join(numbers)}) and is left out")
        cleaned[part] = [*rows[:index], *rows[index + 1 :]]
    return cleaned, resolved, notes


def _first(rows: Sequence[Record]) -> int | None:
    return next((n for n, record in enumerate(rows) if record.fields), None)


def _is_header(part: str, records: Mapping[str, list[Record]], first: Mapping[str, int | None]) -> bool:
    """Whether the first row of a file names the fields.

    It does where all its values are usual names; or where all three files, though they go on otherwise, begin with one
    row of which no value ever comes again. Empty ones are no values.
    """
    index = first[part]
    if index is None or not any(record.fields for record in records[part][index + 1 :]):
        return False
    if usual_names(records[part][index].fields):
        return True
    heads = [[record.fields for record in rows if record.fields][:2] for rows in records.values()]
    if any(head[:1] != heads[0][:1] for head in heads) or all(head == heads[0] for head in heads):
        return False
    header = {value for value in heads[0][0].values() if value.strip()}
    with_it = sum(not header.isdisjoint(record.fields.values()) for rows in records.values() for record in rows)
    return with_it == len(records)


def usual_names(fields: Mapping[str, str]) -> bool:
    """Whether all values of a row are usual names of fields, one of them a sentence's; empty ones are no values."""
    values = {value.strip().lower() for value in fields.values() if value.strip()}
    return values <= LABEL_NAMES | TEXT_NAMES and not values.isdisjoint(TEXT_NAMES)


def _chosen(
    sources: Mapping[str, Source],
    records: Mapping[str, list[Record]],
    form: Form,
    columns: Columns,
    notes: list[str],
) -> tuple[dict[str, Sentences], list[str]]:
    """The sentences and labels of the fields that the user or the rule chose."""
    filled = [record.fields for record in records["train"] if record.fields]
    label: str | None
    if form == "fasttext":
        _refuse_fields_of_fasttext(sources["train"], columns)
        text, label = "2", "1"
        notes = [*notes, f"labels: the prefix {FASTTEXT} of each line"]
    elif not columns.said:
        text, label, note = _recognised(sources["train"], filled)
        notes = [*notes, *([note] if note else [])]
    else:
        text, label = _said(sources["train"], filled, columns)
    result = {}
    for part, rows in records.items():
        path = sources[part].path
        texts = [_value(path, record, text, "--text-column") for record in rows]
        labels = None if label is None else [_label(path, record, label) for record in rows]
        result[part] = Sentences("\n".join([*texts, ""]).encode(), labels, [record.line for record in rows])
    return result, notes


def _refuse_fields_of_fasttext(train: Source, columns: Columns) -> None:
    """Refuses fields other than those that the prefix makes: 1 is the label, 2 the sentence."""
    for option, name, own in (("--text-column", columns.text, "2"), ("--label-column", columns.label, "1")):
        if name not in ("", AUTO, own):
            raise UsageError(
                f"{option} {name}: {train.path} has the label behind {FASTTEXT}, field 1, and the sentence, field 2; "
                f"leave it out, or --label-column {NO_LABEL} alone takes the whole line for the sentence"
            )


def _value(path: Path, record: Record, name: str, option: str) -> str:
    if not record.fields:
        return ""
    if name not in record.fields:
        raise DataError(f"{path}:{record.line}: no field {name!r} ({option}); {nearest(name, record.fields)}")
    value = record.fields[name]
    if fault := text_fault(value):
        raise DataError(f"{path}:{record.line}: {fault}")
    return value


def _label(path: Path, record: Record, name: str) -> str:
    label = _value(path, record, name, "--label-column").strip()
    if record.fields and not label:
        raise DataError(f"{path}:{record.line}: an empty label; give every sentence one, or --label-column {NO_LABEL}")
    return label


def _said(train: Source, filled: Sequence[Mapping[str, str]], columns: Columns) -> tuple[str, str | None]:
    """The fields that the user named; of two fields of which one is named, the other may go unsaid."""
    names = list(filled[0]) if filled else []
    columns = Columns(_by_number(columns.text, names), _by_number(columns.label, names))
    for option, name in (("--text-column", columns.text), ("--label-column", columns.label)):
        if name not in ("", AUTO, NO_LABEL, *names):
            raise UsageError(f"{option} {name}: {train.path} has no such field; {nearest(name, names)}")
    if not columns.text:
        rest = [name for name in names if name != columns.label]
        if len(rest) != 1:
            raise UsageError(f"--label-column {columns.label}: say the sentence's field too, with --text-column")
        return rest[0], columns.label
    if columns.label == columns.text:
        raise UsageError(f"--text-column and --label-column are both {columns.text}; a field is one of them")
    if columns.label == NO_LABEL:
        return columns.text, None
    if columns.label != AUTO:
        return columns.text, columns.label
    rest = [name for name in names if name != columns.text]
    recognised = len(rest) == 1 and label_like([fields.get(rest[0], "") for fields in filled])
    return columns.text, rest[0] if recognised else None


def _by_number(name: str, names: Sequence[str]) -> str:
    """The name of a field of JSON that was given by its number from 1; any other as it is."""
    is_number = name not in names and name.isdecimal() and 0 < int(name) <= len(names)
    return names[int(name) - 1] if is_number else name


def label_like(values: Sequence[str]) -> bool:
    """Whether the values of a field may be labels: short, few and repeated."""
    counts = Counter(value.strip() for value in values)
    short = all(len(value) <= LABEL_LETTERS and len(value.split()) <= LABEL_WORDS for value in counts)
    return short and len(counts) <= few_labels(len(values))


def few_labels(lines: int) -> int:
    """The most classes that labels of so many lines have."""
    return min(max(FEW_LABELS, lines // LINES_A_LABEL), MOST_LABELS)


def _recognised(train: Source, filled: Sequence[Mapping[str, str]]) -> tuple[str, str, str]:
    """Sentence and label of lines ``label<TAB>sentence`` or ``sentence<TAB>label``, and a note on the latter."""
    first, last = ([fields[name] for fields in filled] for name in ("1", "2"))
    if label_like(first):
        return "2", "1", ""
    if label_like(last):
        return "1", "2", "labels: the last field of each line (the first is no label); --label-column says otherwise"
    differ = len({value.strip() for value in first})
    raise DataError(
        f"{train.path}: lines of two fields of which none is a label: the first has {differ:,} values on "
        f"{len(filled):,} lines; --text-column 2 or 1 takes one field for the sentence, --label-column {NO_LABEL} the "
        f"whole line, --label-column 1 the first for a label all the same"
    )

"""Lines as records of fields: tabs, JSON lines, comma- and semicolon-separated values, and fastText's label prefix."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from vaecli.core.errors import DataError

AUTO, NO_LABEL = "auto", "none"
"""Values of `corpus.label_column` besides a field's number or name."""

FASTTEXT = "__label__"

SAMPLE_LINES, ENOUGH_LINES = 200, 20
"""Lines that are looked at to recognise a format, and the fewest that show one without quotation marks."""

LONGEST_ROW = 1 << 20
"""Characters of a line of separated values; sentences with commas may go on for longer."""

MOST_FIELDS = 10_000
"""Fields of a line."""

RULE = "a line is a sentence, or all lines of the corpus are a label, one tab and a sentence"

Form = Literal["plain", "tab", "json", "comma", "semicolon", "fasttext", "tabs", "tabs_quoted"]
_DELIMITERS: Mapping[Form, str] = {"comma": ",", "semicolon": ";"}
FORM_NAMES: Mapping[Form, str] = {
    "json": "lines of JSON",
    "comma": "comma-separated values",
    "semicolon": "semicolon-separated values",
}


@dataclass(frozen=True)
class Source:
    """The text of one file.

    Attributes:
        path: Of the file, for messages.
        text: With line feeds as its line ends.
    """

    path: Path
    text: bytes


@dataclass(frozen=True)
class Columns:
    """The user's word on the fields of a line.

    Attributes:
        text: Number (from 1) or name of the field that is the sentence; empty where it wasn't said.
        label: Number or name of the field that is the label, `NO_LABEL`, or `AUTO`.
    """

    text: str = ""
    label: str = AUTO

    @property
    def said(self) -> bool:
        """Whether a field was named."""
        return bool(self.text) or self.label not in (AUTO, NO_LABEL)


class Record(NamedTuple):
    """One line, or one record of quoted values that goes over several.

    Attributes:
        line: Its number in the file, from 1.
        fields: Values by name or by number from 1 as text; empty for a blank line.
    """

    line: int
    fields: Mapping[str, str]


def form_of(train: Source, columns: Columns) -> Form:
    """What the lines of train look like."""
    lines = _first_lines(train.text, SAMPLE_LINES)
    if not lines:
        return "plain"
    if all(_is_object(line) for line in lines):
        return "json"
    if "\t" in lines[0].strip(" "):
        return "tab"
    if lines[0].startswith(FASTTEXT):
        return "plain" if columns.label == NO_LABEL else "fasttext"
    forms: tuple[Form, ...] = ("comma", "semicolon")
    for form in forms:
        if _is_separated(lines, _DELIMITERS[form], said=columns.said):
            return form
    return "plain"


def _first_lines(text: bytes, count: int) -> list[str]:
    """The first lines that aren't blank, without decoding the rest of a large text."""
    lines: list[str] = []
    start = 0
    while start < len(text) and len(lines) < count:
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        line = str(memoryview(text)[start:end], "utf-8")
        if line and not line.isspace():
            lines.append(line)
        start = end + 1
    return lines


def _is_object(line: str) -> bool:
    try:
        return line.lstrip().startswith("{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _is_separated(lines: Sequence[str], delimiter: str, said: bool) -> bool:
    """Whether lines are separated values: all of one number of fields, and not just sentences with commas.

    Tokenised text has blanks round its commas; raw text with the same number of commas in every line is rare.
    """
    if any(len(line) > LONGEST_ROW for line in lines):
        return False
    rows: list[list[str]] = []
    try:
        rows.extend(csv.reader([line + "\n" for line in lines], delimiter=delimiter, strict=True))
    except csv.Error:
        if len(lines) < SAMPLE_LINES or not rows:  # the sample may end inside a value
            return False
    if len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        return False
    if said:
        return True
    quoted = sum(f'{delimiter}"' in line or line.startswith('"') for line in lines)
    spaced = any(f" {delimiter} " in line for line in lines)
    return quoted > len(lines) / 2 or (not spaced and len(lines) >= ENOUGH_LINES)


def _lines(source: Source) -> Iterator[str]:
    """The lines of a file, decoded one at a time."""
    return (line.decode().removesuffix("\n") for line in io.BytesIO(source.text))


def _tab_records(source: Source, columns: Columns) -> Iterator[Record]:
    """Fields between tabs, without quotation marks of any meaning, since sentences hold lone ones."""
    width = 0
    for number, line in enumerate(_lines(source), start=1):
        # a label alone is a blank line, whose label goes with it
        if not line or line.isspace():
            yield Record(number, {})
            continue
        tabs = line.count("\t")
        width = width or (tabs + 1 if columns.said else 2)
        if tabs + 1 != width:
            raise DataError(f"{source.path}:{number}: {_tab_problem(tabs, width - 1)}; {_tab_rule(columns)}")
        if width > MOST_FIELDS:
            raise DataError(f"{source.path}:{number}: {tabs:,} tabs; a line has at most {MOST_FIELDS:,} fields")
        values = line.split("\t")
        yield Record(number, {"1": values[0], "2": values[1]} if width == 2 else _numbered(values))


def _tab_problem(tabs: int, expected: int) -> str:
    if expected == 1 and not tabs:
        return "no tab, though the corpus begins with a line that has a label"
    if expected == 1:
        return f"{tabs} tabs"
    return f"{tabs} tabs where the first line has {expected}"


def _tab_rule(columns: Columns) -> str:
    return "give every line as many" if columns.said else f"{RULE}; --text-column N takes one of several fields"


def _json_records(source: Source, columns: Columns) -> Iterator[Record]:
    for number, line in enumerate(_lines(source), start=1):
        if not line.strip():
            yield Record(number, {})
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            hint = "; `jq -c '.[]'` writes a list like this" if line.lstrip().startswith("[") else ""
            raise DataError(f"{source.path}:{number}: no JSON object; each line is one, {{...}}{hint}")
        plain = {str(key): field for key, field in value.items() if not isinstance(field, dict | list)}
        yield Record(number, {key: _json_text(field) for key, field in plain.items()})


def _json_text(value: object) -> str:
    """A JSON value as text on one line; what isn't text as JSON spells it."""
    if value is None or value != value:  # NaN is how pandas writes what is missing
        return ""
    if type(value) is int:  # most labels, for which `dumps` takes longer than reading the line did
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.splitlines())


def text_fault(value: str) -> str:
    """Why a value isn't text, as only JSON can spell it: half a character, or a NUL; empty where it is."""
    if "\0" in value:
        return "a NUL character, which no text has"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "half a character (a lone surrogate), which is no text"
    return ""


def _separated_records(delimiter: str, quoted: bool = True) -> Callable[[Source, Columns], Iterator[Record]]:
    def read(source: Source, columns: Columns) -> Iterator[Record]:
        """Separated values with quotation marks, as RFC 4180 has them; a line feed in a value becomes a blank."""
        csv.field_size_limit(max(csv.field_size_limit(), len(source.text) + 1))  # a value may be a whole document
        lines = (line.replace("\r", " ") + "\n" for line in _lines(source))
        reader = csv.reader(
            lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=True
        )
        width, records = 0, -1
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader, None)
            except csv.Error as error:
                raise DataError(f"{source.path}:{line}: not a row of separated values: {error}") from None
            if row is None:
                return
            if not any(value.strip() for value in row):
                yield Record(line, {})
                continue
            width, records = width or len(row), records + 1
            if len(row) != width:
                hint = f"; a value that holds {delimiter!r} stands between quotation marks" if len(row) > width else ""
                if records == 1 and len(row) == width + 1:
                    hint += ", and rows that have names need a name for their column (R: row.names = FALSE)"
                raise DataError(f"{source.path}:{line}: {len(row)} fields where the first row has {width}{hint}")
            yield Record(line, _numbered([" ".join(value.splitlines()) for value in row]))

    return read


def count_sentences(text: bytes) -> int:
    """Lines that aren't blank, by any white space, which line feeds end and nothing else, as when the text is read."""
    return sum(not line.decode(errors="replace").isspace() for line in io.BytesIO(text))


def row_widths(source: Source, delimiter: str, most: int) -> set[int]:
    """How many values the first rows have that aren't blank, at most so many rows; marks that aren't closed count."""
    csv.field_size_limit(max(csv.field_size_limit(), len(source.text) + 1))
    rows = csv.reader((line.replace("\r", " ") + "\n" for line in _lines(source)), delimiter=delimiter)
    return {len(row) for row in islice((row for row in rows if any(value.strip() for value in row)), most)}


def _fasttext_records(source: Source, columns: Columns) -> Iterator[Record]:
    for number, line in enumerate(_lines(source), start=1):
        if not line.strip():
            yield Record(number, {})
            continue
        mark, _, sentence = line.strip().partition(" ")
        if not mark.startswith(FASTTEXT) or sentence.lstrip().startswith(FASTTEXT):
            what = (
                "several labels" if mark.startswith(FASTTEXT) else f"no {FASTTEXT}, though the corpus begins with one"
            )
            raise DataError(f"{source.path}:{number}: {what}; --label-column {NO_LABEL} takes them for words")
        yield Record(number, {"1": mark.removeprefix(FASTTEXT), "2": sentence})


READERS: Mapping[Form, Callable[[Source, Columns], Iterator[Record]]] = {
    "tab": _tab_records,
    "json": _json_records,
    "comma": _separated_records(","),
    "semicolon": _separated_records(";"),
    "fasttext": _fasttext_records,
    "tabs": _separated_records("\t", quoted=False),
    "tabs_quoted": _separated_records("\t"),
}


def _numbered(values: Sequence[str]) -> dict[str, str]:
    return {str(number): value for number, value in enumerate(values, start=1)}

"""Whether the first row of a table names its columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from vaecli.corpus.columns import LABEL_NAMES, TEXT_NAMES
from vaecli.corpus.records import Record

HEADER_NAME = re.compile(r"[^\W\d][\w .:/()-]{0,49}")
"""What a column is called: a word or some, no number and no sentence."""

HEADER_WORDS = 3

SAMPLE_ROWS = 200
"""Rows that are looked at to tell a header, and the delimiter."""


def names_columns(read: Callable[[], Iterator[Record]]) -> bool:
    """Whether the first row of a table names its columns.

    It does where all its values are different, short and no numbers, none comes again in its column among the rows that
    follow, and some column goes on with numbers or with longer texts. Empty ones are no values: a program that writes
    the numbers of rows leaves their column without a name, and the rows of a spreadsheet may end in several commas.
    """
    rows = [record.fields for record in islice(read(), SAMPLE_ROWS) if record.fields]
    if not rows:
        return False
    head, rest = rows[0], rows[1:]
    values = [value.strip() for value in head.values() if value.strip()]
    lower = {value.lower() for value in values}
    if len(lower) != len(values) or not all(map(_is_name, values)):
        return False
    if any(value.strip() and row.get(key) == value for row in rest for key, value in head.items()):
        return False
    if lower & (TEXT_NAMES | LABEL_NAMES):
        return True
    columns = [[row[key] for row in rest if key in row] for key in head]
    return any(column and (all(map(_is_number, column)) or _are_texts(column)) for column in columns)


def _is_name(value: str) -> bool:
    return bool(HEADER_NAME.fullmatch(value)) and len(value.split()) <= HEADER_WORDS


def _is_number(value: str) -> bool:
    return value.strip().replace(".", "", 1).removeprefix("-").isdecimal()


def _are_texts(values: Sequence[str]) -> bool:
    return sum(len(value.split()) for value in values) > HEADER_WORDS * len(values)

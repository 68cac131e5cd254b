"""Lines and words of any length: what is read of them is bounded, whatever a file holds.

A line is cut to ``corpus.max_length`` words, so that of a line of a hundred megabytes no more is looked at than it
takes to fill these. A word of more than `LONGEST_WORD` characters is none of a language, but text that isn't cut, or
something that is no text; it is read as ``<unk>``, and told.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from typing import Protocol

_CODE_POINTS = (0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
SPACES = tuple(chr(point).encode() for point in _CODE_POINTS)
"""White space outside ASCII, at which `str.split` splits too."""

WHITE = re.compile(rb"[\t-\r\x1c-\x20]|" + b"|".join(SPACES))

STRETCH = 1 << 18
"""Bytes of a line looked at together; nearly all lines are shorter."""

LONGEST_WORD = 1_000
"""Characters of a word."""


@dataclass(frozen=True)
class LongWords:
    """Words of more than `LONGEST_WORD` characters in a text.

    Attributes:
        count: How many there are, where sentences are not cut.
        line: Index of the first line that has one.
    """

    count: int = 0
    line: int = 0

    def and_at(self, line: int, count: int) -> LongWords:
        """With those of a later line."""
        return LongWords(self.count + count, self.line if self.count else line) if count else self


def stretches(line: bytes, whole: bool = False) -> Iterator[bytes]:
    """A line in parts of about `STRETCH` bytes, which end at white space.

    Of a word that is longer only the beginning comes, more than `LONGEST_WORD` characters.

    Args:
        line: UTF-8.
        whole: Cut such a word in parts instead, for a tokenizer that cuts words.
    """
    start = 0
    while len(line) - start > STRETCH:
        space = WHITE.search(line, start + STRETCH, start + 2 * STRETCH)
        end = space.end() if space else _character(line, start + 2 * STRETCH)
        yield line[start:end]
        start = end
        if not space and not whole:
            after = WHITE.search(line, end)
            start = after.start() if after else len(line)
    if start < len(line):
        yield line[start:]


def _character(line: bytes, index: int) -> int:
    """The index, or that before it at which a character begins."""
    index = min(index, len(line))
    while index < len(line) and line[index] & 0xC0 == 0x80:
        index -= 1
    return index


class LineList(Sized, Iterable[str], Protocol):
    """Lines that can be counted, and read more than once."""


class Lines:
    """The lines of a text, decoded one at a time; of one that is longer than `STRETCH` the beginning.

    Args:
        text: UTF-8.
        change: Made of each line.
    """

    def __init__(self, text: bytes, change: Callable[[str], str]) -> None:
        self._text, self._change = text, change

    def __len__(self) -> int:
        """Number of lines."""
        return self._text.count(b"\n") + (self._text[-1:] not in (b"", b"\n"))

    def __iter__(self) -> Iterator[str]:
        """The lines, changed."""
        heads = (next(stretches(line, whole=True)) for line in io.BytesIO(self._text))
        return (self._change(head.decode()) for head in heads)

"""From text to numbered words, a good part of a file at a time.

Words as strings, and a look-up in a dictionary for each, would take most of the time that reading takes. Here the eight
bytes at the start of all words are a column of integers, and equal integers get equal numbers by way of a hash table in
arrays. Two words have one number if, and only if, their bytes are equal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from vaecli.corpus.slots import Ints

Integers = NDArray[np.uint64]

_CODE_POINTS = (0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
SPACES = tuple(chr(point).encode() for point in _CODE_POINTS)
"""White space outside ASCII, at which `str.split` splits too."""

LANE = 8
"""Bytes in an integer. Words of up to two integers are numbered in columns, longer ones one by one."""

MASKS = np.array([2 ** (8 * n) - 1 for n in range(LANE + 1)], dtype=np.uint64)
"""What leaves the first n bytes of an integer."""

PARTS = (1 << 14, 1 << 17)
"""Bytes of a text looked at together: few at first, when most words are new, and never more than the cache holds."""

TABLE_BITS = 16
"""Logarithm of a hash table's size."""

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio, for multiplicative hashing (Knuth, The Art of Computer Programming 3, 6.4)."""


@dataclass(frozen=True)
class Words:
    """The words of all lines of a text.

    Attributes:
        types: (W,) the place of each word in `Numbering.spellings`.
        lengths: (L,) words of each line; 0 for a blank one.
    """

    types: Ints
    lengths: Ints


class Numbering:
    """Words and their numbers, over several texts."""

    def __init__(self) -> None:
        self._number: defaultdict[str, int] = defaultdict(count().__next__)
        self._short, self._first, self._second, self._pairs = (_Table() for _ in range(4))

    @property
    def spellings(self) -> Sequence[str]:
        """The words that differ, number n at place n."""
        return list(self._number)

    def sentences(self, sentences: Iterable[Sequence[str]]) -> Words:
        """The words of sentences that a tokenizer made."""
        types: list[int] = []
        lengths = []
        for sentence in sentences:
            types += map(self._number.__getitem__, sentence)
            lengths.append(len(sentence))
        return Words(np.array(types, dtype=np.int64), np.array(lengths, dtype=np.int64))

    def text(self, data: bytes) -> Words:
        """The words of a text, split at white space as `str.split` does.

        A line ends at a line feed and nowhere else: `str.splitlines` would also break at U+2028, NEL and form feeds,
        which are characters of a sentence here.

        Args:
            data: UTF-8 without NUL.
        """
        if not data.isascii():
            for space in SPACES:
                data = data.replace(space, b" ")
        parts = [self._part(part) for part in _parts(data)]
        types, lengths = zip(*parts, strict=True) if parts else ((), ())
        return Words(_joined(types), _joined(lengths))

    def _part(self, data: bytes) -> tuple[Ints, Ints]:
        """Types and lengths of the lines of a part."""
        padded = data + bytes(2 * LANE)
        raw = np.frombuffer(padded, dtype=np.uint8, count=len(data))
        space = np.ones(len(data) + 2, dtype=bool)
        # bytes 9 to 13 and 28 to 32, the differences going round below 0
        space[1:-1] = ((raw - np.uint8(9)) <= 4) | ((raw - np.uint8(28)) <= 4)
        edges = np.flatnonzero(space[1:] != space[:-1])
        starts, ends = edges[::2], edges[1::2]
        breaks = np.flatnonzero(raw == ord("\n"))
        if not data.endswith(b"\n"):
            breaks = np.append(breaks, len(data))
        lengths = np.diff(np.searchsorted(starts, breaks), prepend=0)
        return self._types(padded, starts, ends), lengths

    def _types(self, padded: bytes, starts: Ints, ends: Ints) -> Ints:
        """The number of each word.

        Args:
            padded: The text and enough zeros to read two integers at the start of the last word.
            starts: (W,) first byte of each word, and
            ends: (W,) the byte after its last.
        """

        def spell(places: Ints) -> list[int]:
            spans = zip(starts[places].tolist(), ends[places].tolist(), strict=True)
            return [self._number[padded[a:b].decode()] for a, b in spans]

        lengths = ends - starts
        # an integer at every byte: they overlap, so numpy may only look at them
        integers: Integers = np.ndarray((len(padded) - LANE + 1,), dtype="<u8", buffer=padded, strides=(1,))
        long = np.flatnonzero(lengths > LANE)
        values = integers[starts] & MASKS[np.minimum(lengths, LANE)]
        values[long] = 0
        types = self._short.numbers(values, spell)
        two, many = long[lengths[long] <= 2 * LANE], long[lengths[long] > 2 * LANE]
        first = self._first.numbers(integers[starts[two]], self._first.count)
        rest = integers[starts[two] + LANE] & MASKS[lengths[two] - LANE]
        pairs = first << 32 | self._second.numbers(rest, self._second.count)
        types[two] = self._pairs.numbers(pairs.view(np.uint64), lambda places: spell(two[places]))
        types[many] = spell(many)
        return types


class _Table:
    """Numbers of integers: a hash table in two arrays knows one integer a slot, nearly all; a dictionary knows all."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {0: 0}
        self._held, self._number = np.zeros(1 << TABLE_BITS, dtype=np.uint64), np.zeros(1 << TABLE_BITS, dtype=np.int64)

    def numbers(self, values: Integers, name: Callable[[Ints], Iterable[int]]) -> Ints:
        """(W,) the number of each value, that of 0 being 0.

        Args:
            values: (W,).
            name: Gives numbers for the values at these places, which are new.
        """
        slot = _slot(values)
        found: Ints = self._number[slot]
        missed = np.flatnonzero(self._held[slot] != values)
        if len(missed):
            some, at, place = np.unique(values[missed], return_index=True, return_inverse=True)
            listed = some.tolist()
            new = np.array([n for n, value in enumerate(listed) if value not in self._known], dtype=np.int64)
            self._known.update(zip(some[new].tolist(), name(missed[at[new]]), strict=True))
            numbers = np.array([self._known[value] for value in listed])
            found[missed] = numbers[place]
            slot = _slot(some)
            free = self._held[slot] == 0
            # the last one of a slot stays, in both
            self._held[slot[free]], self._number[slot[free]] = some[free], numbers[free]
        return found

    def count(self, places: Ints) -> Iterable[int]:
        """Numbers that go on from those given so far."""
        return range(len(self._known), len(self._known) + len(places))


def _slot(values: Integers) -> Ints:
    return ((values * MULTIPLIER) >> np.uint64(64 - TABLE_BITS)).view(np.int64)


def _parts(data: bytes) -> Iterator[bytes]:
    """The text in parts that end at a line's end."""
    start, size = 0, PARTS[0]
    while start < len(data):
        end = data.find(b"\n", start + size) + 1 or len(data)
        yield data[start:end]
        start, size = end, min(2 * size, PARTS[1])


def _joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])

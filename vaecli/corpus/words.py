"""From text to numbered words, a good part of a file at a time.

Words as strings, and a look-up in a dictionary for each, would take most of the time that reading takes. Here the eight
bytes at the start of all words are a column of integers, and equal integers get equal numbers by way of a hash table in
arrays. Two words have one number if, and only if, their bytes are equal.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vaecli.corpus.long_lines import LONGEST_WORD, SPACES, STRETCH, LongWords, stretches
from vaecli.corpus.slots import Floats, Ints
from vaecli.corpus.types import UNK
from vaecli.corpus.vocabulary import SPECIALS
from vaecli.kernels.switch import fast

Integers = NDArray[np.uint64]

LANE = 8
"""Bytes in an integer. Words of up to two integers are numbered in columns, longer ones one by one."""

MASKS = np.array([2 ** (8 * n) - 1 for n in range(LANE + 1)], dtype=np.uint64)
"""What leaves the first n bytes of an integer."""

PARTS = (1 << 12, STRETCH)
"""Bytes of a text looked at together: few at first, when most words are new, and never more than the cache holds."""

TABLE_BITS = 16
"""Logarithm of a hash table's size."""

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio, for multiplicative hashing (Knuth, The Art of Computer Programming 3, 6.4)."""


UNKNOWN = SPECIALS[UNK]
NO_LONG_WORDS = LongWords()


@dataclass(frozen=True)
class Written:
    """The white-space words of a text, as they stand in it.

    Attributes:
        lengths: (L,) words that the sentence of each line stands for, of one that is cut the same share as of its own.
        counts: How often each word is there.
        first: How often it begins a line.
        last: How often it ends one.
    """

    lengths: Floats
    counts: Mapping[str, int]
    first: Mapping[str, int]
    last: Mapping[str, int]


@dataclass(frozen=True)
class Words:
    """The words of all lines of a text, of each line so many at most.

    Attributes:
        types: (W,) the index of each word in `Numbering.spellings`.
        lengths: (L,) words of each line; 0 for a blank one, one more than there may be for any that is cut.
        written: The white-space words, where a tokenizer made others of them.
        long: Words that were too long, and are `UNKNOWN`.
    """

    types: Ints
    lengths: Ints
    written: Written | None = None
    long: LongWords = NO_LONG_WORDS


class _Numbers(dict[str, int]):
    """Words and their numbers, which new words get; one that is too long is `UNKNOWN`, and counted."""

    def __init__(self) -> None:
        super().__init__()
        self.long = 0

    def __missing__(self, word: str) -> int:
        if len(word) > LONGEST_WORD:
            self.long += 1
            return self[UNKNOWN]
        self[word] = number = len(self)
        return number


class Numbering:
    """Words of sentences that a tokenizer made, and their numbers, over several splits."""

    def __init__(self) -> None:
        self._numbers = _Numbers()

    @property
    def spellings(self) -> Sequence[str]:
        """The words that differ, number n at index n."""
        return list(self._numbers)

    def sentences(self, sentences: Iterable[Sequence[str]], limit: int) -> Words:
        """The first words of each sentence, at most `limit`."""
        types, lengths, long = array("q"), array("q"), NO_LONG_WORDS
        for line, sentence in enumerate(sentences):
            before = self._numbers.long
            types.extend(map(self._numbers.__getitem__, sentence[:limit]))
            lengths.append(min(len(sentence), limit + 1))
            long = long.and_at(line, self._numbers.long - before)
        return Words(np.array(types, dtype=np.int64), np.array(lengths, dtype=np.int64), long=long)


class TextNumbering:
    """Words of texts and their numbers, over several texts."""

    def __init__(self) -> None:
        self._spellings: list[str] = []
        self._short, self._long = _Table(1), _Table(2)
        self._longer: dict[str, int] = {}

    @property
    def spellings(self) -> Sequence[str]:
        """The words that differ, number n at index n."""
        return self._spellings

    def _text_by_words(self, data: bytes, limit: int) -> Words:
        """Plain twin of `text`: strings, and a look-up in a dictionary for each."""
        sentences = [line.split() for line in data.decode().removesuffix("\n").split("\n")] if data else []
        kept = [sentence[:limit] for sentence in sentences]
        long = NO_LONG_WORDS
        for line, sentence in enumerate(kept):
            long = long.and_at(line, sum(len(word) > LONGEST_WORD for word in sentence))
        words = [UNKNOWN if len(word) > LONGEST_WORD else word for sentence in kept for word in sentence]
        types = list(map(self._name_longer, words))
        lengths = [min(len(sentence), limit + 1) for sentence in sentences]
        return Words(np.array(types, dtype=np.int64), np.array(lengths, dtype=np.int64), long=long)

    @fast(_text_by_words)
    def text(self, data: bytes, limit: int) -> Words:
        """The first words of each line of a text, split at white space as `str.split` does.

        A line ends at a line feed and nowhere else: `str.splitlines` would also break at U+2028, NEL and form feeds,
        which are characters of a sentence here.

        Args:
            data: UTF-8 without NUL.
            limit: Words of a line at most.
        """
        if not data.isascii():
            for space in SPACES:
                data = data.replace(space, b" ")
        types, lengths, long, lines = list[Ints](), list[Ints](), NO_LONG_WORDS, 0
        for part in _parts(data):
            new, counts = self._long_line(part, limit) if len(part) > 2 * STRETCH else self._part(part, limit)
            if len(missing := np.flatnonzero(new < 0)):
                new[missing] = self._unknown()
                line = int(np.searchsorted(np.minimum(counts, limit).cumsum(), missing[0], side="right"))
                long = long.and_at(lines + line, len(missing))
            types.append(new)
            lengths.append(counts)
            lines += len(counts)
        return Words(_joined(types), np.minimum(_joined(lengths), limit + 1), long=long)

    def _long_line(self, line: bytes, limit: int) -> tuple[Ints, Ints]:
        """Types of a line that is looked at no further than needs be, and (1,) words that were seen."""
        types, count = list[Ints](), 0
        for stretch in stretches(line):
            new, counts = self._part(stretch, max(limit - count, 0))
            types.append(new)
            count += int(counts.sum())
            if count > limit:
                break
        return _joined(types), np.array([count], dtype=np.int64)

    def _part(self, data: bytes, limit: int) -> tuple[Ints, Ints]:
        """Types of the first words of the lines of a part, -1 for one that is too long, and all words of each line."""
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
        if lengths.max() > limit:
            position = np.arange(len(starts)) - np.repeat(lengths.cumsum() - lengths, lengths)
            starts, ends = starts[position < limit], ends[position < limit]
        return self._types(padded, starts, ends), lengths

    def _types(self, padded: bytes, starts: Ints, ends: Ints) -> Ints:
        """The number of each word, -1 for one that is too long.

        Args:
            padded: The text and enough zeros to read two integers at the start of the last word.
            starts: (W,) first byte of each word, and
            ends: (W,) the byte after its last.
        """
        lengths = ends - starts
        # an integer at every byte: they overlap, so numpy may only look at them
        integers: Integers = np.ndarray((len(padded) - LANE + 1,), dtype="<u8", buffer=padded, strides=(1,))
        first = integers.take(starts)
        long = np.flatnonzero(lengths > LANE)
        values = first & MASKS.take(np.minimum(lengths, LANE))
        values[long] = 0
        types = self._short.numbers([values], self._name)
        two, many = long[lengths[long] <= 2 * LANE], long[lengths[long] > 2 * LANE]
        rest = integers[starts[two] + LANE] & MASKS[lengths[two] - LANE]
        types[two] = self._long.numbers([first[two], rest], self._name)
        spans = zip(starts[many].tolist(), ends[many].tolist(), strict=True)
        types[many] = [self._name_longer(padded[a:b].decode()) for a, b in spans]
        return types

    def _name(self, keys: Integers) -> Iterable[int]:
        """Numbers for the new words that are spelt by the rows of integers."""
        spelt: list[bytes] = np.ascontiguousarray(keys, dtype="<u8").view(f"S{LANE * keys.shape[1]}").ravel().tolist()
        start = len(self._spellings)
        self._spellings += b" ".join(spelt).decode().split(" ")
        return range(start, len(self._spellings))

    def _unknown(self) -> int:
        key = np.frombuffer(UNKNOWN.encode().ljust(LANE, b"\0"), dtype="<u8")
        return int(self._short.numbers([key], self._name)[0])

    def _name_longer(self, word: str) -> int:
        if len(word) > LONGEST_WORD:
            return -1
        if word not in self._longer:
            self._longer[word] = len(self._spellings)
            self._spellings.append(word)
        return self._longer[word]


class _Table:
    """Numbers of keys of one or two integers: a table in arrays knows one key a slot, a dictionary knows all.

    The table holds numbers, and the keys are at the indices of their numbers: together these are small enough for a
    core's cache. A free slot holds -1, the index of a key of zeros, which stands for a word of another table.
    """

    def __init__(self, lanes: int) -> None:
        self._known: dict[int, int] = {0: -1}
        self._number = np.full(1 << TABLE_BITS, -1, dtype=np.int32)
        self._keys: Integers = np.zeros((lanes, 1), dtype=np.uint64)

    def numbers(self, key: Sequence[Integers], name: Callable[[Integers], Iterable[int]]) -> Ints:
        """(W,) the number of each key, -1 for one of zeros.

        Args:
            key: (W,) for each integer of a key.
            name: Gives numbers for new keys, the rows of an array.
        """
        slot = _slot(key)
        numbers: Ints = self._number.take(slot).astype(np.int64)
        differs = self._keys[0].take(numbers) != key[0]
        for held, lane in zip(self._keys[1:], key[1:], strict=True):
            differs |= held.take(numbers) != lane
        missed = np.flatnonzero(differs)
        if len(missed):
            numbers[missed] = self._look_up(missed, slot, key, name)
        return numbers

    def _look_up(
        self, missed: Ints, slot: Ints, key: Sequence[Integers], name: Callable[[Integers], Iterable[int]]
    ) -> list[int]:
        """The numbers of keys whose slot doesn't hold them, from the dictionary."""
        values = key[0][missed].tolist()
        for lane in key[1:]:
            values = [value << 64 | more for value, more in zip(values, lane[missed].tolist(), strict=True)]
        known = self._known
        pairs = zip(reversed(values), reversed(missed.tolist()), strict=True)
        new = {value: index for value, index in pairs if value not in known}  # their first indices
        if new:
            first = np.array(list(new.values()), dtype=np.int64)
            keys = np.stack([lane[first] for lane in key], 1)
            numbers = list(name(keys))
            known.update(zip(new, numbers, strict=True))
            self._hold(keys, np.array(numbers, dtype=np.int64), slot[first])
        return [known[value] for value in values]

    def _hold(self, keys: Integers, numbers: Ints, slot: Ints) -> None:
        """Puts new keys into slots that are free; of several that share one, the last. Slot 0 stays with zeros."""
        if (most := int(numbers.max()) + 2) > self._keys.shape[1]:
            grown = np.zeros((len(self._keys), 2 * most), dtype=np.uint64)
            grown[:, : self._keys.shape[1]] = self._keys
            self._keys = grown
        self._keys[:, numbers] = keys.T
        free = (self._number.take(slot) < 0) & (slot > 0)
        self._number[slot[free]] = numbers[free]


def _slot(key: Sequence[Integers]) -> Ints:
    mixed = key[0] * MULTIPLIER
    for lane in key[1:]:
        mixed = (mixed ^ lane) * MULTIPLIER
    return (mixed >> np.uint64(64 - TABLE_BITS)).view(np.int64)


def _parts(data: bytes) -> Iterator[bytes]:
    """The text in parts of whole lines; a part of more than two stretches is one line."""
    start, size = 0, PARTS[0]
    while start < len(data):
        end = data.find(b"\n", start + size) + 1 or len(data)
        if end - start - size > STRETCH and (before := data.rfind(b"\n", start, start + size) + 1):
            end = before  # the long line is a part of its own
        yield data[start:end]
        start, size = end, min(2 * size, PARTS[1])


def _joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])

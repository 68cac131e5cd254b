import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaecli.corpus import long_lines
from vaecli.corpus import words as module
from vaecli.corpus.words import Numbering, TextNumbering

ALPHABET = "ab<é語😀\n\r\t\x0b\x1f\x1b\x7f \u3000\u2028\x85"


def lines_of(text):
    body = text.removesuffix("\n")
    return [line.split() for line in body.split("\n")] if text else []


def check(numbering, text, limit=10**6):
    words, expected = numbering.text(text.encode(), limit), lines_of(text)
    spelt = [numbering.spellings[n] for n in words.types.tolist()]
    assert words.lengths.tolist() == [min(len(line), limit + 1) for line in expected]
    assert spelt == [word for line in expected for word in line[:limit]]
    assert len(set(numbering.spellings)) == len(numbering.spellings)


def test_by_hand():
    numbering = TextNumbering()
    words = numbering.text(b"the cat\n\nthe  incomprehensibilities the", 9)
    assert [numbering.spellings[n] for n in words.types] == ["the", "cat", "the", "incomprehensibilities", "the"]
    assert words.lengths.tolist() == [2, 0, 3]
    # a second text goes on with the numbers of the first
    again = numbering.text(b"cat incomprehensibilities dog\n", 9)
    assert again.types[0] == words.types[1]
    assert again.types[1] == words.types[3]
    assert set(numbering.spellings) == {"the", "cat", "incomprehensibilities", "dog"}


@settings(deadline=None, max_examples=300)
@given(st.lists(st.text(ALPHABET, max_size=60), min_size=1, max_size=3), st.integers(1, 9))
def test_splits_as_str_does(texts, limit):
    numbering = TextNumbering()
    for text in texts:
        check(numbering, text, limit)


PIECES = [
    "a",
    "\u00e9" * 5,
    "b" * 17,
    "c" * 18,
    "\U0001f600" * 17,
    "\u8a9e" * 200,
    "d" * 90,
    " ",
    " ",
    "\t",
    "\u3000",
    "\n",
    "\n\n",
]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=150), st.integers(1, 50))
def test_long_lines_are_split_as_short_ones_are(pieces, limit):
    text = "".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PARTS", (20, 80))
        for splitter in (module, long_lines):
            patch.setattr(splitter, "STRETCH", 80)
        patch.setattr(module, "LONGEST_WORD", 17)
        numbering = TextNumbering()
        words = numbering.text(text.encode(), limit)
    lines = lines_of(text)
    kept = [line[:limit] for line in lines]
    spelt = [numbering.spellings[n] for n in words.types.tolist()]
    assert spelt == ["<unk>" if len(word) > 17 else word for line in kept for word in line]
    assert words.lengths.tolist() == [min(len(line), limit + 1) for line in lines]
    too_long = [sum(len(word) > 17 for word in line) for line in kept]
    assert words.long == long_lines.LongWords(
        sum(too_long), line=next((n for n, count in enumerate(too_long) if count), 0)
    )


@pytest.mark.parametrize("bits", [1, 4])
def test_collisions_in_the_table_change_nothing(bits, monkeypatch):
    monkeypatch.setattr(module, "TABLE_BITS", bits)
    monkeypatch.setattr(module, "PARTS", (20, 50))
    generator = np.random.default_rng(0)
    words = [chr(97 + n % 26) * (1 + n % 19) + str(n % 7) for n in generator.integers(0, 500, 4_000)]
    text = "".join(word + " \n"[n % 5 == 0] for n, word in enumerate(words))
    check(TextNumbering(), text)


def test_words_that_share_their_first_bytes_differ():
    word = "abcdefghijklmnopqrstuvwxyz"
    check(
        TextNumbering(), "\n".join(word[:n] for n in range(1, 27)) + "\n" + " ".join(word[:n] + "!" for n in range(26))
    )


def test_white_space_is_that_of_str():
    spaces = {chr(n) for n in range(sys.maxunicode + 1) if chr(n).isspace()}
    assert {space.decode() for space in module.SPACES} == {space for space in spaces if not space.isascii()}
    check(TextNumbering(), "x".join(chr(n) for n in range(1, 128)))


def test_sentences():
    numbering = Numbering()
    made = numbering.sentences([["a", "dog"], [], ["a"]], 9)
    assert made.types.tolist() == [0, 1, 0]
    assert made.lengths.tolist() == [2, 0, 1]
    assert numbering.sentences([["cat", "dog"]], 9).types.tolist() == [2, 1]
    assert numbering.spellings == ["a", "dog", "cat"]


def test_sentences_are_cut_and_words_that_are_too_long_unknown():
    numbering = Numbering()
    made = numbering.sentences([["a", "b", "c"], ["d", "x" * 1_001], ["x" * 1_000, "y" * 2_000]], 2)
    assert [numbering.spellings[n] for n in made.types] == ["a", "b", "d", "<unk>", "x" * 1_000, "<unk>"]
    assert made.lengths.tolist() == [3, 2, 2]
    assert made.long == long_lines.LongWords(2, line=1)


def test_nothing():
    words = TextNumbering().text(b"", 9)
    assert len(words.types) == len(words.lengths) == 0

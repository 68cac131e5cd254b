"""English words and punctuation joined to a line, for tokenizers whose library has no inverse.

Only blanks are decided, no character changes. The words don't say where the text had blanks, so that this is how most
text is written: Moses's rules (Koehn et al. 2007), and some for what other tokenizers cut apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

CLOSING = re.compile(r"(?:[,.?!:;%)\]}”»…]|'')+")
OPENING = re.compile(r"[(\[{“«\u2018¿¡#$£€¥`]+")

CURLY = "\u2019"
"""The typographic apostrophe, which closes quotations too."""

CLITIC = re.compile(rf"['{CURLY}][^\W\d]+|n['{CURLY}]t", re.IGNORECASE)
"""What a tokenizer cuts off the word before it with its apostrophe: ``'s``, ``n't``."""

CLITICS = frozenset({"s", "t", "m", "d", "ll", "re", "ve"})
"""What follows an apostrophe that is a word of its own."""

NAMES = frozenset({"o", "d", "l"})
"""What such an apostrophe follows in a name, as in O'Neil."""

DECADE = re.compile(r"\d0s")
"""What such an apostrophe stands before, as in the '60s."""


@dataclass(frozen=True)
class Style:
    """What a tokenizer cuts that others don't.

    Attributes:
        infixes: Marks that stand between two words without blanks.
        numbers: Whether points and commas of numbers are words.
        pairs: Words in two halves.
    """

    infixes: frozenset[str] = frozenset()
    numbers: bool = False
    pairs: frozenset[tuple[str, str]] = frozenset()


PLAIN = Style()
BASIC = Style(numbers=True)
SPACY = Style(infixes=frozenset("-/~"), pairs=frozenset({("can", "not"), ("gon", "na"), ("wan", "na"), ("got", "ta")}))


def join(words: Sequence[str], style: Style = PLAIN) -> str:
    """A line of words, with blanks where a reader expects them."""
    line, quotes = "", _Quotes()
    glued = True  # no blank at the line's start
    for before, word, after in zip(("", *words), words, (*words[1:], ""), strict=False):
        if word in _Quotes.MARKS:
            left, right = quotes.sides(before, word, after)
        elif _within(before, word, after, style):
            left = right = True
        else:
            left, right = _leans_left(before, word, style), OPENING.fullmatch(word) is not None
        line += word if left or glued else " " + word
        glued = right
    return line


def _within(before: str, word: str, after: str, style: Style) -> bool:
    """Whether a word is written without blanks between its neighbours."""
    if before[-1:].isdigit() and after[:1].isdigit():
        thousands = word == "," and len(after) == 3
        if word == ":" or (style.numbers and (word == "." or thousands)):
            return True
    return word in style.infixes and _ends_a_word(before) and after[:1].isalnum()


def _leans_left(before: str, word: str, style: Style) -> bool:
    if CLOSING.fullmatch(word):
        return True
    return _ends_a_word(before) and (CLITIC.fullmatch(word) is not None or (before.lower(), word) in style.pairs)


class _Quotes:
    """Marks that open and close alike, and which of them are open."""

    MARKS = ('"', "'", CURLY)

    def __init__(self) -> None:
        self.open = dict.fromkeys(self.MARKS, False)

    def sides(self, before: str, word: str, after: str) -> tuple[bool, bool]:
        """Whether there is no blank before the mark, and none after it."""
        if word != '"':
            if _ends_a_word(before) and (after.lower() in CLITICS or before.lower() in NAMES):
                return True, True
            if DECADE.fullmatch(after):
                return False, True
            plural = before[-1:] in ("s", "S")  # the dogs' owners
            if word == CURLY or (plural and not self.open[word]):
                return True, False
        self.open[word] = not self.open[word]
        return (False, True) if self.open[word] else (True, False)


def _ends_a_word(word: str) -> bool:
    return word[-1:].isalnum() or word[-1:] == ">"

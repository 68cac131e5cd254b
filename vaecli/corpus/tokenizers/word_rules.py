"""Tokenizers that follow rules: white space, and four libraries' for English."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from vaecli.corpus.tokenizers.english import BASIC, SPACY, join
from vaecli.corpus.tokenizers.tokenizer import Tokenizer

Cut = Callable[[str], list[str]]
Join = Callable[[Sequence[str]], str]

PLACEHOLDER = re.compile(r"\\*</?[A-Za-z_][\w-]*/?>")
"""A special symbol or another placeholder in angle brackets, such as ``<unk>``, ``</s>``, ``<NUM>`` or ``<br/>``."""

STAND_IN = "Zqx"
"""What a library sees instead: a word to all of them, in a capital, for some look at the case of a next word."""


class WhiteSpace(Tokenizer):
    """White space; the text is taken to be tokenised already."""

    name = "split"

    def __call__(self, line: str) -> list[str]:
        """See `Tokenizer`."""
        return line.split()

    def text(self, words: Sequence[str]) -> str:
        """See `Tokenizer.text`; nothing is joined that the text had apart."""
        return " ".join(words)


class Rules(Tokenizer):
    """A library's rules, from which placeholders are kept.

    Args:
        name: As in ``corpus.tokenizer``.
        cut: The rules.
        join: What undoes them.
    """

    def __init__(self, name: str, cut: Cut, join: Join) -> None:
        self.name = name
        self._cut, self._join = cut, join

    def __call__(self, line: str) -> list[str]:
        """See `Tokenizer`."""
        line = " ".join(line.split())  # spaCy makes words of further blanks
        held = PLACEHOLDER.findall(line)
        if not held:
            return [word for word in self._cut(line) if word.strip()]
        stand_in = _absent(line)
        places, rest, words = re.compile(stand_in, re.IGNORECASE), iter(held), []
        for word in self._cut(PLACEHOLDER.sub(stand_in, line)):
            first, *more = places.split(word)
            words.append(first)
            for part in more:
                words += [next(rest), part]
        return [word for word in words if word.strip()]

    def text(self, words: Sequence[str]) -> str:
        """See `Tokenizer.text`."""
        return self._join(words)


def _absent(line: str) -> str:
    """A stand-in that the line doesn't have, in either case."""
    word, lower = STAND_IN, line.lower()
    while word.lower() in lower:
        word += "x"
    return word


def basic_english() -> Tokenizer:
    """torchtext's: lower case, punctuation apart; without ``"``, ``;``, ``:`` and ``<br />``."""
    from torchtext.data.utils import get_tokenizer as by_name  # a quarter of a second, for those who need it

    return Rules("basic_english", by_name("basic_english"), lambda words: join(words, BASIC))


def moses() -> Tokenizer:
    """Moses's for English by sacremoses (Koehn et al. 2007), without its escapes such as ``&apos;``."""
    from sacremoses import MosesDetokenizer, MosesTokenizer

    cutter, joiner = MosesTokenizer("en"), MosesDetokenizer("en")

    def cut(line: str) -> list[str]:
        words: list[str] = cutter.tokenize(line, escape=False)
        return words

    def join(words: Sequence[str]) -> str:
        line: str = joiner.detokenize(list(words), unescape=False)
        return line

    return Rules("moses", cut, join)


def toktok() -> Tokenizer:
    """Tok-tok (Dehdari 2014) by NLTK, without its escapes and a rule that drops parts of URLs."""
    from nltk.tokenize.toktok import ToktokTokenizer

    rules = ToktokTokenizer()
    rules.TOKTOK_REGEXES = [
        rule for rule in rules.TOKTOK_REGEXES if "&" not in rule[1] and rule != ToktokTokenizer.URL_FOE_3
    ]
    return Rules("toktok", rules.tokenize, join)


def spacy() -> Tokenizer:
    """The rules of spaCy for English, which need no downloaded model."""
    from spacy.lang.en import English

    rules = English().tokenizer

    def cut(line: str) -> list[str]:
        return [token.text for token in rules(line)]

    return Rules("spacy", cut, lambda words: join(words, SPACY))

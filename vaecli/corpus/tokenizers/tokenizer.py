"""What a tokenizer is to the other parts: a line to words, words to a line, and what a run folder keeps of it."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

from vaecli.corpus.long_lines import LineList

SPECIAL = re.compile(r"\\*<(?:pad|s|/s|unk)>")
"""A special symbol as a text spells it, or its escape; see `vaecli.corpus.vocabulary.escape`."""


class Tokenizer(ABC):
    """Cuts a line into words, and joins words into a line that a reader would write.

    Attributes:
        name: As in ``corpus.tokenizer``.
    """

    name: str

    @abstractmethod
    def __call__(self, line: str) -> list[str]:
        """The words of a line; none is empty or holds white space, and special symbols are words of their own."""

    @abstractmethod
    def text(self, words: Sequence[str]) -> str:
        """A line whose words these are, as nearly as the tokenizer can be undone."""

    def learn(self, lines: LineList) -> None:  # noqa: B027  (most have nothing to learn)
        """Learns from the lines of the train split; does nothing where there is nothing to learn, or it is known.

        Raises:
            DataError: Nothing can be learned from the lines.
            UsageError: They need a larger vocabulary than the settings allow.
        """

    @property
    def kept(self) -> dict[str, str]:
        """What ``vocab.json`` keeps, from which `restored` makes the tokenizer again."""
        return {"name": self.name}

    @property
    def pieces(self) -> tuple[str, ...]:
        """All words that it can make of characters it has learned; nothing where there is nothing to learn."""
        return ()

"""The vocabulary: word types, their ids, and the tokenizer that their words are of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from vaecli.core.errors import DataError
from vaecli.core.files import write_atomic
from vaecli.corpus.tokenizers import get_tokenizer, restored
from vaecli.corpus.tokenizers.tokenizer import Tokenizer
from vaecli.corpus.types import BOS, EOS, PAD, UNK

FORMAT = 1
"""Version of ``vocab.json``."""

SPECIALS = ("<pad>", "<s>", "</s>", "<unk>")
"""Words of the ids `PAD`, `BOS`, `EOS` and `UNK`."""

_ESCAPED = re.compile(r"\\*(<pad>|<s>|</s>)")


def escape(word: str) -> str:
    r"""The spelling, in `WordVocabulary.words`, of a word of a text.

    A text may hold ``<pad>``, ``<s>`` or ``</s>`` as ordinary words. So that they are never taken for the special
    symbols they are spelt ``\<pad>``, ``\<s>`` and ``\</s>``, and ``\<s>`` itself ``\\<s>``, one backslash more each
    time. ``<unk>`` in a text means an unknown word, as in the Penn Treebank, and is the special symbol.
    """
    return "\\" + word if word[-1:] == ">" and _ESCAPED.fullmatch(word) else word


def unescape(spelling: str) -> str:
    """The word of a text that `escape` made the spelling of."""
    return spelling[1:] if spelling[:1] == "\\" and _ESCAPED.fullmatch(spelling) else spelling


class WordVocabulary:
    """Word types and their ids; ids 0 to 3 are `SPECIALS`.

    Args:
        words: The ordinary word types in the order of their ids, spelt as `escape` does.
        tokenizer: Made the words; `split` without.

    Raises:
        ValueError: A word is empty, special or there twice.
    """

    def __init__(self, words: Iterable[str], tokenizer: Tokenizer | None = None) -> None:
        self.tokenizer = tokenizer or get_tokenizer("split")
        self._words = (*SPECIALS, *words)
        if len(set(self._words)) != len(self._words) or "" in self._words:
            raise ValueError("a word is empty, special or there twice")
        self._ids = dict(zip(self._words, range(len(self._words)), strict=True))
        for word in SPECIALS:
            del self._ids[word]
        odd = [word for word in self._ids if word[0] == "\\"]
        self._ids |= {unescape(word): self._ids.pop(word) for word in odd}
        self._ids[SPECIALS[UNK]] = UNK

    @classmethod
    def build(
        cls, counts: Mapping[str, int], max_vocab: int = 0, min_freq: int = 1, tokenizer: Tokenizer | None = None
    ) -> WordVocabulary:
        """The most frequent words of a text, ties in alphabetical order.

        Args:
            counts: How often each word of the train split is there.
            max_vocab: Keep so many words at most, special symbols not counted; 0 keeps all.
            min_freq: Leave out words that are there fewer times.
            tokenizer: Made the words; `split` without.
        """
        # the order of torchtext's Vocab, whose import would take longer than reading a corpus does
        spelt = {word: count for word, count in counts.items() if count >= min_freq and word != SPECIALS[UNK]}
        odd = [word for word in spelt if word[-1] == ">"]
        spelt |= {escape(word): spelt.pop(word) for word in odd}
        words = sorted(spelt)
        words.sort(key=spelt.__getitem__, reverse=True)
        return cls(words[: max_vocab or None], tokenizer)

    @property
    def words(self) -> tuple[str, ...]:
        """All word types in the order of their ids, special symbols first."""
        return self._words

    def __len__(self) -> int:
        """Number of word types, the special symbols among them."""
        return len(self._words)

    def encode(self, words: Sequence[str]) -> list[int]:
        """Ids of the words of a text; a word that is not a type becomes `UNK`."""
        get = self._ids.get
        return [get(word, UNK) for word in words]

    def decode(self, ids: Sequence[int]) -> list[str]:
        """Words of the ids, up to and without the first `EOS`, without `PAD` and `BOS`."""
        words = []
        for i in ids:
            if i == EOS:
                break
            if i not in (PAD, BOS):
                words.append(unescape(self._words[i]) if i > UNK else SPECIALS[UNK])
        return words

    def save(self, path: Path) -> None:
        """Writes ``vocab.json`` atomically, the tokenizer and what it learned included.

        Raises:
            DataError: The file can't be written.
        """
        content = {"format": FORMAT, "tokenizer": self.tokenizer.kept, "words": list(self._words)}
        write_atomic(path, json.dumps(content, ensure_ascii=False, indent=0))

    @classmethod
    def load(cls, path: Path) -> WordVocabulary:
        """Reads ``vocab.json``; one that names no tokenizer is taken to be of `split`.

        Raises:
            DataError: It is missing, unreadable or no vocabulary.
            UsageError: The tokenizer's library can't be loaded.
        """
        problem = partial("{}: not a vocabulary: {}; take the vocab.json that the run wrote".format, path)
        try:
            content = json.loads(path.read_bytes().decode())
        except OSError as error:
            raise DataError(f"{path}: can't read the vocabulary: {error.strerror}") from None
        except (ValueError, RecursionError) as error:
            raise DataError(problem(str(error) or "nested too deeply")) from None
        try:
            return cls(_checked_words(content), restored(content.get("tokenizer", {"name": "split"})))
        except ValueError as error:
            raise DataError(problem(error)) from None


def _checked_words(content: Any) -> list[str]:
    """The ordinary words in the content of a ``vocab.json``."""
    if not isinstance(content, dict) or "words" not in content:
        raise ValueError("it has no `words`")
    if content.get("format") != FORMAT:
        raise ValueError(f"its format is {content.get('format')!r}, not {FORMAT}")
    words = content["words"]
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("`words` is not a list of words")
    if tuple(words[: len(SPECIALS)]) != SPECIALS:
        raise ValueError(f"its first words are not {' '.join(SPECIALS)}")
    "".join(words).encode()  # lone surrogates, which JSON can spell, are no text
    return words[len(SPECIALS) :]

"""Tokenizers by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vaecli.core.errors import UsageError, nearest
from vaecli.corpus.tokenizers import word_rules
from vaecli.corpus.tokenizers.tokenizer import Tokenizer

RULES: Mapping[str, Callable[[], Tokenizer]] = {
    "split": word_rules.WhiteSpace,
    "basic_english": word_rules.basic_english,
    "moses": word_rules.moses,
    "toktok": word_rules.toktok,
    "spacy": word_rules.spacy,
}

SUBWORDS = ("bpe", "unigram")

TOKENIZERS = (*RULES, *SUBWORDS)
"""The names that ``corpus.tokenizer`` may have."""

PACKAGES = {"moses": "sacremoses", "toktok": "nltk", "spacy": "spacy"}
"""What to install for those that need a library of their own."""

GONE = {
    "revtok": "its words held blanks",
    "subword": "it cut nothing into subwords",
}
"""torchtext's tokenizers that were offered once, and why they are not."""


def unit(name: str) -> str:
    """What a tokenizer makes of a sentence, one of them: ``word``, or ``piece`` where words are cut."""
    return "piece" if name in SUBWORDS else "word"


def get_tokenizer(name: str, size: int = 0) -> Tokenizer:
    """The tokenizer with a name from `TOKENIZERS`; it maps a line to words.

    Args:
        name: As in ``corpus.tokenizer``.
        size: Pieces that `bpe` and `unigram` learn at most; 0 leaves it to them.

    Raises:
        UsageError: The name is unknown or no longer offered, or the tokenizer's library can't be loaded.
    """
    if name in SUBWORDS:
        from vaecli.corpus.tokenizers.subwords import Subwords

        return Subwords(name, size)
    if name in GONE:
        raise UsageError(
            f"tokenizer {name!r} (corpus.tokenizer) is no longer offered, for {GONE[name]}; "
            f"use bpe or unigram, whose pieces join to the text again"
        )
    if name not in RULES:
        hint = nearest(name, TOKENIZERS)
        close = f"{hint} " if hint.startswith("did you mean") else ""
        raise UsageError(f"unknown tokenizer {name!r} (corpus.tokenizer): {close}choose from {', '.join(TOKENIZERS)}")
    try:
        return RULES[name]()
    except (ImportError, OSError, AttributeError, LookupError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(
            f"tokenizer {name!r} (corpus.tokenizer) needs a library that can't be loaded: {reason}; "
            f"`pip install {PACKAGES.get(name, 'torchtext')}`, or choose from {', '.join(TOKENIZERS)}"
        ) from None


def restored(kept: object) -> Tokenizer:
    """The tokenizer that `Tokenizer.kept` describes.

    Raises:
        ValueError: It describes none.
        UsageError: See `get_tokenizer`.
    """
    if not isinstance(kept, dict) or not all(isinstance(value, str) for value in kept.values()):
        raise ValueError("`tokenizer` is no object of texts")
    name = kept.get("name", "")
    if name not in TOKENIZERS:
        raise ValueError(f"there is no tokenizer {name!r}")
    if name in SUBWORDS:
        from vaecli.corpus.tokenizers.subwords import Subwords

        return Subwords.restored(name, kept.get("model", ""))
    return get_tokenizer(name)

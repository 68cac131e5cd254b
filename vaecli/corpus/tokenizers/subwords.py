"""Subwords learned on the train split by SentencePiece (Kudo & Richardson 2018): BPE and unigram.

This library gives the same pieces for the same text every time, unigram included, which Hugging Face's does not, and
torchtext needs it anyway. A word of the text is a row of pieces whose first begins with ``▁``, so that pieces join to
the text again. No piece spans two words, so words are cut one by one, each once. Special symbols are never cut.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

from vaecli.core.errors import DataError, UsageError
from vaecli.corpus.long_lines import LineList
from vaecli.corpus.tokenizers.tokenizer import SPECIAL, Tokenizer

START = "\u2581"
"""Begins a word of the text. A text's own is read as ``_``."""

RESERVED = "\u2585"
"""SentencePiece's own stand-in for the unknown: it would leave out all of a sentence that has it."""

PIECES = 8_000
"""Pieces where the settings name no number, or twice the characters of train if that is more."""

LINES = 500_000
"""Lines that are learned from at most, by which unigram takes under a minute and two gigabytes."""


KNOWN_LETTERS = 40
"""Characters of a word whose pieces are remembered; longer ones are rare, or whole lines of a text without blanks."""


class Subwords(Tokenizer):
    """Pieces of words.

    Args:
        name: ``bpe`` (Sennrich et al. 2016) or ``unigram`` (Kudo 2018).
        size: Pieces to learn at most; 0 for `PIECES`.
        model: What was learned before, as SentencePiece writes it.

    Raises:
        ValueError: The model is none.
    """

    def __init__(self, name: str, size: int = 0, model: bytes = b"") -> None:
        self.name, self.size = name, size
        self._take(model)

    def _take(self, model: bytes) -> None:
        self._model, self._known = model, dict[str, list[str]]()
        try:
            self._processor = SentencePieceProcessor(model_proto=model) if model else None
        except RuntimeError as error:
            raise ValueError(f"no SentencePiece model: {error}") from None

    @classmethod
    def restored(cls, name: str, model: str) -> Subwords:
        """From what `kept` gave.

        Raises:
            ValueError: The model is none.
        """
        if not model:
            raise ValueError("the tokenizer has no model")
        try:
            return cls(name, model=base64.b64decode(model, validate=True))
        except binascii.Error:
            raise ValueError("the tokenizer's model is not base64") from None

    def learn(self, lines: LineList) -> None:
        """See `Tokenizer.learn`; of more lines than `LINES`, each second, third and so on is looked at."""
        if self._model:
            return
        stretches = _stretches(islice(lines, 0, None, -(-len(lines) // LINES)))
        text = [part for stretch in stretches for part in stretch.split(RESERVED) if part]
        size = self._checked_size(len(set().union(START, *text)))
        out = io.BytesIO()
        try:
            SentencePieceTrainer.train(
                sentence_iterator=iter(text),  # words with their counts would give unigram few words to begin with
                model_writer=out,
                model_type=self.name,
                vocab_size=size + 1,  # and <unk>
                hard_vocab_limit=False,
                character_coverage=1.0,
                normalization_rule_name="identity",
                add_dummy_prefix=False,
                remove_extra_whitespaces=False,
                max_sentence_length=2**30,
                unk_id=0,
                bos_id=-1,
                eos_id=-1,
                pad_id=-1,
                num_threads=1,  # sums in another order make another model
                minloglevel=3,
            )
        except RuntimeError as error:
            reason = str(error).split("] ")[-1].strip()
            raise DataError(
                f"train: no subwords can be learned (corpus.tokenizer = {self.name}){reason and ': ' + reason}"
            ) from None
        self._take(out.getvalue())

    def _checked_size(self, characters: int) -> int:
        """Pieces to learn."""
        if self.size and self.size < characters:
            raise UsageError(
                f"corpus.max_vocab: {self.size:,} pieces can't spell train's {characters:,} characters "
                f"(corpus.tokenizer = {self.name}); give {characters:,} or more, or 0 for {PIECES:,}"
            )
        return self.size or max(PIECES, 2 * characters)

    def __call__(self, line: str) -> list[str]:
        """See `Tokenizer`; pieces are those of `learn`, a run of characters that train lacks being one word."""
        pieces: list[str] = []
        for word in line.split():
            if (cut := self._known.get(word)) is None:
                cut = [piece for part in _parts(word) for piece in self._cut(part)]
                if len(word) <= KNOWN_LETTERS:
                    self._known[word] = cut
            pieces += cut
        return pieces

    def _cut(self, part: str) -> Iterable[str]:
        if SPECIAL.fullmatch(part):
            return (part,)
        assert self._processor is not None, "it has not learned yet"
        cut: list[str] = self._processor.encode(part, out_type=str)
        return cut

    def text(self, words: Sequence[str]) -> str:
        """See `Tokenizer.text`; special symbols begin a word."""
        line = "".join(START + word if SPECIAL.fullmatch(word) else word for word in words)
        return " ".join(line.replace(START, " ").split())

    @property
    def kept(self) -> dict[str, str]:
        """See `Tokenizer.kept`; the model as base64."""
        return {"name": self.name, "model": base64.b64encode(self._model).decode()}

    @property
    def pieces(self) -> tuple[str, ...]:
        """See `Tokenizer.pieces`; without SentencePiece's own ``<unk>``, its first."""
        if self._processor is None:
            return ()
        return tuple(self._processor.id_to_piece(n) for n in range(1, self._processor.get_piece_size()))


def _stretches(lines: Iterable[str]) -> Iterator[str]:
    """The text between special symbols, as `_parts` spells it."""
    for line in lines:
        stretch = ""
        for word in line.split():
            for part in _parts(word):
                if not SPECIAL.fullmatch(part):
                    stretch += part
                elif stretch:
                    yield stretch
                    stretch = ""
        if stretch:
            yield stretch


def _parts(word: str) -> Iterator[str]:
    """A word between white space as special symbols and what is between them, the first of which says `START`."""
    word, end = word.replace(START, "_"), 0
    for match in SPECIAL.finditer(word):
        if match.start() > end:
            yield (START if end == 0 else "") + word[end : match.start()]
        yield match.group()
        end = match.end()
    if end < len(word):
        yield (START if end == 0 else "") + word[end:]

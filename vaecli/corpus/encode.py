"""From words to encoded splits, with a plain line on all that was lost on the way."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vaecli.config import CorpusConfig
from vaecli.core.errors import DataError
from vaecli.core.messages import counted
from vaecli.corpus.long_lines import LONGEST_WORD
from vaecli.corpus.origins import SPLITS
from vaecli.corpus.slots import Ints
from vaecli.corpus.symptoms import NOTE, SplitText, judge_labels, judge_text
from vaecli.corpus.tokenizers.tokenizer import Tokenizer
from vaecli.corpus.types import UNK, Corpus, Split, Truth
from vaecli.corpus.vocabulary import SPECIALS, WordVocabulary
from vaecli.corpus.words import Words, Written


@dataclass(frozen=True)
class RawSplit:
    """The sentences of one split as words.

    Attributes:
        source: Where they are from, for messages.
        words: The words of all lines.
        labels: For each label field, the class of each line, blank ones included.
        long_at: Number in the file of the first line with a word that is too long, if there is one.
    """

    source: str
    words: Words
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    long_at: int = 0


@dataclass(frozen=True)
class _Coded:
    """A split as numbers of word types, blank lines gone.

    Attributes:
        types: (W,) numbers of the words.
        lengths: (N,) words of each sentence.
        kept: (N,) indices of the sentences among the lines.
        cut: Sentences that were cut.
        blank: Lines that were skipped.
        raw_words: White-space words behind them; see `Split`.
    """

    types: Ints
    lengths: Ints
    kept: Ints
    cut: int
    blank: int
    raw_words: float


def _code(raw: RawSplit, limit: int) -> _Coded:
    """A split without blank lines."""
    types, lengths = raw.words.types, raw.words.lengths
    kept = np.flatnonzero(lengths)
    if not len(kept):
        held = f"no sentence, only blank lines ({len(lengths):,}); give one tokenised sentence a line"
        if raw.words.written is not None and raw.words.written.counts:
            held = f"the tokenizer leaves no word of {counted(len(lengths), 'line')}; take another (--tokenizer)"
        raise DataError(f"{raw.source}: {held}")
    blank = len(lengths) - len(kept)
    lengths = lengths[kept]
    cut = int((lengths > limit).sum())
    lengths = np.minimum(lengths, limit)
    written = raw.words.written
    raw_words = len(types) if written is None else written.lengths[kept].sum()
    return _Coded(types, lengths, kept, cut, blank, float(raw_words))


def encode_corpus(
    name: str,
    raw: Mapping[str, RawSplit],
    words: Sequence[str],
    config: CorpusConfig,
    truth: Truth | None = None,
    notes: Sequence[str] = (),
    tokenizer: Tokenizer | None = None,
    types: Sequence[str] = (),
) -> Corpus:
    """Skips blank lines, builds the vocabulary on train and encodes the splits.

    Args:
        name: The corpus's name.
        raw: ``train``, ``valid`` and ``test``, their sentences cut to `max_length` words.
        words: The words that their numbers stand for.
        config: `max_length`, `max_vocab`, `min_freq` and `unknown_words` are used, and others named in advice.
        truth: Exact facts of the words; the corpus has those of the text as it is read, and none where sentences were
            cut.
        notes: Lines that come before this function's own.
        tokenizer: Made the words; `split` without.
        types: All word types of a corpus that is drawn from known ones, in the order of their ids; without, those that
            train has.

    Raises:
        DataError: A split has no sentence, train has one, no word of train is in the vocabulary, or hardly any word of
            valid or test.
    """
    coded = {part: _code(raw[part], config.max_length) for part in SPLITS}
    if len(coded["train"].lengths) == 1:
        raise DataError(f"{raw['train'].source}: one sentence only; training needs two or more")
    numbers = np.bincount(coded["train"].types, minlength=len(words)).tolist()
    placeholders = set(config.unknown_words.split())
    seen = {word: number for word, number in zip(words, numbers, strict=True) if number and word not in placeholders}
    pieces = tokenizer.pieces if tokenizer is not None and config.min_freq == 1 else ()  # those train lacks, too
    counts = dict.fromkeys(pieces, 0) | seen
    vocabulary = (
        WordVocabulary(types)
        if types
        else WordVocabulary.build(counts, config.max_vocab, 0 if pieces else config.min_freq, tokenizer)
    )
    if len(vocabulary) == len(SPECIALS):
        _refuse_long(raw["train"], sum(numbers))
        why = f"no word is there {config.min_freq} times (corpus.min_freq); lower it"
        if seen.keys() <= {SPECIALS[UNK]}:
            why = f"all of its words are {SPECIALS[UNK]}, or stand for it (--unknown-words); give a text of others"
        raise DataError(f"{raw['train'].source}: {why}")
    ids = np.array(vocabulary.encode(words), dtype=np.int32)
    classes = _classes(raw, coded)
    splits = {part: _split(part, raw[part], coded[part], ids, classes) for part in SPLITS}
    lines = [*notes, *(_note(splits[part], coded[part]) for part in SPLITS)]
    lines.append(_vocabulary_note(vocabulary, seen))
    lines += [line for part in SPLITS for line in _long_note(part, raw[part])]
    if truth is not None and any(split.cut for split in coded.values()):
        lines.append("the true entropy is that of whole sentences: it is left out, since some are truncated")
        truth = None
    if truth is not None:
        of_text = truth.of_vocabulary(vocabulary.words)
        if of_text is None:
            lines.append(
                "the true entropy is left out: fillers and other words are read as <unk>, and nothing tells them apart"
            )
        elif of_text is not truth:
            lines.append(
                "the true entropy is that of the text as it is read, with <unk> for unknown words of the corpus"
            )
        truth = of_text
    if truth is None or splits["train"].unknown:
        lines += _judged(raw, coded, splits, words, numbers, config)
    return Corpus(
        name=name,
        vocabulary=vocabulary,
        train=splits["train"],
        valid=splits["valid"],
        test=splits["test"],
        fingerprint=fingerprint(splits, vocabulary),
        notes=tuple(lines),
        truth=truth,
    )


def _split(
    part: str, raw: RawSplit, coded: _Coded, ids: NDArray[np.int32], classes: Mapping[str, tuple[str, ...]]
) -> Split:
    labels = {}
    for name, values in classes.items():
        numbers = {value: n for n, value in enumerate(values)}
        indices = [numbers[raw.labels[name][line]] for line in coded.kept.tolist()]
        labels[name] = torch.tensor(indices, dtype=torch.int64)
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), coded.lengths.cumsum()])
    tokens = torch.from_numpy(ids.take(coded.types))
    return Split(part, tokens, torch.from_numpy(offsets), labels, dict(classes), coded.raw_words)


def _classes(raw: Mapping[str, RawSplit], coded: Mapping[str, _Coded]) -> dict[str, tuple[str, ...]]:
    """The classes of each label field: those of train first, then any that only other splits have."""
    result = {}
    for name in raw["train"].labels:
        used = {part: {raw[part].labels[name][line] for line in coded[part].kept.tolist()} for part in SPLITS}
        result[name] = (*sorted(used["train"]), *sorted((used["valid"] | used["test"]) - used["train"]))
    return result


def _judged(
    raw: Mapping[str, RawSplit],
    coded: Mapping[str, _Coded],
    splits: Mapping[str, Split],
    words: Sequence[str],
    counts: Sequence[int],
    config: CorpusConfig,
) -> list[str]:
    """What labels and words of a text say on what its figures will be worth."""
    texts = {
        part: SplitText(raw[part].source, code.types, code.lengths, splits[part].unknown, code.cut)
        for part, code in coded.items()
    }
    train = splits["train"]
    labels = [
        line
        for name in train.labels
        for line in judge_labels(train.label_names[name], {p: s.labels[name].numpy() for p, s in splits.items()})
    ]
    return labels + judge_text(texts, words, counts, _written(raw, coded["train"], words, counts), config)


def _written(raw: Mapping[str, RawSplit], train: _Coded, words: Sequence[str], counts: Sequence[int]) -> Written:
    """The white-space words of train, and without a count those that other splits have."""
    parts = [raw[part].words.written for part in ("valid", "test")]
    own = raw["train"].words.written
    if own is not None:
        others = {word: 0 for part in parts if part is not None for word in part.counts}
        return replace(own, counts={**others, **own.counts})
    ends = train.lengths.cumsum()
    first, last = (Counter(train.types[edge].tolist()) for edge in (ends - train.lengths, ends - 1))
    edges = ({words[number]: count for number, count in edge.items()} for edge in (first, last))
    return Written(train.lengths.astype(np.float64), dict(zip(words, counts, strict=True)), *edges)


def _note(split: Split, coded: _Coded) -> str:
    unknown = 100 * split.unknown / len(split.tokens)
    return (
        f"{split.name}: {counted(len(split), 'sentence')}, {counted(split.predicted_tokens, 'predicted token')}, "
        f"{unknown:.1f} % unknown, {coded.cut:,} truncated, {counted(coded.blank, 'blank line')} skipped"
    )


def _refuse_long(train: RawSplit, words: int) -> None:
    """Refuses a text all of whose words are too long."""
    if train.words.long.count == words:
        raise DataError(
            f"{train.source}:{train.long_at}: all words have more than {LONGEST_WORD:,} characters, so the text isn't "
            "cut into words: put blanks between them, or let subwords cut it (--tokenizer bpe)"
        )


def _long_note(part: str, raw: RawSplit) -> list[str]:
    count = raw.words.long.count
    if not count:
        return []
    what = f"1 word of {part} has" if count == 1 else f"{count:,} words of {part} have"
    where = f"{Path(raw.source).name}:{raw.long_at}"
    return [
        f"{NOTE}{what} more than {LONGEST_WORD:,} characters, the first at {where}: read as {SPECIALS[UNK]}; take out "
        "what is no text, or let subwords cut what has no blanks (--tokenizer bpe)"
    ]


def _vocabulary_note(vocabulary: WordVocabulary, seen: Mapping[str, int]) -> str:
    types, ordinary = len(vocabulary) - len(SPECIALS), len(seen) - (SPECIALS[UNK] in seen)
    of_train = f"{types:,} of train's {ordinary:,}"
    if vocabulary.tokenizer.pieces:
        of_train = f"{types:,} pieces, of which train has {ordinary:,}"
    return f"vocabulary: {len(vocabulary):,} types: {len(SPECIALS)} special symbols and {of_train}"


def fingerprint(splits: Mapping[str, Split], vocabulary: WordVocabulary) -> str:
    """SHA-256 over encoded splits, vocabulary and what a tokenizer learned, the same on every machine."""
    digest = hashlib.sha256()

    def add(kind: str, data: bytes | memoryview) -> None:
        digest.update(f"{kind} {memoryview(data).nbytes}\n".encode())  # lengths keep neighbours apart
        digest.update(data)

    add("words", "\n".join(vocabulary.words).encode())
    if pieces := vocabulary.tokenizer.pieces:  # scores are left out: their last digits a machine may decide
        add("pieces", "\n".join([vocabulary.tokenizer.name, *pieces]).encode())
    for part in SPLITS:
        split = splits[part]
        add(part, split.tokens.numpy().astype("<i4", copy=False).data)
        add("offsets", split.offsets.numpy().astype("<i8", copy=False).data)
        for name in sorted(split.labels):
            add(f"label {name}", "\n".join(split.label_names[name]).encode())
            add("classes", split.labels[name].numpy().astype("<i8", copy=False).data)
    return digest.hexdigest()

"""What is wrong with a corpus that can be read: notes that conclude and advise, refusal where figures would be absurd.

Counts alone tell nobody that perplexities will not compare or that words were never cut apart. Each rule looks at the
words of all splits, says what it found with its number, what that does to the figures, and which option or step helps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vaecli.config import CorpusConfig
from vaecli.core.errors import DataError, listed
from vaecli.core.messages import counted
from vaecli.corpus.other_tokenizers import tokenizer_advice
from vaecli.corpus.repeats import Repeats, count_repeats
from vaecli.corpus.slots import Ints
from vaecli.corpus.tokenizers import unit
from vaecli.corpus.words import Written

NOTE = "note: "
"""How a line begins that concludes rather than counts."""

BEGINNINGS = frozenset(
    {"<s>", "<bos>", "<sos>", "<BOS>", "<SOS>", "<START>", "<start>", "[CLS]", "<|startoftext|>", "_GO", "<go>", "<GO>"}
)
ENDINGS = frozenset({"</s>", "<eos>", "<EOS>", "<END>", "<end>", "[SEP]", "<|endoftext|>", "_EOS"})
PADDINGS = frozenset({"<pad>", "<PAD>", "[PAD]", "_PAD"})
MARKS = BEGINNINGS | ENDINGS | PADDINGS
"""Symbols that a program puts round sentences, as words of a text."""

PLACEHOLDERS = frozenset(
    {
        "_UNK",
        "<UNK>",
        "UNK",
        "[UNK]",
        "@UNK@",
        "_unk",
        "<unknown>",
        "<UNKNOWN>",
        "<Unk>",
        "<oov>",
        "<OOV>",
        "(unk)",
        "«unk»",
    }
)
"""Spellings of the unknown word other than ``<unk>``."""

INVISIBLE = "\u00ad\u200b\u200c\u200e\u200f\u2060\ufeff"
"""Soft hyphen, zero-width and direction marks: words that look alike differ by them. A zero-width joiner spells."""

MARKED_SHARE = 0.5
"""Share of train's sentences that begin or end with one symbol, from which on it belongs to the format."""

MANY_UNKNOWN, ABSURD_UNKNOWN, ENOUGH_WORDS = 0.15, 0.95, 30
"""Shares of a split's words that train doesn't know: advised against, and refused in a split of so many words."""

UNTRAINED_RATIO = 0.2
"""Share of unknown words in train over that in valid or test, below which ``<unk>`` counts as untrained."""

OVERLAP_SHARE = 0.05
"""Share of valid or test that stands in train word for word, from which on it is advised against."""

REPEATED_SHARE = 0.5
"""Share of train's sentences that repeat an earlier one."""

CUT_SHARE = 0.05
"""Share of sentences that were cut."""

GLUED_SHARE = 0.03
"""Share of words that end in a stop or comma: alone in tokenised text, on one word in ten of raw text."""

SHOWN_CLASSES = 5


@dataclass(frozen=True)
class SplitText:
    """The words of one split, as they stand in the text.

    Attributes:
        path: Of the file, for messages.
        types: (W,) number of each word.
        lengths: (N,) words of each sentence.
        unknown: Words among them that are not in the vocabulary or stand for an unknown one.
        cut: Sentences that were cut.
    """

    path: str
    types: Ints
    lengths: Ints
    unknown: int
    cut: int

    @property
    def unknown_share(self) -> float:
        """Share of the words that are unknown."""
        return self.unknown / len(self.types)


def judge_text(
    splits: Mapping[str, SplitText], words: Sequence[str], counts: Sequence[int], written: Written, config: CorpusConfig
) -> list[str]:
    """A line on lengths and repeats, and notes on what will make figures wrong or not comparable.

    Args:
        splits: ``train``, ``valid`` and ``test``.
        words: The word of each number.
        counts: How often train has it.
        written: Train's white-space words, before a tokenizer changed them, and those of other splits.
        config: For what the advice may say.

    Raises:
        DataError: Nearly every word of valid or test is unknown, so that no figure would mean anything.
    """
    _refuse_unknown(splits, config)
    repeats = count_repeats({part: (split.types, split.lengths) for part, split in splits.items()})
    glued = _glued(words, counts, config)
    measured = _measured_advice(splits, words, bool(glued), config)
    said = splits[_worst(splits)].unknown_share >= MANY_UNKNOWN
    cure = "--tokenizer basic_english cuts it off" if said or not measured else measured
    glued = [f"{note}; {cure}" for note in glued]
    notes = [
        *_marks(written, len(splits["train"].lengths)),
        *_placeholders(written, config),
        *_unknown(splits, counts, measured, config),
        *_repeats(splits, repeats),
        *_cut(splits),
        *glued,
        *_invisible(words, counts),
    ]
    return [_essentials(splits["train"], repeats, unit(config.tokenizer)), *(NOTE + note for note in notes)]


def _percent(share: float) -> str:
    """A share in percent that is never rounded to none or all."""
    return f"{100 * share:.1f} %" if 0.0005 <= share <= 0.9995 or share in (0, 1) else f"{100 * share:.2g} %"


def _refuse_unknown(splits: Mapping[str, SplitText], config: CorpusConfig) -> None:
    for part in ("valid", "test"):
        split = splits[part]
        if len(split.types) < ENOUGH_WORDS or split.unknown_share < ABSURD_UNKNOWN:
            continue
        mean = len(split.types) / len(split.lengths)
        cause = "it is another language or another preparation than train"
        if mean < 2:
            cause = (
                f"a line has {mean:.1f} words on average, so the text isn't cut into words: put blanks between "
                "them, or let subwords cut it (--tokenizer bpe)"
            )
        elif config.max_vocab or config.min_freq > 1:
            cause = "raise --max-vocab or lower --min-freq"
        raise DataError(f"{split.path}: {_percent(split.unknown_share)} of its words are unknown to train; {cause}")


def _marks(written: Written, sentences: int) -> list[str]:
    """Symbols of a program at the ends of sentences."""
    marks = [word for word in written.counts if word in MARKS]
    if not marks:
        return []
    lines = []
    for verb, edge in (("begin", written.first), ("end", written.last)):
        word = max(edge, key=edge.__getitem__)
        if word in MARKS and edge[word] >= MARKED_SHARE * sentences:
            lines.append(f"{_percent(edge[word] / sentences)} of train's sentences {verb} with {word}")
    if not lines:
        shown = ", ".join(marks[:4])
        return [
            f"{shown}: ordinary words here, not the program's own symbols; remove them if they are another program's"
        ]
    return [
        f"{' and '.join(lines)}: the program adds its own, so these count as words and make perplexity look better "
        "than it is; remove them before comparing ppl with anybody's"
    ]


def _placeholders(written: Written, config: CorpusConfig) -> list[str]:
    """Other spellings of the unknown word, unless they were mapped."""
    mapped = set(config.unknown_words.split())
    lines = []
    for word, count in written.counts.items():
        if word in PLACEHOLDERS and word not in mapped and count:
            lines.append(
                f"train has {word} {count:,} times, an ordinary word here that the model is rewarded for "
                f"predicting; if it stands for unknown words, --unknown-words {word}"
            )
    missing = mapped - written.counts.keys()
    lines += [f"--unknown-words {word}: no split has this word" for word in sorted(missing)]
    return lines


def _worst(splits: Mapping[str, SplitText]) -> str:
    """Valid or test, whichever has the greater share of unknown words."""
    return max(("valid", "test"), key=lambda part: splits[part].unknown_share)


def _measured_advice(splits: Mapping[str, SplitText], words: Sequence[str], glued: bool, config: CorpusConfig) -> str:
    """Which tokenizer would help, where words are cut at white space alone and that looks wrong."""
    worst = splits[_worst(splits)]
    if config.tokenizer != "split" or not (glued or worst.unknown_share >= MANY_UNKNOWN):
        return ""
    train = splits["train"]
    return tokenizer_advice((train.types, train.lengths), (worst.types, worst.lengths), words, config)


def _unknown(splits: Mapping[str, SplitText], counts: Sequence[int], measured: str, config: CorpusConfig) -> list[str]:
    """Many unknown words, or unknown words that training never sees."""
    lines = []
    worst = _worst(splits)
    share = splits[worst].unknown_share
    if share >= MANY_UNKNOWN:
        advice = "let subwords cut them (--tokenizer bpe)" if config.tokenizer == "split" else "cut words apart"
        if config.max_vocab or config.min_freq > 1:
            advice = "raise --max-vocab or lower --min-freq"
        lines.append(
            f"{_percent(share)} of {worst}'s words are unknown; they are predicted as one word <unk>, so the "
            f"perplexity of other settings or corpora doesn't compare; {measured or advice}"
        )
    own = splits["train"].unknown_share
    if own < UNTRAINED_RATIO * share:
        once = 0 if config.min_freq > 1 else sum(count == 1 for count in counts)
        trained = "never" if not own else "hardly"
        advice = f"; --min-freq 2 makes unknown the {counted(once, 'word')} that train has once" if once else ""
        lines.append(
            f"{_percent(own)} of train's words are unknown but {_percent(share)} of {worst}'s: <unk> is "
            f"{trained} trained, so chance sets its price, a large part of every perplexity{advice}"
        )
    return lines


def _repeats(splits: Mapping[str, SplitText], repeats: Repeats) -> list[str]:
    """Sentences of valid and test that train has, and sentences that train repeats."""
    lines = []
    for part in ("valid", "test"):
        count, total = repeats.shared[part, "train"], len(splits[part].lengths)
        if count >= max(2, OVERLAP_SHARE * total):
            share = count / total
            lines.append(
                f"{count:,} of {total:,} {part} sentences ({_percent(share)}) stand in train word for word: "
                f"{'its' if share > 0.5 else 'this part of the'} figures show what is remembered, not what is learned; "
                "take repeats out before splitting"
            )
    repeated = repeats.within["train"] / len(splits["train"].lengths)
    if repeated > REPEATED_SHARE:
        lines.append(f"{_percent(repeated)} of train's sentences repeat an earlier one")
    return lines


def _essentials(train: SplitText, repeats: Repeats, unit: str) -> str:
    """A line on what no rule concludes from: lengths, and sentences that are there more than once."""
    lengths = np.sort(train.lengths)
    middle, most = (int(lengths[math.ceil(share * len(lengths)) - 1]) for share in (0.5, 0.95))
    single = int((lengths == 1).sum())
    within, in_valid, in_test = repeats.within["train"], *(repeats.shared[p, "train"] for p in ("valid", "test"))
    return (
        f"sentences of train: {lengths[0]:,} to {lengths[-1]:,} {unit}s, half up to {middle:,}, 95 % up to {most:,}; "
        f"{single:,} of one {unit}; {within:,} repeat an earlier one; train has {in_valid:,} of valid's and "
        f"{in_test:,} of test's"
    )


def _cut(splits: Mapping[str, SplitText]) -> list[str]:
    train = splits["train"]
    share = train.cut / len(train.lengths)
    if share < CUT_SHARE:
        return []
    return [
        f"{_percent(share)} of train's sentences are cut at --max-length: figures are of beginnings of sentences; if "
        "lines hold whole documents, write a sentence a line"
    ]


def _glued(words: Sequence[str], counts: Sequence[int], config: CorpusConfig) -> list[str]:
    """Punctuation that is no word of its own."""
    if config.tokenizer != "split":
        return []
    glued = {w: n for w, n in zip(words, counts, strict=True) if n and w[-1] in ".,!?;:" and w[-2:-1].isalpha()}
    # abbreviations keep their stop in cut text too, and are few
    share = sum(glued.values()) / max(sum(counts), 1)
    if share < GLUED_SHARE:
        return []
    example = max(glued, key=glued.__getitem__)
    return [
        f"{_percent(share)} of train's words end in punctuation, such as {example!r}: the text isn't tokenised, and "
        "each such word is a type of its own"
    ]


def _invisible(words: Sequence[str], counts: Sequence[int]) -> list[str]:
    marks = [n for n, word in enumerate(words) if not word.isascii() and any(mark in word for mark in INVISIBLE)]
    seen = sum(counts[n] for n in marks)
    if not marks or not seen:
        return []
    return [
        f"{seen:,} of train's words hold invisible characters, {words[marks[0]]!a} for one; remove these characters"
    ]


def judge_labels(classes: Sequence[str], codes: Mapping[str, Ints]) -> list[str]:
    """A line on the classes and their shares, and what a probe can't do with them.

    Args:
        classes: Names, those of train first.
        codes: (N,) class of each sentence, by split.
    """
    counts = np.bincount(codes["train"], minlength=len(classes))
    order = [n for n in np.argsort(-counts, kind="stable").tolist() if counts[n]]
    shown = ", ".join(f"{classes[n]} {_percent(counts[n] / counts.sum())}" for n in order[:SHOWN_CLASSES])
    more = f" and {len(order) - SHOWN_CLASSES:,} more" if len(order) > SHOWN_CLASSES else ""
    noun = "class" if len(order) == 1 else "classes"
    lines = [f"labels: {len(order):,} {noun} in train: {shown}{more}"]
    if len(order) == 1:
        lines.append(f"{NOTE}all labels of train are one class, which a probe can't tell from anything")
    for part in ("valid", "test"):
        strange = codes[part][counts[codes[part]] == 0]
        known = np.setdiff1d(codes[part], strange)
        if len(order) > 1 and len(known) == 1:
            lines.append(
                f"{NOTE}{part} has one of train's classes only, {classes[known[0]]}: what a probe reads there is no "
                "knowledge of it"
            )
        if len(strange):
            lacking = [classes[n] for n in dict.fromkeys(strange.tolist())]
            names = listed(lacking)
            lines.append(
                f"{NOTE}{len(strange):,} of {len(codes[part]):,} {part} sentences have a label that train lacks "
                f"({names}); a probe leaves them out"
            )
    return lines

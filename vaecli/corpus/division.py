"""Splits of a corpus that comes without them: a tenth for validation, a tenth for testing, by a rule that is stated.

Each sentence is hashed with the seed (BLAKE2b, `corpus.corpus_seed`). Equal sentences have one hash and so stay in one
split; sentences are equal whose words are. Among the different sentences of one label, those with the smallest hashes
are test, the next valid, the others train: a tenth each, rounded, and at least one; rare labels count as one label.
Neither the order of the lines nor the seed of training changes anything, and a sentence that is added moves few others.
"""

from __future__ import annotations

import io
from array import array
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np

from vaecli.core.errors import DataError
from vaecli.corpus.columns import Sentences
from vaecli.corpus.origins import SPLITS
from vaecli.corpus.records import count_sentences
from vaecli.corpus.slots import Ints

SHARE = 10
"""One in so many different sentences of a label is test, and one valid."""

RARE = 3
"""Labels of fewer different sentences count as one label: each alone would not fill three splits."""

FEWEST_TRAIN = 2
"""Sentences of train, without which nothing is trained."""


def divided(splits: Mapping[str, Sentences], seed: int, path: Path) -> tuple[dict[str, Sentences], list[str]]:
    """All three splits, those that are lacking taken out of train, and a note on the rule.

    Args:
        splits: Train, and perhaps one of the others.
        seed: Of the hashes.
        path: Where train is from, for messages.

    Raises:
        DataError: There are too few sentences.
    """
    lacking = [part for part in ("test", "valid") if part not in splits]
    if not lacking:
        return dict(splits), []
    train = splits["train"]
    members = _members(train, seed, lacking)
    parts = {part: _taken(train, members == n) for n, part in enumerate(["train", *lacking])}
    counts = {part: count_sentences(split.text) for part, split in parts.items()}
    if not all(counts.values()) or counts["train"] < FEWEST_TRAIN:
        raise DataError(f"{path}: too few different sentences to split; give {len(lacking) + 2} or more")
    order = [part for part in SPLITS if part in parts]
    sizes = ", ".join(f"{part} {counts[part]:,}" for part in order)
    by_label = " of each label" if train.labels is not None else ""
    note = (
        f"split: {sizes}: a tenth{by_label} for {' and for '.join(reversed(lacking))}, by a hash of each sentence and "
        f"corpus.corpus_seed {seed}; equal sentences stay together"
    )
    return {part: parts.get(part) or splits[part] for part in SPLITS}, [note]


def _members(train: Sentences, seed: int, lacking: Sequence[str]) -> Ints:
    """(L,) of each line the split: 0 is train, which keeps blank lines, and n the nth that lacks."""
    key = seed.to_bytes(8, "little")
    hashes, filled = array("Q"), array("q")
    for number, line in enumerate(io.BytesIO(train.text)):
        if words := line.decode().split():
            digest = blake2b(" ".join(words).encode(), digest_size=8, key=key).digest()
            hashes.append(int.from_bytes(digest, "little"))
            filled.append(number)
    lines = np.frombuffer(filled, dtype=np.int64)
    result = np.zeros(train.text.count(b"\n") + (train.text[-1:] not in (b"", b"\n")), dtype=np.int64)
    if not len(lines):
        return result
    values = np.frombuffer(hashes, dtype=np.uint64)
    # in the order of their hashes, which is as good as chance
    different, sentence = np.unique(values, return_inverse=True)
    split = np.zeros(len(different), dtype=np.int64)
    for members in _by_label(train, lines, sentence):
        share = max(round(len(members) / SHARE), len(members) > len(lacking))
        for n in range(len(lacking)):
            split[members[n * share : (n + 1) * share]] = n + 1
    result[lines] = split[sentence]
    return result


def _by_label(train: Sentences, lines: Ints, sentence: Ints) -> list[Ints]:
    """The different sentences of each label, last those of rare ones: indices; of all where there are no labels.

    Args:
        train: All lines.
        lines: (S,) the numbers of those that hold a sentence.
        sentence: (S,) which of the different sentences that is.
    """
    count = int(sentence.max()) + 1
    if train.labels is None:
        return [np.arange(count)]
    names = {label: n for n, label in enumerate(sorted(set(train.labels)))}
    codes = np.full(count, len(names), dtype=np.int64)
    # of a sentence with several labels the first in the alphabet, whatever the order of the lines
    np.minimum.at(codes, sentence, np.array([names[train.labels[line]] for line in lines.tolist()], dtype=np.int64))
    sizes = np.bincount(codes, minlength=len(names))
    codes[sizes[codes] < RARE] = len(names)
    return [np.flatnonzero(codes == code) for code in range(len(names) + 1)]


def _taken(train: Sentences, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Sentences:
    """The lines that were chosen, with the numbers that they have in the file."""
    text, lines = bytearray(), array("q")
    for number, line in enumerate(io.BytesIO(train.text)):
        if chosen[number]:
            text += line if line.endswith(b"\n") else line + b"\n"
            lines.append(number)
    labels = None if train.labels is None else [train.labels[line] for line in lines]
    own = train.lines
    return Sentences(bytes(text), labels, [number + 1 if own is None else own[number] for number in lines])

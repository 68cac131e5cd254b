"""What a user can get wrong, one class a kind, each with its exit code.

Messages name the thing, where it was said and the way out, on one or two lines. `vaecli.__main__` prints them;
everything below it raises. Exit code 1 is left to faults of this program, whose traceback is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


class VaeError(Exception):
    """Base of every error that a user can cause; printed without a traceback."""

    exit_code = 1


class UsageError(VaeError):
    """A wrong option, name, value or configuration."""

    exit_code = 2


class DataError(VaeError):
    """A corpus that can't be read or used."""

    exit_code = 3


class DivergedError(VaeError):
    """A loss, gradient or metric that is not finite."""

    exit_code = 4


class TrialsFailedError(VaeError):
    """Some trials of an experiment failed; the others are done."""

    exit_code = 5


class ResourceError(VaeError):
    """The machine ran out of something or forbids it: memory, space on a disk, files, processes, a folder that is gone.

    See `vaecli.core.resources.shortage`, which says so of errors of any library.
    """

    exit_code = 6


class UnwritableError(DataError):
    """A file that can't be written: the disk is full, or the folder is gone or may only be read."""

    exit_code = ResourceError.exit_code


class InterruptedRunError(VaeError):
    """A run stopped by a signal, with its checkpoint saved.

    Args:
        message: What was saved and how to go on.
        signal_number: The signal received; the exit code is 128 plus it.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number


LISTED = 12
"""Names that a message lists at most; of more it tells those that are most alike, and what lists all."""

ALIKE = 0.6
"""Share of letters in common from which on a name of a long list is told though it isn't near; `difflib`'s own."""


def nearest(name: str, choices: Iterable[str], way: str = "") -> str:
    """The end of an error message: the nearest valid names; when none is near all of them, or where to see them.

    Args:
        name: As it was written.
        choices: What there is.
        way: What lists them, for more than `LISTED` of them, such as ``vae methods``; without it the `LISTED` most
            alike are told, and how many there are besides.
    """
    options = sorted(choices)
    if near := near_names(name, options):
        *most, last = map(repr, near)
        return f"did you mean {', '.join(most)} or {last}?" if most else f"did you mean {last}?"
    if not options:
        return "there is none"
    if len(options) <= LISTED or not way:
        return "choose from " + listed(options, name)
    alike = most_alike(name, options)
    told = f"most alike: {', '.join(map(repr, alike))}" if alike else "none is like it"
    return f"{told}; `{way}` lists all"


def listed(names: Iterable[str], like: str = "") -> str:
    """Names with commas between; of more than `LISTED` so many, and the number of the others.

    Args:
        names: In their order, in which they stay.
        like: Those that are most alike to it are kept; the first ones without.
    """
    every = list(names)
    if len(every) <= LISTED:
        return ", ".join(every)
    kept = set(most_alike(like, every, LISTED, 0.0) if like else every[:LISTED])
    shown = [name for name in every if name in kept]
    return f"{', '.join(shown)} and {len(every) - len(shown)} more"


def most_alike(name: str, options: Iterable[str], count: int = 3, share: float = ALIKE) -> list[str]:
    """The names that have most letters in common with another, the most alike first.

    Args:
        name: As it was written; its spelling (capitals, ``-`` for ``_``) doesn't count.
        options: What there is.
        count: Names at most.
        share: Of letters in common, by `difflib`, that a name needs.
    """
    from difflib import SequenceMatcher

    wanted = _plain(name)
    shares = {option: SequenceMatcher(None, wanted, _plain(option)).ratio() for option in options}
    best = sorted((option for option in shares if shares[option] >= share), key=lambda option: -shares[option])
    return best[:count]


def near_names(name: str, options: Iterable[str]) -> list[str]:
    """The names that somebody who wrote another may have meant, three at most; none where all are far.

    Another spelling of the name (capitals, ``-`` for ``_``) is nearest; then what is few slips away (one in up to four
    letters, two in up to eight, else three; of two as near, the one that begins alike); then names of several words
    of which it begins one, or is one but for a slip.

    Args:
        name: As it was written.
        options: What there is.
    """
    wanted, plain = _plain(name), {option: _plain(option) for option in options}
    if same := [option for option, text in plain.items() if text == wanted]:
        return same[:3]
    slips = {option: edit_distance(wanted, text) for option, text in plain.items()}
    most = 1 if len(wanted) <= 4 else 2 if len(wanted) <= 8 else 3
    if len(wanted) > 1 and slips and min(slips.values()) <= most:
        return [min(slips, key=lambda option: (slips[option], plain[option][:1] != wanted[:1], option))]
    parts = {option: [text, *re.split(r"[_.+]", text)] for option, text in plain.items()}
    slip = int(len(wanted) > 4)
    held = [
        option
        for option, words in parts.items()
        if any(word.startswith(wanted) or edit_distance(wanted, word) <= slip for word in words)
    ]
    return held if len(wanted) > 2 and len(held) <= 3 else []


def _plain(name: str) -> str:
    return name.casefold().replace("-", "_")


def edit_distance(one: str, other: str) -> int:
    """The fewest letters to insert, delete, replace or swap with their neighbour that make one text the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        last, before, row = before, row, [i]
        for j, another in enumerate(other, start=1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != another)))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == another:
                row[-1] = min(row[-1], last[j - 2] + 1)
    return row[-1]


def unknown(kind: str, name: str, choices: Iterable[str], location: str = "", way: str = "") -> UsageError:
    """An error for a name that doesn't exist: ``unknown method 'bm' (--methods): did you mean 'bn'?``.

    Args:
        kind: Of the name.
        name: As it was written.
        choices: What there is.
        location: What the user wrote it in.
        way: What lists all; see `nearest`.
    """
    where = f" ({location})" if location else ""
    return UsageError(f"unknown {kind} {name!r}{where}: {nearest(name, choices, way)}")

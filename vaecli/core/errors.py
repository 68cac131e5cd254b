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


def nearest(name: str, choices: Iterable[str]) -> str:
    """The end of an error message: the nearest valid names, or all of them when none is near."""
    options = sorted(choices)
    if near := near_names(name, options):
        *most, last = map(repr, near)
        return f"did you mean {', '.join(most)} or {last}?" if most else f"did you mean {last}?"
    return "choose from " + ", ".join(options) if options else "there is none"


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


def unknown(kind: str, name: str, choices: Iterable[str], location: str = "") -> UsageError:
    """An error for a name that doesn't exist: ``unknown method 'bm' (--methods): did you mean 'bn'?``."""
    where = f" ({location})" if location else ""
    return UsageError(f"unknown {kind} {name!r}{where}: {nearest(name, choices)}")

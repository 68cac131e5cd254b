"""What a user can get wrong, one class a kind, each with its exit code.

Messages name the thing, where it was said and the way out, on one or two lines. `vaecli.__main__` prints them;
everything below it raises. Exit code 1 is left to faults of this program, whose traceback is shown.
"""

from __future__ import annotations

import difflib
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
    """The end of an error message: the nearest valid name, or all of them when none is near."""
    options = sorted(choices)
    close = difflib.get_close_matches(name, options, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return "choose from " + ", ".join(options) if options else "there is none"


def unknown(kind: str, name: str, choices: Iterable[str], location: str = "") -> UsageError:
    """An error for a name that doesn't exist: ``unknown method 'bm' (--methods): did you mean 'bn'?``."""
    where = f" ({location})" if location else ""
    return UsageError(f"unknown {kind} {name!r}{where}: {nearest(name, choices)}")

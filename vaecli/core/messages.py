"""Lines for the user on stderr, in which no name, path or text of a corpus can steer a terminal or forge a line."""

from __future__ import annotations

import contextlib
import re
import sys
import warnings
from collections.abc import Iterator

LISTED = re.compile(r"\n(?=  )")
"""A line's end in a message that lists things, each indented; any other is part of a name."""


def printable(text: str) -> str:
    """The text with control characters written as escapes, line feeds included."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def escaped(message: str) -> str:
    """A message with control characters written as escapes, but for the ends of lines that it lists things on."""
    return "\n".join(map(printable, LISTED.split(message)))


def counted(count: int, noun: str) -> str:
    """A number with its noun, of which the singular is given: ``1 trial``, ``2,000 trials``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def tell(message: str) -> None:
    """Writes a message to stderr; one that has gone or is full is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        print(escaped(message), file=sys.stderr, flush=True)


@contextlib.contextmanager
def told_warnings() -> Iterator[None]:
    """Writes warnings to stderr as messages, a line each, without the line of the program that they come from."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *rest, **more: tell(f"vae: warning: {message}")
        yield

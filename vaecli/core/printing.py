"""Text on its way out: nothing in it can steer a terminal, and a stream that takes no more is said in a line."""

from __future__ import annotations

import sys

from vaecli.core.errors import DataError


def printable(text: str) -> str:
    """The text with control characters written as escapes, so that no name can steer a terminal or break a line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def printable_lines(text: str) -> str:
    """`printable`, but for the ends of lines."""
    return "\n".join(map(printable, text.split("\n")))


def write_stdout(text: str) -> None:
    """Writes a result to stdout, what its encoding lacks as escapes, and sends it off.

    Raises:
        DataError: It takes no more, as on a full disk.
        BrokenPipeError: Its reader has gone.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise DataError(f"stdout: can't write {len(text):,} characters: {error.strerror}") from None

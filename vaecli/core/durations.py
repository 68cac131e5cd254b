"""Seconds in words, and back."""

from __future__ import annotations

import re

from vaecli.core.errors import UsageError

MOST = 366 * 86_400
"""Seconds of the longest duration that one can ask for: a year. More is a slip of the finger."""


def duration(seconds: float) -> str:
    """``45s``, ``3m20s``, ``2h05m`` or ``3d04h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 172_800:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02}h"


def seconds_of(text: str, location: str = "--budget") -> float:
    """Seconds of ``90``, ``45s``, ``15m``, ``2h``, ``1h30m`` or ``2d``; a number without a letter is seconds.

    Args:
        text: As it was written.
        location: Where.

    Raises:
        UsageError: It is no such duration, none at all, or longer than `MOST`.
    """
    match = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", text.strip())
    parts = [int(part or 0) for part in match.groups()] if match else []
    total = sum(part * unit for part, unit in zip(parts, (86_400, 3600, 60, 1), strict=False))
    if not total:
        raise UsageError(f"{location}: {text!r} is no duration; write 15m, 2h, 1h30m or a number of seconds")
    if total > MOST:
        raise UsageError(f"{location}: {text!r} is longer than a year; {MOST // 86_400}d is the most")
    return float(total)

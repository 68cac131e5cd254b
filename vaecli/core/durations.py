"""Seconds in words."""

from __future__ import annotations


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

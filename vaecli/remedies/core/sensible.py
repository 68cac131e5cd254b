"""The values of a setting that are worth trying, which are fewer than those that are defined."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """The numbers from one to another, both included; whole ones where both ends are whole.

    Attributes:
        low: The smallest.
        high: The largest.
        log: Whether equal ratios and not equal differences are alike.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        """Checks the ends.

        Raises:
            ValueError: They are no range, or a logarithmic one doesn't begin above 0.
        """
        if not self.low < self.high:
            raise ValueError(f"{self.low} to {self.high} is no range")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic range begins above 0, got {self.low}")

    @property
    def is_whole(self) -> bool:
        """Whether it is one of whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def __str__(self) -> str:
        """``0.3 to 1``, ``5 to 100, logarithmic``."""
        return f"{self.low:g} to {self.high:g}" + (", logarithmic" if self.log else "")


Sensible = Span | tuple[str, ...]
"""A range of numbers, or some of the words that a setting may be."""


def range_text(values: Sensible) -> str:
    """The values as ``--range`` takes them: ``0.3..1.0``, ``5..100:log``, ``max,mean``."""
    if isinstance(values, Span):
        return f"{values.low!r}..{values.high!r}" + (":log" if values.log else "")
    return ",".join(values)


def sensible_text(values: Sensible) -> str:
    """The values in words: ``0.3 to 1``, ``max or mean``."""
    return str(values) if isinstance(values, Span) else " or ".join(values)

"""Signals: the first asks the loop to save and stop, the second stops at once."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any, Self


class StopNowError(BaseException):
    """Raised inside the handler where nothing is lost by stopping between two instructions.

    Args:
        signal_number: The signal received.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class Interrupt:
    """Catches SIGINT and SIGTERM while it is entered.

    Attributes:
        received: The first signal's number, or None.
        immediate: True while the state on disk is complete, such as during an evaluation: a signal then stops at once.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.immediate = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._before[number] = signal.signal(number, self._handle)
            except ValueError:  # not in the main thread: whoever runs us there handles signals
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        first = self.received is None
        self.received = self.received or number
        if self.immediate or not first:
            raise StopNowError(number)

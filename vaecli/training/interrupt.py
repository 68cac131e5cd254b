"""Signals in a trial: the first stops it at the next moment at which nothing is lost, the second at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType, TracebackType
from typing import Self

from vaecli.core.signals import handled


class StopNowError(BaseException):
    """Raised inside the handler where nothing is lost by stopping between two instructions, or at a second signal.

    Args:
        signal_number: The first signal received.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class Interrupt:
    """Catches every signal that asks to stop while it is entered; may be nested in itself.

    While the state on disk is complete, as in an evaluation, a signal stops at once. In `deferred` it waits.

    Attributes:
        received: The first signal's number, or None.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._deferred = False
        self._deaf = False
        self._depth = 0
        self._handlers = ExitStack()

    def __enter__(self) -> Self:
        if not self._depth:
            self._handlers.enter_context(handled(self._handle))
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if not self._depth:
            self._handlers.close()

    def ask(self, number: int) -> None:
        """Stops at the next moment at which nothing is lost, as if a signal had come.

        Args:
            number: Of the signal.
        """
        self.received = self.received or number

    @contextmanager
    def deferred(self, wait: bool = True) -> Iterator[None]:
        """Lets a first signal wait until `check`, or until the end of this.

        Args:
            wait: False makes an exception inside of one that waits.

        Raises:
            StopNowError: Where a signal came meanwhile, or at once at a second one.
        """
        if not wait:
            self.check()
        before, self._deferred = self._deferred, wait
        try:
            yield
        finally:
            self._deferred = before
        if not before:
            self.check()

    @contextmanager
    def last_words(self) -> Iterator[None]:
        """Ignores every signal for the moment that it takes to write down how the trial ended."""
        self._deaf = True
        try:
            yield
        finally:
            self._deaf = False

    def check(self) -> None:
        """Stops here if a signal has come.

        Raises:
            StopNowError: One has.
        """
        if self.received is not None:
            raise StopNowError(self.received)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._deaf:
            return
        first = self.received is None
        self.received = self.received or number
        if not (first and self._deferred):
            raise StopNowError(self.received)

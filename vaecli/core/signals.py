"""The signals that ask a program to stop, and how the parts of this one answer them alike."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], None]

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
"""A terminal's Ctrl-C, `kill`, a closed terminal, Ctrl-\\, and the two with which schedulers announce a time limit."""

MAY_BE_IGNORED = ("SIGHUP", "SIGUSR1", "SIGUSR2")

STOPPING: tuple[signal.Signals, ...] = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))
"""Those that this system has."""


@contextmanager
def handled(handler: Handler) -> Iterator[None]:
    """Gives all of `STOPPING` to a handler while it is entered; outside the main thread it changes nothing.

    A SIGHUP that is ignored stays so, which is what ``nohup`` is for; so do the schedulers' signals, where what started
    this process answers them for it.
    """
    before: dict[signal.Signals, object] = {}
    for number in STOPPING:
        if number.name in MAY_BE_IGNORED and signal.getsignal(number) is signal.SIG_IGN:
            continue
        try:
            before[number] = signal.signal(number, handler)
        except ValueError:  # not in the main thread: whoever runs us there handles signals
            break
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)  # type: ignore[arg-type]


def signal_name(number: int) -> str:
    """``SIGKILL``."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

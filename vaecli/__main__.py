"""Entry point: runs the command line and turns whatever ends it into lines on stderr and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from io import TextIOWrapper
from types import FrameType

from vaecli.core.errors import ResourceError, VaeError
from vaecli.core.messages import tell, told_warnings
from vaecli.core.names import NURSERY
from vaecli.core.resources import shortage
from vaecli.core.signals import handled

KERNEL_CACHES = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "256", "LRU_CACHE_CAPACITY": "16"}
"""Compiled kernels that oneDNN and torch keep. A training on real text asks for thousands, one a shape of a batch, each
of some 0.3 MB: with the libraries' own 1,024 the process grows by a gigabyte, and gains no time over these numbers."""

FAULT = "this is a fault of {whose}: please report it{there}, with the lines above, the command and `vae --version`"


def main() -> None:
    """Runs ``vae``; exits with the code that `vaecli.core.errors` gives each kind of error.

    A signal that asks to stop ends it with 128 and the signal's number, as Ctrl-C does, unless what runs has its own
    answer to it.
    """
    if sys.argv[1:2] == [NURSERY]:
        from vaecli.engines.nursery import serve

        sys.exit(serve(int(sys.argv[2]), main))
    for name, capacity in KERNEL_CACHES.items():  # read when torch first computes; what the user has set stays
        os.environ.setdefault(name, capacity)
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        received.append(number)
        raise KeyboardInterrupt

    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  (for as long as we run)
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # names and words that its encoding lacks, as on stderr
    try:
        with handled(stop):
            code = _run()
            sys.stdout.flush()
    except BaseException as error:
        code = 128 + received[0] if received else _answer(error)
    if received and code == 130:  # click knows of one signal only
        code = 128 + received[0]
    _silence()
    sys.exit(code)


def _run() -> int:
    """The exit code of the command line.

    Raises:
        ResourceError: The working folder was removed; libraries say so in ways of their own, one by ending the process.
    """
    try:
        os.getcwd()
    except OSError:
        raise ResourceError("the working folder is gone: go to one that is there") from None
    from vaecli.cli.app import app

    try:
        with told_warnings():
            app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _answer(error: BaseException) -> int:
    """Says what ended the program, and gives its exit code."""
    if isinstance(error, VaeError):
        tell(f"vae: {error}")
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return 130
    if number := getattr(error, "signal_number", 0):  # a second signal, between two handlers
        return 128 + int(number)
    if isinstance(error, BrokenPipeError):  # the reader of our output (head, less) has gone
        return 0
    if line := shortage(error):
        tell(f"vae: {line}")
        return ResourceError.exit_code
    for line in "".join(traceback.format_exception(error)).split("\n"):
        tell(line)
    tell(f"vae: {_fault(error)}")
    return 1


def _fault(error: BaseException) -> str:
    """Whose fault an error is, as far as that can be seen: the program's, or that of another package's remedy."""
    from vaecli.core.plugins import at_fault, in_use
    from vaecli.remedies import GROUP

    if plugin := at_fault(error, GROUP):
        return FAULT.format(whose=f"package {plugin.origin}", there=" to its author")
    others = ", ".join(sorted({f"package {plugin.origin}" for plugin in in_use(GROUP)}))
    return FAULT.format(whose="the program" + (f", or of a remedy of {others}" if others else ""), there="")


def _silence() -> None:
    """What stdout still holds and can't take has nowhere to go; the interpreter would try again, and complain."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()

"""Entry point: runs the command line and turns what a user did wrong into a line and an exit code."""

from __future__ import annotations

import os
import sys

KERNEL_CACHES = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "256", "LRU_CACHE_CAPACITY": "16"}
"""Compiled kernels that oneDNN and torch keep. A training on real text asks for thousands, one a shape of a batch, each
of some 0.3 MB: with the libraries' own 1,024 the process grows by a gigabyte, and gains no time over these numbers."""


def main() -> None:
    """Runs ``vae``; exits with the code that `vaecli.core.errors` gives each kind of error."""
    for name, capacity in KERNEL_CACHES.items():  # read when torch first computes; what the user has set stays
        os.environ.setdefault(name, capacity)
    from vaecli.cli.app import app
    from vaecli.core.errors import DataError, VaeError
    from vaecli.core.printing import printable_lines

    try:
        try:
            app()
        except SystemExit:
            sys.stdout.flush()  # here, where it can still be said that it failed
            raise
    except VaeError as error:
        print(f"vae: {printable_lines(str(error))}", file=sys.stderr)
        close_stdout()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output (head, less) has gone
        close_stdout()
        sys.exit(0)
    except OSError as error:  # mostly of stdout on a full disk; of a file it bears the name
        print(f"vae: {printable_lines(str(error.filename or 'stdout'))}: {error.strerror}", file=sys.stderr)
        close_stdout()
        sys.exit(DataError.exit_code)


def close_stdout() -> None:
    """Sends what is left to say nowhere, where stdout takes no more of it."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()

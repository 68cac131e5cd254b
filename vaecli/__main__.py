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
    from vaecli.core.errors import VaeError

    try:
        app()
    except VaeError as error:
        print(f"vae: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # the reader of our output (head, less) has gone: what is left to say has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


if __name__ == "__main__":
    main()

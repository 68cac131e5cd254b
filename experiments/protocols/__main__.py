"""Says what the grid of protocols has, and by which commands it grows: ``python -m experiments.protocols``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.protocols import rate_sweep
from experiments.protocols.side_by_side import RESULTS, commands, page_lines, read_grid


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.protocols",
        description="What experiments/protocols/results.csv says of each method under both protocols, in Markdown.",
    )
    parser.add_argument("table", type=Path, nargs="?", help="another results.csv, or an experiment")
    parser.add_argument("--commands", action="store_true", help="print the command lines that run the grid instead")
    parser.add_argument("--sweep", action="store_true", help="what the sweep of rates and lengths says instead")
    options = parser.parse_args(arguments)
    if options.commands:
        print("\n".join(commands()))
    elif options.sweep:
        print(rate_sweep.page_lines(rate_sweep.read_sweep(options.table or rate_sweep.RESULTS)))
    else:
        print(page_lines(read_grid(options.table or RESULTS)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

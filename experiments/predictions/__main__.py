"""Prints a file of predictions from published figures; see the package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from experiments.predictions import predictions
from vaecli.remedies import REMEDIES


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description="What printed figures would have one expect of methods, by a rule.")
    parser.add_argument("--dataset", action="append", help="of the papers' tables, such as PTB; all without")
    parser.add_argument("--methods", default=",".join(REMEDIES), help="names with commas between; all without")
    options = parser.parse_args(arguments)
    print(predictions(options.methods.split(","), options.dataset), end="")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Grows the table of the embedded corpora: ``python -m experiments.synthetic --budget 10m``; again, it goes on.

``--report`` prints what the table says instead, and ``--picture FILE`` draws it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.synthetic import table
from vaecli.core.durations import seconds_of
from vaecli.core.errors import InterruptedRunError, VaeError
from vaecli.core.messages import tell


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.synthetic",
        description="Every method on the embedded corpora, whose truth is known: three decoders, three latent sizes, "
        "both protocols, five seeds, in an order of which each beginning is balanced.",
    )
    parser.add_argument("--budget", default="10m", help="no trial begins after it: 90s, 10m, 2h")
    parser.add_argument("--jobs", type=int, default=1, help="trials at a time, each with one thread")
    parser.add_argument("--cheap", action="store_true", help="leave out methods that take over four times as long")
    parser.add_argument("--table", type=Path, default=table.TABLE, help="the CSV that grows")
    parser.add_argument("--report", action="store_true", help="print what the table says, and run nothing")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="with --report: draw excess_nll against mi there")
    options = parser.parse_args(arguments)
    try:
        if options.report or options.picture:
            return report(options.table, options.picture)
        from experiments.synthetic.work import grow

        budget = seconds_of(options.budget)
        count = grow(options.table, budget, options.jobs, tell, dear=not options.cheap)
        print(f"{count} trials added; {options.table} has {len(table.read_lines(options.table))}")
        return 0
    except VaeError as error:
        tell(f"vae: {error}")
        return error.exit_code if isinstance(error, InterruptedRunError) else 2


def report(path: Path, picture: Path | None) -> int:
    from experiments.synthetic.summary import page_lines

    frame = table.read_table(path)
    print(page_lines(frame))
    if picture is not None:
        from experiments.synthetic.picture import draw

        draw(frame, picture)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

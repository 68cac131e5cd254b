"""Grows the atlas: ``python -m experiments.atlas --budget 10m``; again, it goes on where it was.

``python -m experiments.atlas --report`` prints what its table says instead.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.atlas import table
from vaecli.core.durations import seconds_of
from vaecli.core.errors import InterruptedRunError, VaeError
from vaecli.core.messages import tell


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments.atlas", description="The atlas of collapse.")
    parser.add_argument("--budget", default="10m", help="no trial begins after it: 90s, 10m, 2h")
    parser.add_argument("--jobs", type=int, default=1, help="trials at a time, each with one thread")
    parser.add_argument("--table", type=Path, default=table.TABLE, help="the CSV that grows; its Parquet is beside it")
    parser.add_argument(
        "--corpus", default="", metavar="A,B", help="only trials on these, as yelp_short; without, all that have a text"
    )
    parser.add_argument(
        "--data-root",
        type=Path,
        default=os.environ.get("VAE_TEST_DATA") or None,
        metavar="DIR",
        help="the folder that holds yelp_short and ptb, each with train.txt, valid.txt and test.txt; (VAE_TEST_DATA)",
    )
    parser.add_argument(
        "--corpora", action="store_true", help="write the features of the corpora that the package ships; run nothing"
    )
    parser.add_argument(
        "--repeats", action="store_true", help="add trials with another seed to repeats.csv instead, within the budget"
    )
    parser.add_argument("--report", action="store_true", help="print what the table says, and run nothing")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="with --report: draw the phase diagrams there too")
    options = parser.parse_args(arguments)
    try:
        if options.corpora:
            from experiments.atlas.ship import ship_corpora

            print(ship_corpora(options.data_root))
            return 0
        if options.report:
            return report(options.table, options.pictures)
        if options.repeats:
            return repeat(seconds_of(options.budget), options.jobs)
        return grow(options.table, seconds_of(options.budget), options.jobs, options.corpus, options.data_root)
    except VaeError as error:
        tell(f"vae: {error}")
        return error.exit_code if isinstance(error, InterruptedRunError) else 2


def grow(path: Path, budget: float, jobs: int, corpora: str, root: Path | None) -> int:
    from experiments.atlas.texts import absent, chosen
    from experiments.atlas.work import grow as run_trials

    names = chosen(corpora, root)
    if not corpora and (lacking := absent(root)):
        tell(f"trials on {' and '.join(lacking)} are skipped: --data-root names no folder that holds their text")
    count = run_trials(path, budget, jobs, tell, names, root)
    target = table.write_parquet(path)
    if path == table.TABLE:
        from experiments.atlas.ship import ship

        ship(table.read_table(path))
    print(f"{count} trials added; {path} and {target.name} have {len(table.read_lines(path))}")
    return 0


def repeat(budget: float, jobs: int) -> int:
    from experiments.atlas.ship import ship
    from experiments.atlas.work import grow_repeats

    count = grow_repeats(table.REPEATS, budget, jobs, tell)
    ship(table.read_table())
    print(f"{count} repeats added; {table.REPEATS} has {len(table.read_lines(table.REPEATS))}")
    return 0


def report(path: Path, pictures: Path | None) -> int:
    from experiments.atlas.summary import report_text

    frame = table.read_table(path)
    print(report_text(frame), end="")
    if pictures is not None:
        from experiments.atlas.pictures import draw_phases

        if draw_phases(frame, pictures) is None:
            tell("no method has enough trials for a phase diagram")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

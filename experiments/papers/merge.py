"""Adds rows of a reproduction to a table committed here: ``python -m experiments.papers.merge RUNS/NAME``.

The rows of a long table are run on several days and machines, each by a command of its own. What `vae reproduce`
left in RUNS/NAME goes into experiments/papers/NAME: done trials take the place of those of the same row, method, seed
and protocol, and the others stay as they are; a folder that isn't there is begun with them. Commands are written
without the folders of the machine that ran them.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from vaecli.core.errors import UsageError
from vaecli.core.files import write_atomic
from vaecli.reproduction.grids import Plan, load_plan
from vaecli.reproduction.paper_tables import load_table
from vaecli.reproduction.written import RESULTS, reproduced, write_reproduction

HERE = Path(__file__).parent
TRIAL = ["experiment", "method", "seed", "protocol"]
FOLDERS = {"--data": "DIR", "--out": None}
"""Options whose values are folders of a machine: another word for it, or None where the option is left out."""


def without_folders(command: str) -> str:
    """The command as anybody would type it: ``vae reproduce ptb-lstm --data DIR``.

    Args:
        command: As a reproduction's plan has it.
    """
    told: list[str] = []
    words = iter(shlex.split(command))
    for word in words:
        option, equals, _ = word.partition("=")
        if option not in FOLDERS:
            told.append(shlex.quote(word))
            continue
        if not equals:
            next(words, None)
        other = FOLDERS[option]
        told += [option, other] if other else []
    return " ".join(told)


def merged_plan(old: Plan, new: Plan, rows: Sequence[str], kept: Collection[str]) -> Plan:
    """The plan of both.

    Args:
        old: That of the table.
        new: That of the reproduction.
        rows: Of the reproduction that are added.
        kept: Rows of which the table keeps a trial, such as one of another seed, so that its command stays too.

    Raises:
        UsageError: They are of another table or budget, or disagree on the epochs of a row.
    """
    if (old.table, old.budget) != (new.table, new.budget):
        raise UsageError(f"{new.table} with budget {new.budget} can't be added to {old.table} with {old.budget}")
    for name in rows:
        if old.epochs.get(name, new.epochs[name]) != new.epochs[name]:
            raise UsageError(f"{name}: {new.epochs[name]} epochs, but {old.epochs[name]} in the table")
    before = [_only(one, [name for name in old.epochs if name not in rows or name in kept]) for one in old.made]
    added = [_only({**one, "command": without_folders(one["command"])}, rows) for one in new.made]
    return replace(
        old,
        epochs={**old.epochs, **{name: new.epochs[name] for name in rows}},
        planned={**old.planned, **{name: new.planned[name] for name in rows}},
        made=[one for one in [*before, *added] if one["rows"]],
    )


def _only(one: Mapping[str, Any], rows: Sequence[str]) -> dict[str, Any]:
    return {**one, "rows": [name for name in one.get("rows", rows) if name in rows]}


def merge(source: Path, target: Path) -> list[str]:
    """Adds the done trials of a reproduction to a committed one and writes its tables anew.

    Args:
        source: What `vae reproduce` left.
        target: Results, summary, comparison, table and plan to be added to.

    Returns:
        The rows added.

    Raises:
        UsageError: A folder has no plan or results, the source no trial that is done, or the two can't be one table.
    """
    new, old = load_plan(source), load_plan(target)
    begun = target.exists()
    if new is not None and not begun:
        old = replace(new, epochs={}, planned={}, made=[])
    if new is None or old is None:
        raise UsageError(f"{target if new else source}: no reproduction.json")
    for path in (source / RESULTS, target / RESULTS) if begun else (source / RESULTS,):
        if not path.is_file():
            raise UsageError(f"{path}: there is none; `vae reproduce` writes it when its trials have ended")
    trials = _as_text(source / RESULTS)
    trials = trials[trials["status"] == "done"]
    rows = sorted(set(trials["experiment"]))
    if not rows:
        raise UsageError(f"{source}: no trial is done")
    before = _as_text(target / RESULTS) if begun else trials.iloc[:0]
    kept = before[~pd.MultiIndex.from_frame(before[TRIAL]).isin(pd.MultiIndex.from_frame(trials[TRIAL]))]
    plan = merged_plan(old, new, rows, set(kept["experiment"]))
    frame = pd.concat([kept, trials])[[*before, *(name for name in trials if name not in before)]].fillna("")
    frame = frame.sort_values(["experiment", "method", "seed"], kind="stable")
    results = frame.to_csv(index=False, lineterminator="\n")  # to `csv_text` a text -0.001 is a formula
    target.mkdir(parents=True, exist_ok=True)
    write_atomic(target / RESULTS, results)
    plan.save(target)
    write_reproduction(reproduced(load_table(plan.table), plan, target), plan, target)
    write_atomic(target / RESULTS, results)  # with the cells as they were: a frame has 40.0 epochs for 40
    return rows


def _as_text(path: Path) -> pd.DataFrame:
    """A CSV with its cells as they are written, so that they keep all their digits."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", type=Path, help="what `vae reproduce NAME` left")
    parser.add_argument("--into", type=Path, help="default: the folder of that name here")
    options = parser.parse_args(arguments)
    try:
        target = options.into or HERE / options.runs.resolve().name
        print(f"{target}: {', '.join(merge(options.runs, target))}")
    except UsageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

"""Obtained and printed figures in one table, for README and docs: ``python -m experiments.papers.obtained``.

It reads each `comparison.csv` that `vae reproduce` left in a folder here, and what `vae report --published` says of
experiments/ptb: of several sources in print for one figure, the first. README has those rows of `vae reproduce` alone
that were trained for a third of the table's epochs at least, of the likelihood, kl and mi, confirmed figures first.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from vaecli.reporting.formats import escape_markdown
from vaecli.reporting.read_results import load_results
from vaecli.reporting.view import AT_LEAST
from vaecli.reproduction.comparison import Compared, compare_published, labelled
from vaecli.reproduction.comparison_table import record
from vaecli.reproduction.paper_tables import load_table
from vaecli.runs.groups import finished
from vaecli.runs.statistics import defined

HERE = Path(__file__).parent
PTB = HERE.parent / "ptb" / "results.csv"
PTB_TITLE, PTB_COMMAND = "Penn Treebank", "vae report experiments/ptb/results.csv --published"

README_FIGURES = ("ppl_iw", "bound_gap", "kl", "mi")
README_ROWS = 8
LEAST_SHARE = 1 / 3
"""Of a table's epochs, below which a row says more of the budget than of the method."""

HEAD = ("table", "row", "figure", "obtained", "printed", "gap", "epochs")
RULE = "|---|---|---|---:|---:|---:|---:|"


@dataclass(frozen=True)
class Line:
    """A figure, obtained and printed.

    Attributes:
        table: What it is of.
        row: Of that table.
        figure: A column.
        obtained: Its mean over seeds.
        sd: Over seeds; None of one.
        seeds: So many.
        printed: In print.
        confirmed: Whether somebody has looked it up.
        verdict: ``within``, ``above``, ``below`` or ``unclear``; empty of a ceiling below what is in print.
        epochs: That the row was given.
        planned: Of the table; None where that isn't known.
        source: Paper and table.
        at_least: Whether it is at its ceiling, so that the truth may be anything larger.
        run: Epochs after which its training ended, the most of its seeds, where its learning rate ran out before.
    """

    table: str
    row: str
    figure: str
    obtained: float
    sd: float | None
    seeds: int
    printed: float
    confirmed: bool
    verdict: str
    epochs: int | None
    planned: int | None
    source: str
    at_least: bool = False
    run: int | None = None

    @property
    def share(self) -> float:
        """Of the table's epochs; 1 where these aren't known."""
        return 1.0 if self.epochs is None or not self.planned else self.epochs / self.planned

    @property
    def cells(self) -> list[str]:
        """As `HEAD` has them."""
        spread = "" if self.sd is None else f" ±{self.sd:.2f}"
        doubt = "" if self.confirmed else "?"
        epochs = "" if self.epochs is None else str(self.epochs)
        ended = f"{self.run} of " if self.run is not None and self.run != self.epochs else ""
        cut = f"/{self.planned}" if self.planned is not None and self.planned != self.epochs else ""
        return [
            self.table,
            escape_markdown(self.row),
            self.figure,
            f"{AT_LEAST if self.at_least else ''}{self.obtained:z.2f}{spread}",
            f"{self.printed:z.2f}{doubt}",
            f"{self.obtained - self.printed:+z.2f}",
            ended + epochs + cut,
        ]


def _number(value: object) -> float | None:
    number = float("nan") if value is None else float(str(value))
    return None if math.isnan(number) else number


def _whole(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def lines_of(table: str, records: Iterable[dict[str, object]]) -> list[Line]:
    """The records that have both an obtained and a printed figure, as `comparison_table.record` writes them."""
    lines = []
    for values in records:
        obtained, printed = _number(values["obtained"]), _number(values["printed"])
        if obtained is not None and printed is not None:
            lines.append(
                Line(
                    table=table,
                    row=str(values["row"]),
                    figure=str(values["figure"]),
                    obtained=obtained,
                    sd=_number(values["sd"]),
                    seeds=int(str(values["seeds"])),
                    printed=printed,
                    confirmed=bool(values["confirmed"]),
                    verdict=str(values["verdict"]) if isinstance(values["verdict"], str) else "",
                    epochs=_whole(values["epochs"]),
                    planned=_whole(values["epochs_published"]),
                    source=str(values["source"]),
                    at_least=values.get("at_ceiling") in (True, "True"),
                )
            )
    return lines


def first_sources(compared: Iterable[Compared]) -> list[Compared]:
    """Of the printed figures of one row and column the first."""
    by_cell: dict[tuple[str, str], Compared] = {}
    for line in compared:
        by_cell.setdefault((line.row, line.column), line)
    return list(by_cell.values())


def reproductions(folder: Path = HERE) -> dict[str, list[Line]]:
    """The lines of each table that has a `comparison.csv`, by its name."""
    by_table = {}
    for path in sorted(folder.glob("*/comparison.csv")):
        table, run = load_table(path.parent.name), epochs_run(path.with_name("results.csv"))
        labels = {row.label: run.get(row.name) for row in table.rows}
        lines = lines_of(table.title, pd.read_csv(path).to_dict("records"))  # type: ignore[arg-type]
        by_table[path.parent.name] = [replace(line, run=labels.get(line.row)) for line in lines]
    return by_table


def epochs_run(path: Path) -> dict[str, int]:
    """The epochs of each row of a table's results, by its name: the most of its seeds.

    Args:
        path: A row a trial; the column `experiment` is the row's name.
    """
    done = finished(pd.read_csv(path))
    return {str(name): int(most) for name, most in done.groupby("experiment")["epochs"].max().dropna().items()}


def of_ptb(path: Path = PTB) -> list[Line]:
    """What experiments/ptb has beside the figures in print, with the epochs of each row, the most of its seeds."""
    frame = load_results(path).frame
    by_label = {label: defined(finished(group.trials)["epochs"]) for label, group in labelled(frame)}
    epochs = {label: int(max(known)) if known else None for label, known in by_label.items()}
    compared = first_sources(compare_published(frame))
    return lines_of(PTB_TITLE, [record(line) | {"epochs": epochs[line.row]} for line in compared])


def markdown(lines: Sequence[Line], more: Sequence[str] = ()) -> str:
    """The table; a name that is that of the line above isn't said again.

    Args:
        lines: In their order.
        more: Names of further attributes, as columns at the end.
    """
    text, before = ["| " + " | ".join((*HEAD, *more)) + " |", RULE + "---|" * len(more)], ["", ""]
    for line in lines:
        cells = line.cells
        new_table = cells[0] != before[0]
        shown = [cells[0] if new_table else "", cells[1] if new_table or cells[1] != before[1] else "", *cells[2:]]
        text.append("| " + " | ".join([*shown, *(str(getattr(line, name)) for name in more)]) + " |")
        before = cells[:2]
    return "\n".join(text)


def readme_lines(lines: Iterable[Line], most: int = README_ROWS) -> list[Line]:
    """The lines that README shows; see the module."""
    chosen = [line for line in lines if line.figure in README_FIGURES and line.share >= LEAST_SHARE]
    order = sorted(range(len(chosen)), key=lambda n: (not chosen[n].confirmed, n))[:most]
    return [chosen[n] for n in order]


def readme_table() -> str:
    """Of all tables the few lines that README has room for."""
    tables = reproductions()
    return markdown(readme_lines(line for lines in tables.values() for line in lines))


def docs_table() -> str:
    """Of all tables every line, with verdict, seeds and source, and the command of each."""
    tables = reproductions()
    ptb = of_ptb()
    commands = [f"- {PTB_TITLE}: `{PTB_COMMAND}`, each figure beside its first source in print."]
    for name, lines in tables.items():
        if lines:  # of the others nothing is in print
            commands.append(
                f"- {lines[0].table}: `vae reproduce {name}`, as the end of experiments/papers/{name}/table.md has it."
            )
    whole = markdown([*ptb, *(line for lines in tables.values() for line in lines)], ("seeds", "verdict", "source"))
    return "\n".join([whole, "", *commands])


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.papers.obtained", description="Obtained beside printed figures, in Markdown."
    )
    parser.add_argument("--readme", action="store_true", help="only the few lines that README has room for")
    options = parser.parse_args(arguments)
    print(readme_table() if options.readme else docs_table())


if __name__ == "__main__":
    main(sys.argv[1:])

"""What a reproduction leaves in its folder beside the runs: its tables, and the comparison."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vaecli.core.files import write_atomic
from vaecli.core.messages import counted
from vaecli.reporting.formats import to_csv, to_markdown
from vaecli.reporting.notes import ReportContext
from vaecli.reporting.read_results import load_results
from vaecli.reporting.view import View
from vaecli.reproduction.comparison import compare_table
from vaecli.reproduction.comparison_table import comparison_view
from vaecli.reproduction.grids import Plan
from vaecli.reproduction.made import made_lines
from vaecli.reproduction.paper_tables import PaperTable
from vaecli.runs.tables import csv_text, summary_table

if TYPE_CHECKING:
    import pandas as pd

RESULTS, SUMMARY, COMPARISON, TABLE, PAGE = "results.csv", "summary.csv", "comparison.csv", "table.md", "page.html"


@dataclass(frozen=True)
class Reproduced:
    """The results of a reproduction, read from its folder.

    Attributes:
        frame: A row a trial; the column `experiment` is the row of the table.
        contexts: What is known of each row's experiment besides.
        view: Obtained and printed figures.
        notes: On how the results were read.
    """

    frame: pd.DataFrame
    contexts: dict[str, ReportContext]
    view: View
    notes: tuple[str, ...]


def reproduced(table: PaperTable, plan: Plan, folder: Path) -> Reproduced:
    """Reads the results of a reproduction.

    Raises:
        UsageError: The folder holds none.
    """
    loaded = load_results(folder)
    lines = compare_table(table, loaded.frame, plan.epochs, plan.planned)
    view = comparison_view(_title(table, loaded.frame), lines, _notes(table, plan, loaded.frame))
    return Reproduced(loaded.frame, dict(loaded.contexts), view, loaded.notes)


def _title(table: PaperTable, frame: pd.DataFrame) -> str:
    """``Kim et al. 2018, synthetic data: corpus oracle, split test, 1,000 sentences, seeds 0, 1, 2``."""
    done = frame[(frame["status"] == "done") & frame["sentences"].notna()]
    if not len(done):
        return table.title
    first = done.iloc[0]
    seeds = ", ".join(str(seed) for seed in sorted(set(map(int, done["seed"]))))
    sentences = counted(int(first["sentences"]), "sentence")
    return f"{table.title}: corpus {first['corpus']}, split {first['split']}, {sentences}, seeds {seeds}"


def _notes(table: PaperTable, plan: Plan, frame: pd.DataFrame) -> list[str]:
    notes = [f"{row.label}: {row.note}" for row in table.rows if row.note and row.name in plan.epochs]
    notes += [plan.rule] if plan.rule else []
    return [*notes, *notes_on_undone(frame), *table.notes]


def notes_on_undone(frame: pd.DataFrame) -> list[str]:
    """How many trials have no figures, and how to go on: those that diverged are run again only where one says so.

    Args:
        frame: A row a trial.
    """
    diverged = int((frame["status"] == "diverged").sum())
    left = int((frame["status"] != "done").sum()) - diverged
    notes = [f"{counted(left, 'trial')} not done; the same command goes on"] if left else []
    return notes + ([f"{counted(diverged, 'trial')} diverged; --retry runs such again"] if diverged else [])


def write_reproduction(result: Reproduced, plan: Plan, folder: Path) -> list[Path]:
    """Writes the tables into the folder; gives their paths."""
    texts = {
        RESULTS: csv_text(result.frame),
        SUMMARY: csv_text(summary_table(result.frame)),
        COMPARISON: to_csv([result.view]),
        TABLE: to_markdown(result.view) + "\n" + "\n".join(made_lines(plan.made)) + "\n",
    }
    for name, text in texts.items():
        write_atomic(folder / name, text)
    return [folder / name for name in texts]

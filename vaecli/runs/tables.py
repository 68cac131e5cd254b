"""``results.csv`` and ``summary.csv``: derived from the run folders of an experiment, and rebuilt at will."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecli.errors import UsageError
from vaecli.files import write_atomic
from vaecli.metrics.schema import COLUMNS, OPTIONAL_COLUMNS, RESULT_COLUMNS
from vaecli.runs.experiment import corpus_name, find_runs
from vaecli.runs.folder import RunFolder
from vaecli.runs.statistics import finished, grouped

if TYPE_CHECKING:
    import pandas as pd

VERSIONS = "versions"
"""Column of what must agree before two trials are averaged; there only where the trials of an experiment differ."""
ESTIMATED = tuple(c.name for c in COLUMNS.values() if c.kind != "text" and c.name not in ("seed", "iw_samples"))
"""Columns that a summary averages."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def results_table(experiment: Path) -> pd.DataFrame:
    """A row a trial: the columns of the schema, then the optional ones that some trial has.

    Args:
        experiment: Its folder.

    Returns:
        Undefined figures are missing, never 0; trials that aren't done have a status and no figures.

    Raises:
        UsageError: There is no run in the folder.
    """
    folders = find_runs(experiment)
    if not folders:
        raise UsageError(f"{experiment}: there is no run of vae here")
    rows = [result_row(folder) for folder in folders]
    trials = [versions(folder.run()) | _samples(row) for folder, row in zip(folders, rows, strict=True)]
    trials = completed(trials, [str(row["method"]) for row in rows])
    for row, text in zip(rows, conflicts(trials), strict=True):
        row[VERSIONS] = text
    names = [c.name for c in RESULT_COLUMNS]
    names += [c.name for c in OPTIONAL_COLUMNS if any(row.get(c.name) is not None for row in rows)]
    if any(row[VERSIONS] for row in rows):
        names.append(VERSIONS)
    return _frame(rows, names)


def result_row(folder: RunFolder) -> dict[str, Any]:
    """The row of one trial."""
    run, config, status = folder.run(), folder.config(), folder.status
    corpus = run.get("corpus") or {}
    row: dict[str, Any] = {
        "experiment": config.experiment,
        "corpus": corpus.get("name") or corpus_name(config.corpus.data),
        "method": config.method,
        "seed": config.training.seed,
        "status": status,
        "split": config.evaluation.split,
    }
    if status != "done":
        return row
    values = folder.metrics().get("values", {})
    return row | {name: value for name, value in values.items() if name in COLUMNS and name not in row}


def versions(run: Mapping[str, Any]) -> dict[str, str]:
    """What decides whether trials may be averaged: versions of remedies and estimators, and the corpus's content.

    Empty for a trial that never started.
    """
    found = {name: str(n) for key in ("remedies", "estimators") for name, n in (run.get(key) or {}).items()}
    fingerprint = (run.get("corpus") or {}).get("fingerprint")
    return found | {"corpus": fingerprint[:12]} if fingerprint else found


def _samples(row: Mapping[str, Any]) -> dict[str, str]:
    """The importance samples of a row that has any: bounds of other numbers of samples are other figures."""
    return {"iw_samples": str(row["iw_samples"])} if row.get("iw_samples") else {}


def completed(trials: Sequence[Mapping[str, str]], methods: Sequence[str]) -> list[dict[str, str]]:
    """The versions of each trial, with those that it lacks where the other trials of its method agree on one.

    A trial without an evaluation that another seed has can't disagree with it, so both stay in one row.
    """
    known: dict[str, dict[str, set[str]]] = {}
    for trial, method in zip(trials, methods, strict=True):
        for name, value in trial.items():
            known.setdefault(method, {}).setdefault(name, set()).add(value)
    filled = []
    for trial, method in zip(trials, methods, strict=True):
        agreed = {name: next(iter(values)) for name, values in known.get(method, {}).items() if len(values) == 1}
        filled.append({**agreed, **trial} if trial else {})
    return filled


def conflicts(trials: Sequence[Mapping[str, str]]) -> list[str]:
    """For each trial the versions on which the trials of an experiment disagree, such as ``bn 2, mi 1``."""
    values: dict[str, set[str]] = {}
    for trial in trials:
        for name, value in trial.items():
            values.setdefault(name, set()).add(value)
    return [", ".join(f"{name} {value}" for name, value in t.items() if len(values[name]) > 1) for t in trials]


def summary_table(results: pd.DataFrame) -> pd.DataFrame:
    """A row a method: how many trials are done, failed, diverged and unfinished; mean, spread and interval of figures.

    Trials of different versions, splits or corpora are in rows of their own.
    """
    names = [name for name in ESTIMATED if name in results.columns]
    rows = []
    for group in grouped(results):
        counts = group.trials["status"].value_counts()
        row: dict[str, Any] = {
            "experiment": group.key["experiment"],
            "corpus": group.key["corpus"],
            "split": group.key["split"],
            "method": group.method,
            VERSIONS: group.key.get(VERSIONS),
            "trials": len(finished(group.trials)),
            "failed": int(counts.get("failed", 0)),
            "diverged": int(counts.get("diverged", 0)),
            "unfinished": int(sum(counts.get(name, 0) for name in ("pending", "running", "interrupted"))),
        }
        for name in names:
            found = group.summary(name)
            row |= {f"{name}_mean": found.mean if found else None}
            row |= {f"{name}_{part}": getattr(found, part, None) for part in ("sd", "low", "high")}
        rows.append(row)
    columns = [name for name in rows[0] if name != VERSIONS or VERSIONS in results.columns]
    return _frame(rows, columns)


def write_tables(experiment: Path) -> tuple[Path, Path]:
    """Writes ``results.csv`` and ``summary.csv`` into an experiment's folder; gives their paths."""
    results = results_table(experiment)
    paths = experiment / "results.csv", experiment / "summary.csv"
    for path, table in zip(paths, (results, summary_table(results)), strict=True):
        write_atomic(path, csv_text(table))
    return paths


def csv_text(table: pd.DataFrame) -> str:
    """The table as CSV: an empty cell is undefined, and text that a spreadsheet would run as a formula is quoted."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.itertuples(index=False):
        writer.writerow([csv_cell(value) for value in row])
    return buffer.getvalue()


def csv_cell(value: Any) -> str:
    """One cell: numbers with all their digits, text neutralised."""
    if isinstance(value, str):
        return neutral(value)
    if value is None or str(value) == "<NA>" or value != value:
        return ""
    return repr(float(value)) if isinstance(value, float) else str(value)


def neutral(text: str) -> str:
    """Text that no spreadsheet takes for a formula: ``=1+1`` becomes ``'=1+1``. Numbers never pass through here."""
    return "'" + text if text.startswith(FORMULA_STARTS) else text


def _frame(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """A table whose counts stay whole numbers where some are missing."""
    import pandas as pd

    listed = list(rows)
    series = {}
    for name in columns:
        values = [row.get(name) for row in listed]
        known = [value for value in values if value is not None]
        kind = COLUMNS[name].kind if name in COLUMNS else None
        numeric = all(isinstance(v, int | float) for v in known) and kind != "text"
        if numeric and known and all(isinstance(v, int) or (kind == "int" and v.is_integer()) for v in known):
            series[name] = pd.Series(values, dtype="Int64")
        elif numeric:
            series[name] = pd.Series(values, dtype="float64")
        else:
            series[name] = pd.Series(values, dtype="object")
    return pd.DataFrame(series, columns=list(columns))

"""``results.csv`` and ``summary.csv``: derived from the run folders of an experiment, and rebuilt at will."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecli.core.errors import UsageError
from vaecli.core.files import write_atomic
from vaecli.metrics.schema import COLUMNS, OPTIONAL_COLUMNS, RESULT_COLUMNS
from vaecli.metrics.verdict import NO_VERDICT, verdict
from vaecli.runs.experiment import corpus_name, find_runs
from vaecli.runs.grid_file import GridFile, read_grid
from vaecli.runs.groups import APART, finished, grouped
from vaecli.runs.identity import fingerprint, protocol, variant, versions_text
from vaecli.runs.trial_index import TrialRecord

if TYPE_CHECKING:
    import pandas as pd

IDENTITY = ("fingerprint", "protocol", "training_protocol", "variant")
"""Columns of the summary that say, besides its first ones, what its rows are of."""
VERSIONS = "versions"
"""Column of the summary on what else keeps trials apart; there only where the trials of an experiment differ."""
ESTIMATED = tuple(c.name for c in COLUMNS.values() if c.kind != "text" and c.name not in ("seed", "iw_samples"))
"""Columns that a summary averages."""
TOLD = tuple(c.name for c in COLUMNS.values() if c.kind == "text" or c.name == "seed")
"""Columns that no figure decides."""
TRIAL_KEYS = ("experiment", "method", "seed", "split", *IDENTITY)
"""What tells a trial from all others of an experiment."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def results_table(experiment: Path, trials: Sequence[TrialRecord] | None = None) -> pd.DataFrame:
    """A row a trial: the columns of the schema, then the optional ones that some trial has.

    Args:
        experiment: Its folder.
        trials: Those in it, if they have been read already.

    Returns:
        Undefined figures are missing, never 0; trials that aren't done have a status and no figures.

    Raises:
        UsageError: There is no run in the folder.
    """
    records = find_runs(experiment) if trials is None else trials
    if not records:
        raise UsageError(f"{experiment}: there is no run of vae here")
    grid = read_grid(experiment)
    rows = [result_row(trial, grid) for trial in records]
    _refuse_copies(records, rows)
    names = [c.name for c in RESULT_COLUMNS]
    names += [c.name for c in OPTIONAL_COLUMNS if any(row.get(c.name) is not None for row in rows)]
    return to_frame(rows, names)


def _refuse_copies(trials: Sequence[TrialRecord], rows: Sequence[Mapping[str, Any]]) -> None:
    """Refuses two folders of one trial, which averages would count twice.

    Raises:
        UsageError: Names both.
    """
    seen: dict[tuple[Any, ...], TrialRecord] = {}
    for trial, row in zip(trials, rows, strict=True):
        first = seen.setdefault(tuple(row[name] for name in TRIAL_KEYS), trial)
        if first is not trial:
            both = f"{first.path} and {trial.path.name if first.path.parent == trial.path.parent else trial.path}"
            name = f"{trial.method} seed {trial.seed}"
            raise UsageError(f"{both} both hold {name}, which would count twice; move one out of {first.path.parent}")


def override_of(trial: TrialRecord, grid: GridFile) -> Mapping[str, Any]:
    """The settings of groups that a trial's method has for itself."""
    own: Mapping[str, Any] = trial.run.get("override") or grid.overrides.get(trial.method, {})
    return own


def variant_of(trial: TrialRecord, grid: GridFile) -> str | None:
    """The column `variant` of a trial; see `vaecli.runs.identity.variant`."""
    own = trial.run.get("own")  # a run of an earlier version has in its settings what was given
    return variant(trial.config["hyper"] if own is None else own, override_of(trial, grid))


def result_row(trial: TrialRecord, grid: GridFile) -> dict[str, Any]:
    """The row of one trial; one that isn't done has a status and no figures.

    Args:
        trial: As its folder has it.
        grid: Of its experiment.
    """
    config, status = trial.config, trial.status
    override = override_of(trial, grid)
    row: dict[str, Any] = {
        "experiment": config["experiment"],
        "corpus": trial.corpus.get("name") or corpus_name(config["corpus"]["data"]),
        "method": trial.method,
        "seed": trial.seed,
        "status": status,
        "split": config["evaluation"]["split"],
    }
    row |= {"vocabulary": trial.corpus.get("vocabulary")} if status == "done" else {}  # older figures don't have it
    row |= {name: value for name, value in trial.values.items() if name in COLUMNS and name not in TOLD}
    word = verdict(row)
    return row | {
        "verdict": None if word == NO_VERDICT else word,
        "fingerprint": fingerprint(trial.run),
        "protocol": protocol(config, override, grid.groups),
        "training_protocol": config["training"]["protocol"],
        "variant": variant_of(trial, grid),
        VERSIONS: versions_text(trial.run, row.get("iw_samples")),
    }


def summary_table(results: pd.DataFrame) -> pd.DataFrame:
    """A row a method: how many trials are done, failed, diverged and unfinished; mean, spread and interval of figures.

    Trials of different corpora, splits, settings or versions are in rows of their own.
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
            VERSIONS: group.key.get(APART),
            "trials": len(finished(group.trials)),
            "failed": int(counts.get("failed", 0)),
            "diverged": int(counts.get("diverged", 0)),
            "unfinished": int(sum(counts.get(name, 0) for name in ("pending", "running", "interrupted"))),
        }
        row |= {name: group.key.get(name) for name in IDENTITY}
        for name in names:
            interval = group.summary(name)
            row |= {f"{name}_mean": interval.mean if interval else None}
            row |= {f"{name}_{part}": getattr(interval, part, None) for part in ("sd", "low", "high")}
        rows.append(row)
    last = [name for name in IDENTITY if name in results.columns]
    told = any(row[VERSIONS] for row in rows)
    columns = [name for name in rows[0] if name not in IDENTITY and (name != VERSIONS or told)]
    return to_frame(rows, [*columns, *last])


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


def to_frame(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
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

"""Finding results: an experiment folder, a folder of experiments, or a results.csv."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vaecli.core.errors import UsageError
from vaecli.core.files import load_json
from vaecli.reporting.notes import ReportContext
from vaecli.reporting.table_file import read_csv, table_notes
from vaecli.settings.protocols import PUBLISHED

if TYPE_CHECKING:
    import pandas as pd

    from vaecli.runs.trial_index import TrialRecord

ENDED = ("done", "diverged", "failed")
"""Statuses of trials that there is something to say of."""

RESULTS = "results.csv"
"""The table of an experiment in its folder."""

WAY_OUT = "run `vae compare` first, or name the folder of an experiment"


@dataclass(frozen=True)
class LoadedResults:
    """What a report is made from.

    Attributes:
        frame: A row a trial, of all experiments.
        contexts: What is known of each experiment besides.
        notes: What is to be known of how a file was read, a line each.
    """

    frame: pd.DataFrame
    contexts: Mapping[str, ReportContext]
    notes: tuple[str, ...] = ()


def run_files(folder: Path) -> list[Path]:
    """The run.json of every run of an experiment folder; empty for any other folder."""
    return sorted(folder.glob("*/seed-*/run.json"))


def experiments_in(folder: Path) -> list[Path]:
    """The experiment folders that a folder holds, by name."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and run_files(path))


def newest_experiment(out: Path) -> tuple[Path, list[Path]]:
    """The experiment folder that was written to last, of those in which a trial has ended.

    Args:
        out: Where experiments are kept.

    Returns:
        The folder, and those written to later of which no trial has ended, the last one first: a grid that is still
        empty, was stopped at once, or has just begun, isn't what one wants to see. Where none has a trial that ended,
        the one written to last that has any.

    Raises:
        UsageError: There is none.
    """
    experiments = [path for path in out.iterdir() if path.is_dir() and _signs(path)] if out.is_dir() else []
    experiments.sort(key=lambda path: max(file.stat().st_mtime_ns for file in _signs(path)), reverse=True)
    for n, path in enumerate(experiments):
        if has_ended(path):
            return path, experiments[:n]
    begun = [path for path in experiments if run_files(path)]
    if not begun:
        raise UsageError(f"there is no experiment in {str(out)!r}: {WAY_OUT}")
    return begun[0], experiments[: experiments.index(begun[0])]


def _signs(folder: Path) -> list[Path]:
    """The files by which a folder is an experiment's: its runs', else its grid's or a table alone."""
    from vaecli.runs.grid_file import GRID

    return run_files(folder) or [path for path in (folder / GRID, folder / RESULTS) if path.is_file()]


def has_ended(experiment: Path) -> bool:
    """Whether a trial of an experiment, or of a folder of them, has ended; what can't be read isn't told here."""
    if is_bare(experiment):
        return True
    files = run_files(experiment) or [file for inner in experiments_in(experiment) for file in run_files(inner)]
    for file in files:
        try:
            run = load_json(file)
        except (OSError, ValueError):
            continue
        if run is not None and run.get("status") in ENDED:
            return True
    return False


def load_results(path: Path) -> LoadedResults:
    """Reads the results that a path stands for.

    Raises:
        UsageError: Nothing is there, or it holds no results.
    """
    import pandas as pd

    from vaecli.runs.experiment import find_runs

    if is_bare(path):
        path = path / RESULTS
    if path.is_file():
        frame = read_csv(path)
        told = frame["experiment"].tolist() if "experiment" in frame.columns else [""]
        names = {name if isinstance(name, str) else "" for name in told}
        trials = find_runs(path.parent)
        contexts = dict.fromkeys(names, load_context(path.parent, trials)) if trials else {}
        return LoadedResults(frame, contexts, table_notes(path, frame))
    if not path.is_dir():
        raise UsageError(f"{path}: there is no such folder or file: {WAY_OUT}")
    folders = [path] if run_files(path) else experiments_in(path)
    if not folders:
        raise UsageError(f"{path} holds no experiment{_inside_of(path)}: {WAY_OUT}")
    loaded = [load_experiment(folder) for folder in folders]
    frames = [frame for frame, _, _ in loaded]
    joined = frames[0] if len(frames) == 1 else pd.concat([f.astype(object) for f in frames], ignore_index=True)
    contexts = {folder.resolve().name: context for folder, (_, context, _) in zip(folders, loaded, strict=True)}
    return LoadedResults(joined, contexts, tuple(note for _, _, notes in loaded for note in notes))


def is_bare(folder: Path) -> bool:
    """Whether a folder holds the table of an experiment and none of its runs, as a committed one does."""
    return (folder / RESULTS).is_file() and not run_files(folder) and not experiments_in(folder)


def _inside_of(path: Path) -> str:
    """A hint for the folder of one run or of one method."""
    whole = path.resolve()  # of a path as short as `.`, as from inside the folder
    if (whole / "run.json").is_file():
        return f", but belongs to one ({whole.parent.parent})"
    return f", but belongs to one ({whole.parent})" if any(whole.glob("seed-*/run.json")) else ""


def load_experiment(folder: Path) -> tuple[pd.DataFrame, ReportContext, list[str]]:
    """The results of an experiment folder, what else is known of it, and lines on what was taken for one.

    The folder's name is the experiment's: a folder that was copied under another name is another experiment.
    """
    from vaecli.runs.experiment import find_runs
    from vaecli.runs.provenance import package_notes
    from vaecli.runs.tables import results_table

    trials = find_runs(folder)
    table = results_table(folder, trials).assign(experiment=folder.resolve().name)
    return table, load_context(folder, trials), package_notes(trials)


def load_context(folder: Path, trials: Iterable[TrialRecord]) -> ReportContext:
    """What is known of an experiment's folder besides its results.

    Args:
        folder: Of the experiment.
        trials: In it.
    """
    from vaecli.runs.grid_file import read_grid
    from vaecli.runs.tables import variant_of

    grid = read_grid(folder)
    known = {(t.method, variant_of(t, grid) or "", t.seed): (t.path, t.message) for t in trials}
    published = [t for t in trials if t.config["training"]["protocol"] == PUBLISHED]
    recipes = {t.method: str(t.run["recipe"]) for t in published if t.run.get("recipe")}
    return ReportContext(folder, grid.overrides, known, recipes)

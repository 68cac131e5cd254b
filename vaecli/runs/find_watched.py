"""What there is to watch in a folder."""

from __future__ import annotations

from pathlib import Path

from vaecli.core.errors import UsageError
from vaecli.runs.trial_index import trial_folders
from vaecli.runs.watched import ExperimentWatch, rows_in


def find_watched(folder: Path) -> ExperimentWatch:
    """What a folder holds: a run, the runs of a method, an experiment, or experiments, of which the one at work last.

    The rows of a table that is reproduced are watched together.

    Raises:
        UsageError: None of these.
    """
    if (folder / "run.json").is_file():
        whole = folder.resolve()  # of a path as short as `.`, as from inside the folder
        return ExperimentWatch(whole.parent.parent, [whole], folder)
    seeds = sorted(path.parent.resolve() for path in folder.glob("seed-*/run.json"))
    if seeds:
        return ExperimentWatch(folder.resolve().parent, seeds, folder)
    if is_experiment(folder):
        return ExperimentWatch(folder)
    below = [path for path in folder.iterdir() if is_experiment(path)] if folder.is_dir() else []
    if not below:
        raise UsageError(
            f"{folder}: there is no run and no experiment to watch; `vae train` and `vae compare` make some"
        )
    return ExperimentWatch(max(below, key=last_change))


def is_experiment(folder: Path) -> bool:
    """Whether a folder holds trials, or rows of a table that do."""
    return any((trial / "run.json").is_file() for trial in _trials(folder))


def last_change(experiment: Path) -> int:
    """When a file of an experiment's trials was last made, replaced or removed, in ns."""
    changes = [0]
    for trial in _trials(experiment):
        try:
            changes.append(trial.stat().st_mtime_ns)
        except OSError:
            continue
    return max(changes)


def _trials(experiment: Path) -> list[Path]:
    """The folders of its trials, those of the rows of a table included."""
    return [trial for part in rows_in(experiment) or [experiment] for trial in trial_folders(part)]

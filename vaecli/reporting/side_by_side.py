"""Several experiments in one table, with the settings in which they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecli.core.errors import UsageError
from vaecli.core.nested import flatten
from vaecli.reporting.notes import ReportContext, TrialKey
from vaecli.reporting.read_results import RESULTS, LoadedResults, load_results

if TYPE_CHECKING:
    import pandas as pd

SHARED = ("corpus", "fingerprint", "split")
"""What experiments must share: figures of other texts don't compare."""

OWN_PROTOCOL = "own_protocol"
"""A column with the protocol that each trial had in its own experiment."""

OWN = ("experiment", "method", "preset", "hyper")
"""Settings that every row says for itself."""


def side_by_side(paths: Sequence[Path]) -> LoadedResults:
    """The results of several experiments as those of one, whose variants they are.

    Args:
        paths: Folders of experiments, two or more; see `load_results`.

    Raises:
        UsageError: One holds no results or is named twice, two bear one name, or they are of different texts or splits.
    """
    for number, path in enumerate(paths):
        if path.resolve() in [other.resolve() for other in paths[:number]]:
            raise UsageError(f"{path} is named twice; a table beside itself compares nothing")
    loaded = [load_results(path) for path in paths]
    names = [_name(results, path) for results, path in zip(loaded, paths, strict=True)]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"two of these experiments are called {twice!r}; rename a folder")
    _check_alike(loaded, names)
    together = " and ".join(names)
    frames = [_as_variant(results.frame, name, together) for results, name in zip(loaded, names, strict=True)]
    contexts = [results.contexts.get(name, ReportContext()) for results, name in zip(loaded, names, strict=True)]
    trials = {
        _renamed(key, name): end
        for context, name in zip(contexts, names, strict=True)
        for key, end in context.trials.items()
    }
    recipes = {method: told for context in contexts for method, told in context.recipes.items()}
    notes = [note for results in loaded for note in results.notes]
    return LoadedResults(
        _joined(frames),
        {together: ReportContext(trials=trials, recipes=recipes)},
        (*notes, *differences(paths, names)),
    )


def differences(paths: Sequence[Path], names: Sequence[str]) -> list[str]:
    """The settings in which experiments differ, a line each: ``training.epochs: 6 in a, 6 or 12 in b``."""
    settings = [_settings(path) for path in paths]
    keys = list(dict.fromkeys(key for values in settings for key in values))
    lines = []
    for key in keys:
        values = [by_key.get(key, []) for by_key in settings]
        if any(sorted(map(repr, told)) != sorted(map(repr, values[0])) for told in values):
            told = [" or ".join(map(repr, some)) or "unknown" for some in values]
            lines.append(f"{key}: " + ", ".join(f"{some} in {name}" for some, name in zip(told, names, strict=True)))
    return lines


def _name(results: LoadedResults, path: Path) -> str:
    """An experiment's name; of a table that doesn't say it, that of its file, or of the folder of a results.csv."""
    told = results.frame["experiment"].dropna() if "experiment" in results.frame.columns else ()
    names = [str(name) for name in dict.fromkeys(told)]
    if len(names) > 1:
        raise UsageError(f"{path} holds several experiments; name the folder of one beside the others")
    whole = path.resolve()
    own = whole.name if whole.is_dir() else whole.parent.name if whole.name == RESULTS else whole.stem
    return names[0] if names else own


def _check_alike(loaded: Sequence[LoadedResults], names: Sequence[str]) -> None:
    """Refuses experiments whose rows don't compare.

    Raises:
        UsageError: Names the first thing that differs, with both values.
    """
    for column in SHARED:
        values_of_results = [_values(results.frame, column) for results in loaded]
        for values, name in zip(values_of_results[1:], names[1:], strict=True):
            if values and values_of_results[0] and values != values_of_results[0]:
                told = f"{', '.join(sorted(values_of_results[0]))} in {names[0]}, {', '.join(sorted(values))} in {name}"
                raise UsageError(f"these experiments don't compare: {column} is {told}; report them one by one")


def _values(frame: pd.DataFrame, column: str) -> set[str]:
    """What finished trials say in a column."""
    return set(frame[column].dropna().map(str)) - {""} if column in frame.columns else set()


def _as_variant(frame: pd.DataFrame, name: str, together: str) -> pd.DataFrame:
    """The trials of an experiment as variants of the one that stands for all."""
    variants = frame["variant"] if "variant" in frame.columns else [None] * len(frame)
    own = [_variant(name, variant if isinstance(variant, str) else "") for variant in variants]
    protocols = frame["protocol"] if "protocol" in frame.columns else ""
    return frame.assign(experiment=together, protocol="", variant=own, **{OWN_PROTOCOL: protocols})


def _variant(name: str, variant: str) -> str:
    return f"experiment={name}" + (f", {variant}" if variant else "")


def _renamed(key: TrialKey, name: str) -> TrialKey:
    method, variant, seed = key
    return method, _variant(name, variant), seed


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([frame.astype(object) for frame in frames], ignore_index=True)


def _settings(path: Path) -> Mapping[str, list[Any]]:
    """The values that an experiment's trials have of each setting but the seed, by key; none of a bare file."""
    from vaecli.runs.experiment import find_runs

    trials = find_runs(path if path.is_dir() else path.parent)
    settings_of_trials = [flatten({k: v for k, v in trial.config.items() if k not in OWN}) for trial in trials]
    values: dict[str, list[Any]] = {}
    for settings in settings_of_trials:
        for key, value in settings.items():
            known = values.setdefault(key, [])
            if key != "training.seed" and value not in known:
                known.append(value)
    return values

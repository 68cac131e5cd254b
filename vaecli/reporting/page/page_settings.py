"""Settings and environments of the trials of a page: what all share, and in what they differ."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vaecli.core.messages import counted
from vaecli.core.nested import flatten
from vaecli.reporting.page.page_trials import PageTrial

OWN = ("experiment", "method", "hyper")
"""Groups of a configuration that every row says for itself."""
PACKAGES = ("python", "vaecli", "torch", "numpy", "torchtext")
SURROUNDINGS = ("platform", "cpu", "kernels", "device", "precision", "threads")
"""Fields of run.json on where a trial was made. The machine's name is left out, for pages are passed on."""


def shared_settings(trials: Sequence[PageTrial]) -> dict[str, str]:
    """The settings that all trials share, by key."""
    settings_of_trials = [_settings(trial) for trial in trials if trial.config]
    first = settings_of_trials[0] if settings_of_trials else {}
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in settings_of_trials)}


def differing_settings(trials: Sequence[PageTrial]) -> list[tuple[str, str, str]]:
    """The settings in which trials differ: key, value, and the rows that have it."""
    labelled = [(trial.label, _settings(trial)) for trial in trials if trial.config]
    keys = dict.fromkeys(key for _, settings in labelled for key in settings)
    lines = []
    for key in keys:
        values: dict[str, list[str]] = {}
        for label, settings in labelled:
            values.setdefault(settings.get(key, "-"), []).append(label)
        if len(values) > 1:
            lines += [(key, value, ", ".join(dict.fromkeys(labels))) for value, labels in values.items()]
    return lines


def _settings(trial: PageTrial) -> dict[str, str]:
    """Settings by key as text; the seed is no setting, and the method's own are told elsewhere."""
    values = flatten({key: value for key, value in trial.config.items() if key not in OWN})
    values.pop("training.seed", None)
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


def environments(trials: Iterable[PageTrial]) -> list[tuple[str, str]]:
    """Where the trials were made, a line a field; several values with how many trials have each."""
    runs = [trial.run for trial in trials if trial.run]
    fields = [(name, [_version(run, name) for run in runs]) for name in PACKAGES]
    fields += [(name, [run.get(name) for run in runs]) for name in SURROUNDINGS]
    lines = []
    for name, values in fields:
        counts = Counter(str(value) for value in values if value not in (None, ""))
        if counts:
            shown = [f"{value} ({counted(count, 'trial')})" for value, count in counts.most_common()]
            lines.append((name, "; ".join(shown if len(counts) > 1 else counts)))
    created = sorted(str(run["created"]) for run in runs if run.get("created"))
    if created:
        told = created[0] if created[0] == created[-1] else f"{created[0]} to {created[-1]}"
        lines.append(("trials made", told))
    return lines


def commands(trials: Iterable[PageTrial]) -> list[str]:
    """The commands that made the trials, each once."""
    return list(dict.fromkeys(str(trial.run["command"]) for trial in trials if trial.run.get("command")))


def corpus_notes(trials: Iterable[PageTrial]) -> list[str]:
    """What reading the corpus gave to say, each line once."""
    notes = [note for trial in trials for note in trial.run.get("notes") or [] if isinstance(note, str)]
    return list(dict.fromkeys(notes))


def _version(run: Mapping[str, Any], package: str) -> Any:
    versions = run.get("versions")
    return versions.get(package) if isinstance(versions, dict) else None

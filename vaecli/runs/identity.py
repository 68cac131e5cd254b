"""What decides the figures of a trial, so that trials are averaged only where nothing but the seed differs.

Six columns of `results.csv` say it besides method and seed: the experiment, the corpus by name and by content
(`fingerprint`), the split, the settings that all methods share (`protocol`), those of the method's own (`variant`), and
the versions of the method and of the estimators (`versions`). None of them needs the registry of methods, so that the
results of a method that is no longer installed are read like any other.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from vaecli.config import GROUPS
from vaecli.core.nested import flatten, merge
from vaecli.remedies import OWN_PACKAGE

DIGITS = 12
"""Hex digits that stand for a SHA-256: two of a million different texts share them with a chance of one in 500."""

NUMBER = re.compile("[0-9]+(e[0-9]+)?")
"""Hex digits that pandas, polars and DuckDB read as a number where a whole column has such ones."""

NOT_PROTOCOL = {
    "model": (),
    "training": ("protocol", "seed", "device", "threads", "save_every", "early_warning"),
    "evaluation": (
        *("iw_samples", "batch_size", "split", "extra", "sentences", "reference", "probe_labels"),
        "posteriors_every",
    ),
}
"""Settings by group that decide no figure, or that another column holds; the corpus is known by its fingerprint."""

LATER = {"model": {"decoder": "lstm"}}
"""Settings that came later, at the value that all runs had before: there they leave the digits as they are."""

SILENT = ("training.protocol", "shared")
"""A setting of a method's own that no variant tells, since every row has it that says nothing else."""

Versions = Mapping[str, str]

UNKNOWN = "versions"
"""Stands among versions where some trials of a table have versions and others, though done, have none."""


def fingerprint(run: Mapping[str, Any]) -> str | None:
    """The content of the corpus, from a run's `run.json`; None for a trial that never started."""
    digits = (run.get("corpus") or {}).get("fingerprint")
    return shortened(str(digits)) if digits else None


def shortened(digits: str) -> str:
    """The first `DIGITS` of more hex digits that aren't a number to readers of CSV.

    ``1234567e8901`` is infinite to them, as are all others with a large exponent, and ``0123`` is 123.

    Args:
        digits: Of a SHA-256.
    """
    starts = range(max(len(digits) - DIGITS, 0) + 1)
    parts = (digits[start : start + DIGITS] for start in starts)
    return next((part for part in parts if not NUMBER.fullmatch(part)), digits[:DIGITS])


def protocol(config: Mapping[str, Any], override: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    """The settings that a trial shares with the other methods of its experiment, as hex digits.

    Args:
        config: Of the trial, by group and key, as JSON has them.
        override: What its method has of its own, by group.
        shared: What the grid says for all methods, by group, instead of that.
    """
    groups: dict[str, dict[str, Any]] = {}
    for group, left_out in NOT_PROTOCOL.items():
        values = dict(config[group])
        for key in override.get(group, {}):
            values.pop(key, None)
            values |= _checked(group, key, shared.get(group, {}))
        before = LATER.get(group, {})
        groups[group] = {k: v for k, v in values.items() if k not in left_out and (k not in before or v != before[k])}
    return shortened(hashlib.sha256(json.dumps(groups, sort_keys=True).encode()).hexdigest())


def _checked(group: str, key: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """A setting of a grid as a configuration has it, or its default; nothing where the grid has something else."""
    try:
        told = {key: values[key]} if key in values else {}
        return {key: GROUPS[group].model_validate(told).model_dump(mode="json")[key]}
    except (KeyError, ValueError):  # pydantic's errors are ValueErrors
        return {}


def variant(hyper: Mapping[str, Any], override: Mapping[str, Any]) -> str | None:
    """The settings of a method's own: ``bn.gamma=0.7, training.clip=1.0``; None where all are defaults."""
    values = {key: value for key, value in flatten(merge(hyper, override)).items() if (key, value) != SILENT}
    return ", ".join(f"{key}={json.dumps(values[key], ensure_ascii=False)}" for key in sorted(values)) or None


def versions_text(run: Mapping[str, Any], iw_samples: Any = None) -> str | None:
    """Versions of remedies and estimators, and what else figures depend on: ``bn 1, gaps.sentences 200, mi 1``.

    Args:
        run: The contents of `run.json`.
        iw_samples: Samples of the importance-weighted figures; bounds of other numbers are other figures.
    """
    remedies, estimators = (dict(run.get(key) or {}) for key in ("remedies", "estimators"))
    if iw_samples:
        estimators["iw_samples"] = iw_samples
    packages = {f"{name}.package": package for name, package in other_packages(run).items()}
    parts = [f"{name} {versions[name]}" for versions in (remedies, packages, estimators) for name in sorted(versions)]
    return ", ".join(parts) or None


def other_packages(run: Mapping[str, Any]) -> dict[str, str]:
    """The package of each remedy that isn't of this one; two packages may call different things by one name."""
    told = {name: (package or {}).get("name") for name, package in (run.get("packages") or {}).items()}
    return {name: str(package) for name, package in told.items() if package and package != OWN_PACKAGE}


def parse_versions(text: Any) -> dict[str, str]:
    """``bn 1, mi 1`` as a mapping; anything that is no text is empty."""
    pairs = [part.strip().partition(" ") for part in text.split(",")] if isinstance(text, str) else []
    return {name: value.strip() for name, _, value in pairs if name}


def disagreements(texts: Sequence[Any], methods: Sequence[str], done: Sequence[bool]) -> list[str]:
    """For each trial the versions on which the trials of a table disagree, such as ``bn 2, mi 1``; mostly nothing.

    A trial without an evaluation that another one has can't disagree with it. A trial that is done and bears no version
    at all is of unknown ones.

    Args:
        texts: The column `versions`.
        methods: Of the trials.
        done: Whether they have figures.
    """
    told = [text if isinstance(text, str) else "" for text in texts]
    alike = list(zip(told, methods, done, strict=True))
    distinct = list(dict.fromkeys(alike))  # thousands of trials have few
    by_trial = dict(zip(distinct, _disagreements(distinct), strict=True))
    return [by_trial[trial] for trial in alike]


def _disagreements(distinct: Sequence[tuple[str, str, bool]]) -> list[str]:
    """`disagreements` of trials that differ in text, method or end."""
    texts, methods, done = zip(*distinct, strict=True) if distinct else ((), (), ())
    trials = completed([parse_versions(text) for text in texts], methods, done)
    if any(trials) and any(end and not trial for trial, end in zip(trials, done, strict=True)):
        kinds = ["known" if trial else "unknown" if end else "" for trial, end in zip(trials, done, strict=True)]
        trials = [{**trial, UNKNOWN: kind} if kind else trial for trial, kind in zip(trials, kinds, strict=True)]
    return conflicts(trials)


def completed(trials: Sequence[Versions], methods: Sequence[str], done: Sequence[bool]) -> list[dict[str, str]]:
    """The versions of each trial, with those that it lacks where the other trials of its method agree on one.

    A trial without an evaluation that another seed has can't disagree with it, so both stay in one row; so does one
    that never ran far enough to know any.
    """
    known: dict[str, dict[str, set[str]]] = {}
    for trial, method in zip(trials, methods, strict=True):
        for name, value in trial.items():
            known.setdefault(method, {}).setdefault(name, set()).add(value)
    filled = []
    for trial, method, end in zip(trials, methods, done, strict=True):
        agreed = {name: next(iter(values)) for name, values in known.get(method, {}).items() if len(values) == 1}
        filled.append({**agreed, **trial} if trial or not end else {})
    return filled


def conflicts(trials: Sequence[Versions]) -> list[str]:
    """For each trial the versions on which the trials of an experiment disagree, such as ``bn 2, mi 1``."""
    values: dict[str, set[str]] = {}
    for trial in trials:
        for name, value in trial.items():
            values.setdefault(name, set()).add(value)
    return [", ".join(f"{name} {value}" for name, value in t.items() if len(values[name]) > 1) for t in trials]

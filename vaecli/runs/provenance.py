"""The packages that a run's remedies are of: recorded when it is trained, asked for when it is used again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from vaecli.core.errors import UsageError
from vaecli.remedies import OWN_PACKAGE, REMEDIES, make_method, package_of, registry

if TYPE_CHECKING:
    from vaecli.config import RunConfig
    from vaecli.remedies.core.compose import Method
    from vaecli.runs.folder import RunFolder
    from vaecli.runs.trial_index import TrialRecord

Packages = dict[str, dict[str, str]]
"""``name`` and ``version`` of the package of each remedy, as run.json keeps them."""


def packages_of(method: str) -> Packages:
    """The packages of a method's remedies as they are installed."""
    return {name: dict(zip(("name", "version"), package_of(name), strict=True)) for name in method.split("+")}


def recorded(run: Mapping[str, Any], remedy: str) -> tuple[str, str]:
    """The package and version that a run says its remedy is of; empty where it doesn't, as before this was kept."""
    told = (run.get("packages") or {}).get(remedy) or {}
    return str(told.get("name") or ""), str(told.get("version") or "")


def method_of_run(folder: RunFolder, config: RunConfig) -> Method:
    """The method of a run that is there, from the packages that it was trained with.

    Raises:
        UsageError: One isn't installed here, with its version, or another package now has the remedy's name.
    """
    run = folder.run()
    for name in config.method.split("+"):
        if problem := _package_problem(name, *recorded(run, name)):
            raise UsageError(f"{folder.path}: {problem}")
    try:
        return make_method(config.method, config.hyper)
    except UsageError as error:
        others = sorted({" ".join(recorded(run, name)) for name in config.method.split("+") if name not in REMEDIES})
        told = f", trained with {' and '.join(others)}," if any(map(str.strip, others)) else ""
        raise UsageError(f"{folder.path}: its method{told} can't be made here: {error}") from None


def versions_note(folder: RunFolder, method: Method) -> str:
    """Of which remedies a run was trained with other versions than are here, in a line; empty where of none.

    Args:
        folder: Of the run.
        method: Its method, as it is here.
    """
    trained = folder.run().get("remedies") or {}
    apart = [
        f"version {trained[name]} of {name!r}, which is version {now} here"
        for name, now in method.versions.items()
        if trained.get(name, now) != now
    ]
    return f"{folder.path}: trained with {' and '.join(apart)}: its model may do something else" if apart else ""


def _package_problem(remedy: str, package: str, version: str) -> str:
    """Why the remedy of a run can't be had from the package that the run names; empty where it can."""
    wanted = f"{package} {version}".strip()
    if remedy not in registry():
        if not package:
            return f"its method {remedy!r} is not installed here, and the run doesn't say which package it is of"
        pinned = f"{package}=={version}" if version else package
        told = f"its method {remedy!r} is of package {wanted}, which doesn't bring it here"
        return f"{told}; install that version, as by `pip install {pinned}`"
    here = package_of(remedy)
    if package and here[0] != package:
        return f"its method {remedy!r} is of package {wanted}, and here of {' '.join(here).strip()}; remove the latter"
    return ""


def package_notes(trials: Iterable[TrialRecord]) -> list[str]:
    """A line for each remedy of another package whose finished trials are of several versions of it.

    A remedy's own version says whether its numbers moved, so such trials are averaged; but not without a word.
    """
    versions_of: dict[tuple[str, str, Any], set[str]] = {}
    for trial in trials:
        for name, version in (trial.run.get("remedies") or {}).items() if trial.values else ():
            package, of_package = recorded(trial.run, name)
            if package and package != OWN_PACKAGE:
                versions_of.setdefault((name, package, version), set()).add(of_package)
    return [
        f"{name}: trials of {package} {' and '.join(sorted(versions))} are taken for one, for its remedy says version "
        f"{version} in both"
        for (name, package, version), versions in versions_of.items()
        if len(versions) > 1
    ]

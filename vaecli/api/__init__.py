"""The front door for Python: train, compare, evaluate, load, methods and report, with DataFrames for results.

The commands of ``vae`` do the same through the same parts. Nothing else of the package is public.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecli.api.results import Results, report
from vaecli.api.run import Run, evaluate, load

if TYPE_CHECKING:
    import pandas as pd

    from vaecli.settings.resolve import Settings as Chosen

__all__ = ["Results", "Run", "compare", "evaluate", "load", "methods", "report", "train"]

PathLike = str | Path
Settings = Mapping[str, Any]
"""Settings by dotted key, ``{"bn.gamma": 0.5, "training.epochs": 10}``."""


def train(
    method: str = "vanilla",
    data: PathLike | None = None,
    *,
    preset: str = "quick",
    seed: int | None = None,
    settings: Settings | None = None,
    out: PathLike = "runs",
    name: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Run:
    """Trains one method on one corpus and measures it on the test split.

    Args:
        method: A remedy, or several joined with ``+``.
        data: An embedded corpus, a folder, a file or ``hf:NAME``, as ``--data`` takes it; ``corpus.data`` of the
            settings without, else ``synthetic``.
        preset: Sizes and protocol: quick, ptb, yahoo, yelp or snli.
        seed: Seed of initialisation, data order and noise; ``training.seed`` of the settings without, else 0.
        settings: By dotted key.
        out: Where experiments are kept.
        name: Name of the experiment; the corpus's without.
        resume: Go on with a run that was interrupted; a finished one is loaded.
        overwrite: Delete a run that is there.

    Raises:
        UsageError: Wrong settings, or a run that is there already.
        DataError: The corpus can't be used.
        DivergedError: A loss that is not finite.
    """
    from vaecli.api.arguments import seeds_of
    from vaecli.runs.start import prepare_run
    from vaecli.runs.trial import run_trial
    from vaecli.settings.resolve import load_settings
    from vaecli.training.progress import Unwatched

    chosen = load_settings(
        preset=preset,
        options=_corpus(data, settings),
        values=settings,
        methods=[method],
        seeds=seeds_of(seed),
        experiment=name,
        methods_option="method",
        seeds_option="seed",
        searches=Path(out),
    )
    _warn(chosen)
    folder, corpus = prepare_run(chosen, Path(out), resume=resume, overwrite=overwrite)
    if folder.status != "done":
        with folder.lock():
            run_trial(folder, Unwatched(), corpus)
    return load(folder.path)


def compare(
    methods: Iterable[str] = ("vanilla", "bn"),
    data: PathLike | None = None,
    *,
    seeds: int | str | Iterable[int] | None = None,
    preset: str = "quick",
    settings: Settings | None = None,
    out: PathLike = "runs",
    name: str | None = None,
    jobs: int = 0,
    overwrite: bool = False,
) -> Results:
    """Trains methods x seeds on one corpus, each trial in a process of its own; only the method differs between rows.

    Run again it does only what is missing.

    Args:
        methods: Remedies or compositions; ``["all"]`` is every remedy.
        data: An embedded corpus, a folder, a file or ``hf:NAME``, as ``--data`` takes it; ``corpus.data`` of the
            settings without, else ``synthetic``.
        seeds: One, several, or a text such as ``"0-2"``; ``training.seed`` of the settings without, else 0.
        preset: Sizes and protocol: quick, ptb, yahoo, yelp or snli.
        settings: By dotted key.
        out: Where experiments are kept.
        name: Name of the experiment; the corpus's without.
        jobs: Trials at a time; 0 is one a core, or one a GPU.
        overwrite: Run all trials of this grid anew.

    Raises:
        UsageError: Wrong settings, or a folder with trials of others.
        DataError: The corpus can't be used.
        TrialsFailedError: Some trials failed; the others are done and in the tables.
    """
    from vaecli.api.arguments import seeds_of, whole
    from vaecli.engines.run_grid import check_outcome, open_experiment, run_experiment
    from vaecli.settings.resolve import load_settings

    chosen = load_settings(
        preset=preset,
        options=_corpus(data, settings),
        values=settings,
        methods=list(methods),
        seeds=seeds_of(seeds),
        experiment=name,
        jobs=whole("jobs", jobs, 0),
        methods_option="methods",
        seeds_option="seeds",
        searches=Path(out),
    )
    _warn(chosen)
    experiment, _ = open_experiment(chosen, Path(out), overwrite)
    outcome = run_experiment(experiment, overwrite=overwrite)
    check_outcome(experiment, outcome)
    return report(experiment.path)


def _warn(chosen: Chosen) -> None:
    """Warns of settings that change nothing beside the others."""
    for note in chosen.notes:
        warnings.warn(note, stacklevel=3)


def _corpus(data: PathLike | None, settings: Settings | None) -> dict[str, dict[str, str]]:
    """The corpus as a layer of options; nothing where the settings say it.

    Raises:
        UsageError: Both say it.
    """
    from vaecli.core.errors import UsageError

    said = settings is not None and "corpus.data" in settings
    if said and data is not None:
        raise UsageError(f"settings['corpus.data']: data={str(data)!r} says the corpus too; keep one")
    return {} if said else {"corpus": {"data": "synthetic" if data is None else str(data)}}


def methods() -> pd.DataFrame:
    """Every remedy by name: title, paper, equation, version, its package, and the cost of an update over vanilla's."""
    import pandas as pd

    from vaecli.remedies import load_all, package_of

    kinds, broken = load_all()
    for name, why in broken.items():
        warnings.warn(f"method {name!r} can't be loaded: {why}", stacklevel=2)
    rows = [
        {
            "name": name,
            "title": kind.title,
            "paper": kind.paper.citation,
            "equation": kind.equation,
            "version": kind.version,
            "package": " ".join(package_of(name)).strip(),
            "cost": kind.cost,
        }
        for name, kind in kinds.items()
    ]
    return pd.DataFrame(rows).set_index("name")

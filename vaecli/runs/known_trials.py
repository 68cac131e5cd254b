"""The trials in an experiment's folder: of which corpus, and which of them are one however their settings are spelt."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecli.config import RunConfig
from vaecli.core.errors import UsageError
from vaecli.core.nested import flatten
from vaecli.remedies import make_method
from vaecli.runs.folder import FREE
from vaecli.runs.trial_index import read_trials, settings_but_seed

if TYPE_CHECKING:
    from vaecli.corpus.types import Corpus


def identity_of(settings: Mapping[str, Any], seed: int) -> str:
    """What makes two trials one: method, hyper-parameters with their defaults, and all settings that decide figures.

    Args:
        settings: See `settings_but_seed`.
        seed: Of the trial.

    Raises:
        UsageError: The method isn't installed.
    """
    remedies = make_method(settings["method"], settings["hyper"]).remedies
    flat = flatten({**settings, "hyper": {remedy.name: remedy.hyper() for remedy in remedies}})
    decisive = {key: value for key, value in flat.items() if key not in FREE}
    return json.dumps([seed, decisive], sort_keys=True)


def is_same(one: tuple[Mapping[str, Any], int], other: tuple[Mapping[str, Any], int]) -> bool:
    """Whether two trials are one, each as its settings and its seed."""
    return one == other or identity_of(*one) == identity_of(*other)


def with_free(old: RunConfig, new: RunConfig) -> RunConfig:
    """The settings of a run, with those of another that a run may be gone on with at other values (`FREE`)."""
    keys = [key.removeprefix("training.") for key in FREE if key.startswith("training.")]
    training = old.training.model_copy(update={key: getattr(new.training, key) for key in keys})
    return old.model_copy(update={"experiment": new.experiment, "training": training, "tracking": new.tracking})


class KnownTrials:
    """The trials in an experiment's folder, found by what they are and not only by where they lie.

    Args:
        experiment: Its folder.
    """

    def __init__(self, experiment: Path) -> None:
        self.records = {record.path: record for record in read_trials(experiment, lenient=True)}

    def folder_of(self, config: RunConfig, path: Path) -> Path:
        """The folder of a trial: its own, or that in which a single run or another list has made the same one.

        Args:
            config: Of the trial.
            path: Its own folder.
        """
        values, seed = settings_but_seed(config)
        own = self.records.get(path)
        if not self.records or (own is not None and (own.config, own.seed) == (values, seed)):
            return path
        return self.by_identity.get(identity_of(values, seed), path)

    def check_corpus(self, corpus: Corpus, data: str, replaced: Iterable[Path] = ()) -> None:
        """Refuses a corpus other than the one that the trials were trained on.

        Two folders may bear one name and become one experiment by it; one folder's text may change between two runs;
        and another vocabulary makes another corpus of the same text. In one table their figures would be compared.
        Trials that can't be read are in no table either.

        Args:
            corpus: Of the run or grid that is about to start.
            data: Where it comes from, for the message.
            replaced: Run folders that will be made anew.

        Raises:
            UsageError: A trial has another fingerprint; names both.
        """
        ignored = {path.resolve() for path in replaced}
        for trial in self.records.values():
            known = trial.corpus.get("fingerprint")
            if known and known != corpus.fingerprint and trial.path.resolve() not in ignored:
                theirs = trial.config["corpus"]["data"]
                same = "the text or its vocabulary has changed since" if theirs == data else f"it is {theirs!r}"
                raise UsageError(
                    f"{trial.path}: this run is of another corpus (fingerprint {known[:12]}) than {data!r} "
                    f"({corpus.fingerprint[:12]}): {same}; give the new one a --name of its own, or another --out"
                )

    @cached_property
    def by_identity(self) -> dict[str, Path]:
        """The folders by `identity_of`."""
        known: dict[str, Path] = {}
        for record in self.records.values():
            with suppress(UsageError):
                known.setdefault(identity_of(record.config, record.seed), record.path)
        return known

"""What stands between the settings of a run and its first update: everything that can be refused, is refused here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vaecli.config import RunConfig
from vaecli.core.errors import UsageError
from vaecli.corpus.load import load_corpus
from vaecli.corpus.types import Corpus
from vaecli.runs.continuation import check_versions
from vaecli.runs.experiment import Trial, corpus_name, protocol_fields, variant_folder
from vaecli.runs.folder import RunFolder, run_path
from vaecli.runs.known_trials import KnownTrials
from vaecli.runs.loaded_run import load_run_corpus
from vaecli.runs.provenance import method_of_run
from vaecli.runs.reference_lm import check_reference
from vaecli.settings.protocols import SHARED
from vaecli.settings.resolve import Settings
from vaecli.trackers import check_trackers
from vaecli.training.device import training_precision
from vaecli.training.fit import check_methods


def prepare_run(
    settings: Settings,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    command: Sequence[str] = (),
    doing: Callable[[str], None] = lambda what: None,
) -> tuple[RunFolder, Corpus]:
    """The folder of a run, new or to be gone on with, and its corpus, which is read before anything is written.

    Args:
        settings: Of one method and one seed.
        out: Where experiments are kept.
        resume: Go on with a run that is there.
        overwrite: Delete a run that is there.
        command: Kept in run.json.
        doing: Hears what takes a while: ``reading synthetic``, ``building bn``.

    Raises:
        UsageError: Contradictory wishes, several methods, changed settings, another corpus, or missing hardware.
        DataError: The corpus can't be used.
    """
    if resume and overwrite:
        raise UsageError("--resume and --overwrite contradict each other; keep one")
    _check_one(settings)
    config, path, known = _trial_of(settings, out)
    folder = RunFolder(path)
    doing(f"reading {config.corpus.data}")
    if resume and folder.exists:
        return folder, _go_on(folder, config, known)
    corpus = _checked_corpus(config, known, [path] if overwrite else [], doing)
    fields: dict[str, Any] = dict(protocol_fields(settings, settings.methods[0], {}, config))
    if config.training.protocol != SHARED:
        fields["override"] = settings.override(settings.methods[0], {})
    return folder.create(config, overwrite=overwrite, command=list(command), **fields), corpus


def continue_run(
    path: Path, settings: Settings, doing: Callable[[str], None] = lambda what: None
) -> tuple[RunFolder, Corpus]:
    """The folder of a run that is to be gone on with, wherever it lies, and its corpus.

    Args:
        path: Its folder.
        settings: Of its config.toml, with what is to be otherwise, such as more epochs.
        doing: Hears what is being done.

    Raises:
        UsageError: It is no run's folder, or other settings have changed.
        DataError: The corpus can't be used.
    """
    folder = RunFolder.open(path)
    _check_one(settings)
    config = settings.config(settings.methods[0], settings.seeds[0], folder.config().experiment)
    doing(f"reading {config.corpus.data}")
    return folder, _go_on(folder, config, KnownTrials(path.resolve().parent.parent))


def _go_on(folder: RunFolder, config: RunConfig, known: KnownTrials) -> Corpus:
    """The corpus of a run whose folder now says that it goes on with some settings."""
    resumed = folder.resumed_config(config)
    corpus = load_run_corpus(folder, resumed)
    known.check_corpus(corpus, config.corpus.data)
    if folder.status != "done" or resumed.training.epochs > folder.config().training.epochs:
        check_versions(folder, method_of_run(folder, resumed))
    folder.resume(config)
    return corpus


def planned_trial(settings: Settings, out: Path) -> tuple[Trial, Corpus]:
    """The trial that `prepare_run` would make, with its corpus; writes nothing.

    Raises:
        UsageError: Several methods, another corpus, missing hardware, or settings that don't fit.
        DataError: The corpus can't be used.
    """
    _check_one(settings)
    config, path, known = _trial_of(settings, out)
    return Trial(config.method, config.training.seed, config, path), _checked_corpus(
        config, known, [path], lambda what: None
    )


def _trial_of(settings: Settings, out: Path) -> tuple[RunConfig, Path, KnownTrials]:
    """The settings of the one run, its folder, and what its experiment's folder holds."""
    experiment = settings.experiment or corpus_name(settings.groups["corpus"]["data"])
    config = settings.config(settings.methods[0], settings.seeds[0], experiment)
    own = run_path(out, experiment, variant_folder(config.method, {}, config.training.protocol), config.training.seed)
    check_trackers(config.tracking.tracker)
    known = KnownTrials(own.parent.parent)
    return config, known.folder_of(config, own), known


def _checked_corpus(
    config: RunConfig, known: KnownTrials, replaced: Sequence[Path], doing: Callable[[str], None]
) -> Corpus:
    """The corpus of a run, with everything looked at that could refuse the run; hardware before the corpus is read."""
    training_precision(config, 0)
    check_reference(config.evaluation.reference)
    corpus = load_corpus(config.corpus)
    known.check_corpus(corpus, config.corpus.data, replaced)
    doing(f"building {config.method}")
    check_methods([config], corpus)
    return corpus


def _check_one(settings: Settings) -> None:
    """Refuses settings that are those of several runs.

    Raises:
        UsageError: Several methods, seeds or values of a setting.
    """
    if len(settings.methods) != 1:
        told = ", ".join(settings.methods)
        raise UsageError(f"a run is of one method, got {told}: name it with --method; `vae compare` takes several")
    if len(settings.seeds) != 1:
        told = ",".join(map(str, settings.seeds))
        raise UsageError(f"a run has one seed, got {told}: name it with --seed; `vae compare` takes several")
    if settings.choices:
        key, values = next(iter(settings.choices.items()))
        told = ",".join(map(str, values))
        raise UsageError(f"{key}={told}: one run takes one value; `vae compare` makes a variant of each")

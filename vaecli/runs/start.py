"""What stands between the settings of a run and its first update: everything that can be refused, is refused here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from vaecli.core.errors import UsageError
from vaecli.corpus.load import load_corpus
from vaecli.corpus.types import Corpus
from vaecli.runs.experiment import corpus_name
from vaecli.runs.folder import RunFolder, run_path
from vaecli.runs.known_trials import KnownTrials
from vaecli.runs.loaded_run import load_run_corpus
from vaecli.runs.reference_lm import check_reference
from vaecli.settings.resolve import Settings
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
    if len(settings.methods) != 1:
        raise UsageError(f"--method takes one method, got {', '.join(settings.methods)}; `vae compare` takes several")
    if settings.choices:
        key, values = next(iter(settings.choices.items()))
        told = ",".join(map(str, values))
        raise UsageError(f"{key}={told}: one run takes one value; `vae compare` makes a variant of each")
    experiment = settings.experiment or corpus_name(settings.groups["corpus"]["data"])
    config = settings.config(settings.methods[0], settings.seeds[0], experiment)
    own = run_path(out, experiment, config.method, config.training.seed)
    known = KnownTrials(own.parent.parent)
    folder = RunFolder(known.folder_of(config, own))
    doing(f"reading {config.corpus.data}")
    if resume and folder.exists:
        corpus = load_run_corpus(folder, folder.resumed_config(config))
        known.check_corpus(corpus, config.corpus.data)
        folder.resume(config)
        return folder, corpus
    training_precision(config, 0)  # what is wrong with the hardware ends here, before a corpus is read
    check_reference(config.evaluation.reference)
    corpus = load_corpus(config.corpus)
    known.check_corpus(corpus, config.corpus.data, [folder.path] if overwrite else [])
    doing(f"building {config.method}")
    check_methods([config], corpus)
    return folder.create(config, overwrite=overwrite, command=list(command)), corpus

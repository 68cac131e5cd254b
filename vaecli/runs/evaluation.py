"""Further measurements of a finished run, and where they are kept in its folder."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from vaecli.config import EvaluationConfig, RunConfig
from vaecli.core.errors import DivergedError, UsageError, VaeError
from vaecli.core.files import write_atomic
from vaecli.corpus.types import Corpus
from vaecli.metrics.extras.registry import REFERENCED, BlockInput, BlockResult, estimators_of, load_block, versions_of
from vaecli.metrics.measure import evaluate
from vaecli.metrics.schema import PERPLEXITY, column
from vaecli.metrics.scoring import Scoring
from vaecli.metrics.sentences import sentence_scores
from vaecli.model.vae import VAE
from vaecli.remedies.core.compose import Method
from vaecli.runs.folder import RunFolder
from vaecli.runs.loaded_run import LoadedRun
from vaecli.runs.partial_evaluation import FolderKeeper
from vaecli.runs.reference_lm import lm_trainer, load_reference
from vaecli.runs.tables import csv_text, write_tables

if TYPE_CHECKING:
    import torch

IW_VALUES = ("iw_nll", "iw_nll_se", "iw_samples", "ppl_iw", "ppl_word", "excess_nll", "excess_nll_se")
"""What another number of importance samples changes."""

Told = Callable[[str], None]
"""Hears the name of each evaluation before it is made."""
Finish = Callable[["Evaluated"], None]
"""Stores what was measured; until it has returned, an interrupted evaluation is kept."""


@dataclass(frozen=True)
class EvaluationRequest:
    """What is to be measured.

    Attributes:
        blocks: Names of evaluations.
        split: ``valid`` or ``test``.
        iw_samples: Samples of the importance-weighted figures, which are then estimated anew; None leaves them.
        sentences: Sentences that an evaluation of a sample takes; None for its own number.
        reference: A language model of the same corpus.
    """

    blocks: tuple[str, ...]
    split: str
    iw_samples: int | None = None
    sentences: int | None = None
    reference: VAE | None = None

    def settings(self, own: EvaluationConfig) -> EvaluationConfig:
        """The run's own settings, but for what is asked for."""
        return own if self.iw_samples is None else own.model_copy(update={"iw_samples": self.iw_samples})


def request_of(
    loaded: LoadedRun,
    blocks: Sequence[str],
    split: str | None = None,
    iw_samples: int | None = None,
    sentences: int | None = None,
    lm: Path | None = None,
) -> EvaluationRequest:
    """What is asked for of a finished run; what isn't said is as in the run's own settings.

    Args:
        loaded: The run.
        blocks: Names of evaluations.
        split: ``valid`` or ``test``.
        iw_samples: See `EvaluationRequest`.
        sentences: See `EvaluationRequest`.
        lm: Folder of a run of method ``lm``.

    Raises:
        UsageError: The folder is no such run, or one of another corpus.

    Warns:
        UserWarning: The run's own reference can't be used, as where its folder was left on another machine.
    """
    own = loaded.config.evaluation
    request = EvaluationRequest(tuple(blocks), split or own.split, iw_samples, sentences or own.sentences or None)
    if lm is not None:
        return replace(request, reference=load_reference(lm, loaded.corpus, loaded.device, str(loaded.folder.path)))
    if not own.reference or not REFERENCED & set(blocks):
        return request
    try:
        reference = load_reference(Path(own.reference), loaded.corpus, loaded.device, str(loaded.folder.path))
    except VaeError as error:
        warnings.warn(
            f"measured without a language model: the run's own evaluation.reference: {error}; --lm RUN names another",
            stacklevel=2,
        )
        return request
    return replace(request, reference=reference)


class Trained(Protocol):
    """A trained model and what it was trained with: a session at its end, or a run that was loaded."""

    @property
    def model(self) -> VAE:
        """At its best checkpoint, on the device."""

    @property
    def method(self) -> Method:
        """The composed remedies."""

    @property
    def corpus(self) -> Corpus:
        """Whose train split it has learned."""

    @property
    def config(self) -> RunConfig:
        """All settings of the run."""

    @property
    def device(self) -> torch.device:
        """Where the model is."""


def block_input(trained: Trained, request: EvaluationRequest, keeper: FolderKeeper) -> BlockInput:
    """What the evaluations of a request may look at."""
    config, corpus, device = trained.config, trained.corpus, trained.device
    settings = request.settings(config.evaluation)
    return BlockInput(
        model=trained.model,
        corpus=corpus,
        scoring=Scoring.exact(corpus.split(request.split), settings, config.training.seed, device, keeper),
        split_name=request.split,
        config=settings,
        method=trained.method,
        sentences=request.sentences,
        reference=request.reference,
        recipe=config,
        train_lm=lm_trainer(corpus, config, device, keeper.reference_folder),
    )


@dataclass(frozen=True)
class Evaluated:
    """What was measured.

    Attributes:
        split: Name of the split that the figures are of.
        values: Standard columns that were estimated anew, by name.
        results: Results of the evaluations, by name.
    """

    split: str
    values: Mapping[str, float | int | None] = field(default_factory=dict)
    results: Mapping[str, BlockResult] = field(default_factory=dict)

    @property
    def all_values(self) -> dict[str, float | int | None]:
        """All figures by column."""
        merged = dict(self.values)
        for result in self.results.values():
            merged |= result.values
        return merged

    @property
    def estimators(self) -> dict[str, int | str]:
        """Versions and settings of the evaluations, which trials must share to be averaged."""
        return estimators_of(self.results)

    @property
    def details(self) -> dict[str, dict[str, Any]]:
        """The details of the evaluations, by name, with the version of each."""
        versions = versions_of(self.results)
        return {name: {"version": versions[name], **result.details} for name, result in self.results.items()}


def run_blocks(
    names: Sequence[str], inputs: BlockInput, keeper: FolderKeeper, told: Told | None = None
) -> dict[str, BlockResult]:
    """Makes the evaluations in their order, but for those that are kept.

    Raises:
        UsageError: There is none of a name.
        DivergedError: A figure is not finite, other than a perplexity that overflows.
    """
    results = {}
    for name in names:
        block = load_block(name)
        if told is not None:
            told(name)
        result = keeper.read_block(name, inputs) or block(inputs)
        for key, value in result.values.items():
            overflows = column(key, name).unit == PERPLEXITY
            if isinstance(value, float) and not (math.isfinite(value) or (overflows and value == math.inf)):
                what = "not a number" if math.isnan(value) else "infinite"
                raise DivergedError(f"{key} ({name}) is {what} on {inputs.split_name}: the model diverged")
        keeper.write_block(name, inputs, result)
        results[name] = result
    return results


def check_finished(run: LoadedRun) -> None:
    """Refuses to measure what can't be measured or kept, before any work.

    Raises:
        UsageError: The run is not done, was trained anew or further since it was loaded, or its folder is a link.
    """
    if run.folder.status != "done":
        raise UsageError(f"{run.folder.path}: the run is {run.folder.status}; finish it first (--resume)")
    if not run.is_as_loaded:
        told = "the run was trained anew, or further, after its weights were read; measure it again"
        raise UsageError(f"{run.folder.path}: {told}")
    run.folder.refuse_links()


def evaluate_run(
    run: LoadedRun, request: EvaluationRequest, told: Told | None = None, finish: Finish = lambda evaluated: None
) -> Evaluated:
    """Measures a finished run further.

    The standard columns are estimated anew where another number of importance samples or another split is asked for.

    Args:
        run: Loaded.
        request: What is wanted.
        told: Hears what is being measured.
        finish: Stores it.

    Raises:
        UsageError: The run is not done, or nothing is asked for that it doesn't have.
        DivergedError: A figure is not finite.
        InterruptedRunError: A signal came; the message says what is kept.
    """
    check_finished(run)
    other = request.split != run.config.evaluation.split
    if not (request.blocks or other or request.iw_samples is not None):
        raise UsageError(f"{run.folder.path}: its figures are of {request.split} already; name an evaluation")
    keeper = FolderKeeper(run.folder, run.config.training.save_every)
    with keeper.kept():
        values: dict[str, float | int | None] = {}
        if other or request.iw_samples is not None:
            if told is not None:
                told("standard columns")
            values = _standard_columns(run, request, keeper)
        results = run_blocks(request.blocks, block_input(run, request, keeper), keeper, told)
        evaluated = Evaluated(request.split, values, results)
        check_finished(run)  # it may take hours, and others may train the run meanwhile
        finish(evaluated)
    keeper.forget()
    return evaluated


def _standard_columns(
    run: LoadedRun, request: EvaluationRequest, keeper: FolderKeeper
) -> dict[str, float | int | None]:
    """Of another split all; of the run's own those that another number of samples changes."""
    split, seed = run.corpus.split(request.split), run.config.training.seed
    settings, truth = request.settings(run.config.evaluation), run.corpus.truth
    values = evaluate(run.model, split, settings, seed=seed, device=run.device, truth=truth, keeper=keeper).values
    return values if request.split != run.config.evaluation.split else {name: values[name] for name in IW_VALUES}


def write_sentences(run: LoadedRun, request: EvaluationRequest) -> Path:
    """Writes the figures of each sentence of a split as ``sentences-SPLIT.csv`` into the run's folder; gives its path.

    Raises:
        DataError: It can't be written.
        UsageError: The run is not done, or another process works on it.
    """
    check_finished(run)
    settings = request.settings(run.config.evaluation)
    split, vocabulary = run.corpus.split(request.split), run.vocabulary
    scoring = Scoring.standard(run.model, split, settings, run.config.training.seed, run.device)
    table = sentence_scores(run.model, scoring, settings.rec_samples, settings.iw_samples)
    texts = [vocabulary.tokenizer.text(vocabulary.decode(split.sentence(n))) for n in range(len(split))]
    table.insert(0, "sentence", texts)
    path = run.folder.path / f"sentences-{request.split}.csv"
    with run.folder.lock():
        check_finished(run)
        write_atomic(path, csv_text(table))
    return path


def replaced_estimators(known: Mapping[str, int | str], evaluated: Evaluated) -> dict[str, int | str]:
    """What a run's figures were measured with, after some evaluations were made anew: their old settings are gone."""
    old = tuple(f"{name}." for name in evaluated.results)
    kept = {name: value for name, value in known.items() if not name.startswith(old)} if old else dict(known)
    return kept | evaluated.estimators


def store(folder: RunFolder, evaluated: Evaluated) -> str:
    """Adds what was measured to metrics.json, and to results.csv and summary.csv where the experiment has them.

    Figures of the split that the run reports stand with its others under ``values``; those of the other split stand
    under ``splits`` and in no table, which would mix the two.

    Returns:
        Where it is, in words.

    Raises:
        UsageError: Another process works on the run.
    """
    with folder.lock():
        metrics = folder.metrics()
        if evaluated.split != folder.config().evaluation.split:
            splits = metrics.setdefault("splits", {})
            mine = splits.setdefault(evaluated.split, {"values": {}})
            mine["values"] = {**mine["values"], **evaluated.all_values}
            mine.update(evaluated.details)
            folder.write_metrics(metrics)
            return f"{folder.path / 'metrics.json'} under splits.{evaluated.split}, and in no table"
        metrics["values"] = {**metrics.get("values", {}), **evaluated.all_values}
        metrics.update(evaluated.details)
        folder.write_metrics(metrics)
        folder.update(estimators=replaced_estimators(folder.run().get("estimators", {}), evaluated))
    experiment = folder.path.parent.parent
    whole = folder.path.resolve().parent.parent  # of a path as short as `.`, as from inside the folder
    experiment = experiment if experiment.resolve() == whole else whole
    if not (experiment / "results.csv").exists():
        return str(folder.path / "metrics.json")
    try:
        results, summary = write_tables(experiment)
    except VaeError as error:
        return f"{folder.path / 'metrics.json'}; the tables of {experiment} can't be made anew: {error}"
    return f"{folder.path / 'metrics.json'}, {results} and {summary.name}"

"""One trial from its configuration to its metrics: load, build, train, evaluate at the best checkpoint, write."""

from __future__ import annotations

import resource
import signal
import sys
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from vaecli.config import RunConfig
from vaecli.core.errors import DivergedError, InterruptedRunError, VaeError
from vaecli.core.plugins import at_fault
from vaecli.core.resources import shortage
from vaecli.corpus.types import Corpus
from vaecli.metrics.extras.registry import versions_of
from vaecli.metrics.measure import Metrics, evaluate
from vaecli.metrics.schema import ESTIMATOR_VERSIONS
from vaecli.model.vae import VAE
from vaecli.objective import Terms
from vaecli.remedies import GROUP
from vaecli.remedies.core.compose import Method
from vaecli.runs.continuation import (
    BEGAN,
    changed_surroundings,
    check_checkpoint,
    check_same_corpus,
    check_versions,
    has_begun,
    surroundings,
)
from vaecli.runs.evaluation import Evaluated, EvaluationRequest, Told, block_input, run_blocks
from vaecli.runs.folder import RunFolder
from vaecli.runs.loaded_run import corpus_path, load_best, load_run_corpus
from vaecli.runs.partial_evaluation import FolderKeeper
from vaecli.runs.posterior_file import PosteriorFile
from vaecli.runs.progress_file import ProgressFile
from vaecli.runs.provenance import method_of_run, packages_of
from vaecli.runs.reference_lm import load_reference
from vaecli.runs.stop_request import StopRequests, forget_request
from vaecli.runs.tracking import Trackers
from vaecli.trackers.tracker import End
from vaecli.training.build import build_model
from vaecli.training.checkpoint import BEST
from vaecli.training.device import resolve_device, training_precision
from vaecli.training.early_warning import EarlyWarning, early_warning
from vaecli.training.interrupt import Interrupt, StopNowError
from vaecli.training.loop import Loop
from vaecli.training.posterior_watch import PosteriorWatch
from vaecli.training.progress import Observer, Progress, Row
from vaecli.training.session import TrainingSession
from vaecli.training.state import load_model


@dataclass
class Recorder:
    """Writes the history and where the run stands, and passes everything on to whoever watches.

    Attributes:
        folder: Of the run.
        watcher: Told of updates and validations.
        stand: Written now and then.
        told: Hears what the run is doing where that isn't training.
        posteriors: Looks at posteriors after updates; None where the settings don't ask for it.
        warned: Hears that the run is likely to collapse.
        early: Looks at its first updates; None where nothing can be said of them.
    """

    folder: RunFolder
    watcher: Observer
    stand: ProgressFile
    told: Told
    interrupt: Interrupt
    trackers: Trackers | None = None
    posteriors: PosteriorWatch | None = None
    warned: Told = lambda what: None
    early: EarlyWarning | None = None

    def __post_init__(self) -> None:
        """Forgets a request that was followed, or made of an earlier attempt."""
        forget_request(self.folder.path)
        self.requests = StopRequests(self.folder.path)

    def step(self, progress: Progress, terms: Terms) -> None:
        """After an update; one after which the run is asked to stop is the last."""
        self.stand.step(progress)
        self.watcher.step(progress, terms)
        if self.early is not None:
            self.early.step(progress, terms)
        if self.posteriors is not None:
            self.posteriors.step(progress)
        if self.requests.asked():
            self.interrupt.ask(signal.SIGTERM)

    def watch_posteriors(self, session: TrainingSession, progress: Progress) -> None:
        """Looks at posteriors from now on, where the settings say so."""
        if session.config.evaluation.posteriors_every:
            file = PosteriorFile(self.folder.path)
            file.forget_after(progress.total_steps or -1)  # before the first update all of them are made anew
            self.posteriors = PosteriorWatch(session, file.append)
            self.posteriors.begin(progress)

    def judged(self, warning: str) -> None:
        """What the first updates say of the run's end; run.json keeps it, an empty text where they say nothing."""
        self.folder.update(early_warning=warning)
        if warning:
            self.warned(warning)

    def doing(self, what: str) -> None:
        """Before something that takes a while."""
        self.stand.doing(what)
        self.told(what)

    def evaluated(self, row: Row) -> None:
        """After a validation: a row of history.csv."""
        self.folder.append_history(row)
        self.watcher.evaluated(row)
        if self.trackers is not None:
            self.trackers.tell([row])


def run_trial(
    folder: RunFolder,
    watcher: Observer,
    corpus: Corpus | None = None,
    told: Told = lambda what: None,
    warned: Told = lambda what: None,
) -> Metrics:
    """Runs the trial whose configuration stands in a folder, from its checkpoint if it has one.

    Args:
        folder: A run folder with a configuration, locked by the caller.
        watcher: Told of every update and validation.
        corpus: The configuration's corpus, if it is loaded already.
        told: Hears what is being done where that isn't training: ``building bn``, ``measuring on test``.
        warned: Hears after its first updates that the run is likely to collapse.

    Returns:
        The figures at the best validation checkpoint; they are in metrics.json too.

    Raises:
        VaeError: What went wrong; the folder's status says it as well.
    """
    if corpus is not None:
        check_same_corpus(folder, corpus)
    interrupt = Interrupt()
    recorder = Recorder(folder, watcher, ProgressFile(folder.path), told, interrupt, warned=warned)
    with interrupt:
        try:
            folder.update(status="running", message="")
            metrics, keeper = _run(folder, recorder, corpus, interrupt)
            with interrupt.last_words():
                folder.update(status="done", message="")
                keeper.forget()
                recorder.stand.remove()
            return metrics
        except BaseException as error:
            with interrupt.last_words():
                end = _ended(folder, error)
                recorder.stand.remove()
            if end is error:
                raise
            raise end from None


def _ended(folder: RunFolder, error: BaseException) -> BaseException:
    """The error as a caller is told it, once the folder's status says it as well."""
    if isinstance(error, StopNowError):
        told = "interrupted between two steps; what is on disk is kept; --resume, or `vae compare` again, goes on"
        error = InterruptedRunError(told, error.signal_number)
    status = status_after(error)
    told = str(error) if isinstance(error, VaeError) else shortage(error) or _fault(error)
    with suppress(VaeError):  # a disk that is full is told by the error itself
        folder.update(status=status, message=told)
    return error


def _fault(error: BaseException) -> str:
    """An error in its own words, and the package of another's remedy in which it was raised."""
    plugin = at_fault(error, GROUP)
    return f"{type(error).__name__}: {error}" + (f" (in package {plugin.origin})" if plugin else "")


def status_after(error: BaseException) -> End:
    """How a run ended that an error has ended."""
    if isinstance(error, InterruptedRunError | KeyboardInterrupt | StopNowError):
        return "interrupted"
    return "diverged" if isinstance(error, DivergedError) else "failed"


def _run(
    folder: RunFolder, recorder: Recorder, corpus: Corpus | None, interrupt: Interrupt
) -> tuple[Metrics, FolderKeeper]:
    """The figures, which are in metrics.json, and who has kept them meanwhile."""
    started = time.perf_counter()
    config = folder.config()
    if config.training.threads:
        torch.set_num_threads(config.training.threads)
    device = resolve_device(config.training.device)
    if corpus is None:
        recorder.doing(f"reading {config.corpus.data}")
        corpus = load_run_corpus(folder, config)
        check_same_corpus(folder, corpus)
    recorder.doing(f"building {config.method}")
    check_checkpoint(folder)
    method = method_of_run(folder, config)
    check_versions(folder, method)
    reference = _reference(config, corpus, device)
    before = float(folder.run().get("seconds", 0.0))
    _describe(folder, config, corpus, method, device)
    trackers = recorder.trackers = Trackers(folder, config, method)
    torch.manual_seed(config.training.seed)
    model = build_model(method, len(corpus.vocabulary), len(corpus.train), config).to(device)
    session = TrainingSession(model, method, corpus, config, device)
    keeper = FolderKeeper(folder, config.training.save_every)

    def spent() -> float:
        return round(before + time.perf_counter() - started - trackers.seconds, 3)

    try:
        loop = Loop(session, folder.checkpoint_path, recorder, folder.forget_history, interrupt, spent)
        before = max(before, loop.progress.seconds)  # a process that was killed has told its checkpoints alone
        recorder.stand.plan(sum(loop.epochs), session.batches.steps_per_epoch)
        recorder.watch_posteriors(session, loop.progress)
        recorder.early = early_warning(session, recorder.judged)
        progress = loop.run()
        trained = spent()
        folder.update(seconds=trained)
        with keeper.kept():
            metrics, extra = _final(folder, session, reference, keeper, recorder.doing)
            folder.update(seconds=spent(), evaluation_seconds=round(spent() - trained, 3))
            figures = _write_figures(folder, session, progress, metrics, extra)
        trackers.finish(figures.values, "done")
        folder.update(seconds=spent())
        return figures, keeper
    except BaseException as error:
        trackers.finish({}, status_after(error))
        with suppress(VaeError):  # a disk that is full, or a folder that is gone, is told by the error itself
            folder.update(seconds=spent())
        raise


def _write_figures(
    folder: RunFolder, session: TrainingSession, progress: Progress, metrics: Metrics, extra: Evaluated
) -> Metrics:
    """Writes metrics.json; gives its figures."""
    estimators = {**ESTIMATOR_VERSIONS, **extra.estimators}
    folder.update(estimators=estimators)
    values = {**metrics.values, **extra.all_values, **_costs(folder, session.model, progress, session.device)}
    folder.write_metrics(
        {
            "values": values,
            "per_dimension": metrics.per_dimension,
            "best_epoch": progress.best_epoch,
            "undefined": session.method.undefined,
            "estimators": estimators,
            "remedies": session.method.versions,
            **extra.details,
        }
    )
    return Metrics(values, metrics.per_dimension)


def _describe(folder: RunFolder, config: RunConfig, corpus: Corpus, method: Method, device: torch.device) -> None:
    """Writes what the run is made of before it starts; warns where that has changed since it began."""
    precision = training_precision(config, len(corpus.vocabulary), device)
    now = surroundings(device, precision)
    changed = changed_surroundings(folder, now)
    if changed:
        warnings.warn(changed, stacklevel=2)
    run = folder.run() if has_begun(folder) else {}
    earlier = [str(note) for note in run.get("notes") or [] if str(note).startswith(BEGAN)]
    corpus.vocabulary.save(folder.path / "vocab.json")
    folder.update(
        corpus={
            "name": corpus.name,
            "path": corpus_path(config.corpus.data),
            "fingerprint": corpus.fingerprint,
            "vocabulary": len(corpus.vocabulary),
            "train_sentences": len(corpus.train),
            "valid_sentences": len(corpus.valid),
            "longest": corpus.longest,
        },
        remedies=method.versions,
        packages=packages_of(method.name),
        estimators={**ESTIMATOR_VERSIONS, **versions_of(config.evaluation.extra)},
        device=str(device),
        precision=precision,
        threads=torch.get_num_threads(),
        surroundings=run.get("surroundings") or now,
        notes=[*corpus.notes, *dict.fromkeys([*earlier, *([changed] if changed else [])])],
    )


def _reference(config: RunConfig, corpus: Corpus, device: torch.device) -> VAE | None:
    """The language model that the settings name; loaded before the training, so that a wrong one costs nothing."""
    path = config.evaluation.reference
    return load_reference(Path(path), corpus, device, "evaluation.reference's run") if path else None


def _final(
    folder: RunFolder, session: TrainingSession, reference: VAE | None, keeper: FolderKeeper, told: Told
) -> tuple[Metrics, Evaluated]:
    """The figures of the reported split at the best checkpoint, population statistics included, and the extra ones."""
    config, corpus, model = session.config, session.corpus, session.model
    told(f"measuring on {config.evaluation.split}")
    load_model(model, load_best(folder), folder.checkpoint_path / BEST)
    settings, seed = config.evaluation, config.training.seed
    split = corpus.split(settings.split)
    request = EvaluationRequest(
        settings.extra, settings.split, sentences=settings.sentences or None, reference=reference
    )
    metrics = evaluate(model, split, settings, seed=seed, device=session.device, truth=corpus.truth, keeper=keeper)
    inputs = block_input(session, request, keeper)
    results = run_blocks(request.blocks, inputs, keeper, lambda name: told(f"measuring {name} on {settings.split}"))
    return metrics, Evaluated(split.name, results=results)


def _costs(folder: RunFolder, model: VAE, progress: Progress, device: torch.device) -> dict[str, float | int | None]:
    """The columns on what the run took."""
    cuda = device.type == "cuda"
    peak = torch.cuda.max_memory_allocated(device) / 2**20 if cuda else peak_memory()
    return {
        "kl_weight": progress.best_kl_weight if model.has_latent else None,
        "epochs": progress.total_epochs,
        "steps": progress.total_steps,
        "parameters": model.parameter_count,
        "seconds": float(folder.run()["seconds"]),
        "tokens_per_second": round(progress.tokens / progress.train_seconds, 1) if progress.train_seconds else None,
        "peak_memory_mb": round(peak, 1),
    }


def peak_memory() -> float:
    """The most memory this process has held, in MiB.

    From the kernel's own mark where there is one: what `getrusage` says includes the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
    # KiB, but bytes on macOS
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)

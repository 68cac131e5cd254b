"""What a run will cost, from a few timed updates and the evaluation of a few sentences."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from vaecli.config import RunConfig
from vaecli.corpus.load import load_corpus
from vaecli.corpus.types import Corpus, Split, collate
from vaecli.metrics.measure import evaluate
from vaecli.remedies import make_method
from vaecli.training.build import build_model
from vaecli.training.device import resolve_device
from vaecli.training.session import TrainingSession


@dataclass(frozen=True)
class Pace:
    """What a run takes, about, in seconds.

    Attributes:
        epoch: Updates of an epoch.
        validation: The validation after it.
        final: The figures of the reported split.
    """

    epoch: float
    validation: float
    final: float


def mean_pace(paces: Sequence[Pace]) -> Pace:
    """The mean of several runs' paces."""
    columns = zip(*((pace.epoch, pace.validation, pace.final) for pace in paces), strict=True)
    return Pace(*(sum(seconds) / len(paces) for seconds in columns))


def seconds_per_epoch(config: RunConfig, corpus: Corpus | None = None, updates: int = 5) -> tuple[int, float]:
    """Trainable parameters, and seconds of updates for one epoch, extrapolated by predicted tokens.

    Args:
        config: The run's settings.
        corpus: Already loaded, if it is.
        updates: Timed updates, after one that warms up.
    """
    corpus = corpus or load_corpus(config.corpus)
    with torch.random.fork_rng(devices=[]):
        session = _session(config, corpus)
        return session.model.parameter_count, _epoch(session, updates)


def measured_pace(config: RunConfig, corpus: Corpus, updates: int = 5, sentences: int = 64) -> Pace:
    """The pace of a run, extrapolated by predicted tokens.

    Args:
        config: The run's settings.
        corpus: Its corpus.
        updates: Timed updates, after one that warms up.
        sentences: Evaluated of each split.
    """
    with torch.random.fork_rng(devices=[]):
        session = _session(config, corpus)
        epoch = _epoch(session, updates)
        session.model.eval()
        validation = _evaluation(session, corpus.valid, sentences, full=False)
        final = _evaluation(session, corpus.split(config.evaluation.split), sentences, full=True)
    return Pace(epoch, validation, final)


def _session(config: RunConfig, corpus: Corpus) -> TrainingSession:
    torch.manual_seed(config.training.seed)
    device = resolve_device(config.training.device)
    method = make_method(config.method, config.hyper)
    model = build_model(method, len(corpus.vocabulary), len(corpus.train), config)
    return TrainingSession(model.to(device), method, corpus, config, device)


def _epoch(session: TrainingSession, updates: int) -> float:
    """Seconds of the updates of an epoch; the first one only warms up, unless there is no other."""
    session.model.train()
    tokens = 0
    start = time.perf_counter()
    for n, indices in enumerate(session.batches.epoch(0)[: updates + 1]):
        if n == 1:
            tokens, start = 0, time.perf_counter()
        batch = collate(session.corpus.train, indices).to(session.device)
        session.step(batch)
        tokens += batch.predicted
    return (time.perf_counter() - start) * session.corpus.train.predicted_tokens / tokens


def _evaluation(session: TrainingSession, split: Split, sentences: int, full: bool) -> float:
    """Seconds of the evaluation of a split, from its first sentences."""
    end = int(split.offsets[: sentences + 1][-1])
    part = replace(split, tokens=split.tokens[:end], offsets=split.offsets[: sentences + 1], raw_words=None)
    settings, seed = session.config.evaluation, session.config.training.seed
    start = time.perf_counter()
    evaluate(session.model, part, settings, seed=seed, device=session.device, truth=session.corpus.truth, full=full)
    return (time.perf_counter() - start) * split.predicted_tokens / part.predicted_tokens

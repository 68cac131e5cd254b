"""What a run will cost, from a few timed updates."""

from __future__ import annotations

import time

import torch

from vaecli.config import RunConfig
from vaecli.corpus.load import load_corpus
from vaecli.corpus.types import Corpus, collate
from vaecli.remedies import make_method
from vaecli.training.build import build_model
from vaecli.training.device import resolve_device
from vaecli.training.session import TrainingSession


def seconds_per_epoch(config: RunConfig, corpus: Corpus | None = None, updates: int = 5) -> tuple[int, float]:
    """Trainable parameters, and seconds of updates for one epoch, extrapolated by predicted tokens.

    Args:
        config: The run's settings.
        corpus: Already loaded, if it is.
        updates: Timed updates, after one that warms up.
    """
    corpus = corpus or load_corpus(config.corpus)
    device = resolve_device(config.training.device)
    method = make_method(config.method, config.hyper)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.training.seed)
        model = build_model(method, len(corpus.vocabulary), len(corpus.train), config)
        session = TrainingSession(model.to(device), method, corpus, config, device)
        model.train()
        tokens = 0
        start = 0.0
        for n, indices in enumerate(session.batches.epoch(0)[: updates + 1]):
            if n == 1:
                start = time.perf_counter()
            batch = collate(corpus.train, indices).to(device)
            session.step(batch)
            tokens += batch.predicted if n else 0
        seconds = time.perf_counter() - start
    scale = corpus.train.predicted_tokens / tokens if tokens else 0.0
    return model.parameter_count, seconds * scale if tokens else 0.0

"""Checks of what a remedy is once it is measured: figures of a sentence's own, and a table in the collapse game."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from vaecli.config import EvaluationConfig
from vaecli.corpus.types import Corpus, collate
from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.extras.game.payoff import payoff_block
from vaecli.metrics.extras.registry import BlockInput
from vaecli.metrics.scoring import Scoring
from vaecli.model.calibration import calibrate
from vaecli.model.vae import VAE
from vaecli.remedies.core.compose import compose
from vaecli.remedies.core.remedy import Remedy
from vaecli.testing.changes import TinyWords
from vaecli.testing.owed import Subject, owed, remedy_of, require
from vaecli.testing.tiny import tiny_shape, tiny_split

SENTENCES = 12
"""Of the split that is measured."""


@owed
def check_evaluation(subject: Subject) -> None:
    """Measured, a sentence has figures of its own: neither torch's generator nor the rest of its batch moves them."""
    model = compose([remedy_of(subject)]).build(tiny_shape(init_range=0.5), 0)
    calibrate(model, [collate(tiny_split(9), torch.arange(9))])
    figures = _figures(model, SENTENCES, 0)
    told = "what is random is for training alone, as by `if self.training`"
    require(_close(figures, _figures(model, SENTENCES, 1)), subject, f"evaluation draws from torch's generator; {told}")
    if model.refine is None:  # what a refinement draws is its batch's
        told = "keep statistics of training in buffers"
        alone = _close(figures, _figures(model, 1, 0))
        require(alone, subject, f"in evaluation a sentence's figures depend on the others of its batch; {told}")


def _figures(model: VAE, batch_size: int, seed: int) -> list[Tensor]:
    """(N, ...) terms of the bound of every sentence, with torch's generator at a seed."""
    scoring = Scoring(split=tiny_split(SENTENCES), batch_size=batch_size, seed=0, device=torch.device("cpu"))
    torch.manual_seed(seed)
    terms = elbo_terms(model, scoring)
    return [terms.rec] if terms.kl is None else [terms.rec, terms.kl]


def _close(some: list[Tensor], others: list[Tensor]) -> bool:
    """Whether figures are the same but for rounding."""
    return all(torch.allclose(a, b, rtol=1e-4, atol=1e-4) for a, b in zip(some, others, strict=True))


@owed
def check_game(subject: Subject) -> None:
    """It has its table in the collapse game, where it has payoffs of its own or says that it reads the KL alone."""
    remedy = remedy_of(subject)
    if type(remedy).payoffs is Remedy.payoffs and not remedy.rate_only:
        return
    method, split = compose([remedy]), tiny_split(SENTENCES)
    config = EvaluationConfig(iw_samples=4, batch_size=16)
    payoff_block(
        BlockInput(
            model=method.build(tiny_shape(init_range=0.5), 0),
            corpus=Corpus("tiny", cast("Any", TinyWords()), split, split, split, "none"),
            scoring=Scoring.exact(split, config, 0, torch.device("cpu")),
            split_name="test",
            config=config,
            method=method,
        )
    )

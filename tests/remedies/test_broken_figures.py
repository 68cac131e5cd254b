"""Remedies that train as they should and can't be measured: their figures are not the sentence's own, or not there."""

from dataclasses import replace
from typing import ClassVar

import pytest
import torch

from vaecli.model.posterior import PosteriorHead
from vaecli.remedies.beta import Beta
from vaecli.remedies.core.remedy import Part
from vaecli.remedies.mi_constraint import MIConstraint
from vaecli.remedies.word_dropout import drop_words
from vaecli.testing import CHECKS, ContractError
from vaecli.testing.measured import check_evaluation, check_game


class Mine(Beta):
    """A remedy of an author of another package."""

    name: ClassVar[str] = "mine"


class AlwaysOn(torch.nn.Module):
    """Word dropout that doesn't end with training."""

    def forward(self, inputs):
        return drop_words(inputs, torch.rand(inputs.shape) < 0.5)


class Noisy(Mine):
    """It has that."""

    owns: ClassVar[frozenset[Part]] = Beta.owns | {Part.DECODER_INPUT}

    def build(self, parts):
        return replace(parts, input_noise=AlwaysOn())


class CentredHead(PosteriorHead):
    """Means around that of their batch."""

    def __init__(self, wrapped):
        super().__init__()
        self.wrapped = wrapped

    def forward(self, encoding):
        posterior = self.wrapped(encoding)
        return replace(posterior, mean=posterior.mean - posterior.mean.mean(0))


class Centred(Mine):
    """It centres them in evaluation too."""

    owns: ClassVar[frozenset[Part]] = Beta.owns | {Part.POSTERIOR}

    def build(self, parts):
        return replace(parts, head=CentredHead(parts.head))


class Reading(Mine):
    """It says that it reads the KL alone, and reads the posterior."""

    def objective(self, terms, clock):
        terms.context.posterior.mean.sum()
        return super().objective(terms, clock)


class Tableless(MIConstraint):
    """It forgets to return its table."""

    name: ClassVar[str] = "mine"

    def payoffs(self, game, measures):
        replace(game, notes=())


@pytest.mark.parametrize(
    ("check", "kind", "why"),
    [
        (
            check_evaluation,
            Noisy,
            "mine: evaluation draws from torch's generator; what is random is for training alone",
        ),
        (check_evaluation, Centred, "mine: in evaluation a sentence's figures depend on the others of its batch"),
        (check_game, Reading, "mine: check_game ended with AttributeError: 'NoneType' object has no attribute 'mean'"),
        (check_game, Tableless, "mine: `payoffs` gives NoneType and has to return Game"),
    ],
)
def test_what_can_not_be_measured_is_told(check, kind, why):
    assert check in CHECKS
    with pytest.raises(ContractError, match=why):
        check(kind)


@pytest.mark.parametrize("check", [check_evaluation, check_game])
def test_one_that_can_passes(check):
    check(Mine)

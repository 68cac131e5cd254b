"""Objectives that change what they are given, or train the encoder by a weight: mistakes that no value shows."""

from dataclasses import replace
from typing import ClassVar

import pytest

from vaecli.remedies.beta import Beta
from vaecli.remedies.core.remedy import Part
from vaecli.testing import ContractError
from vaecli.testing.contract import check_ownership


class Mine(Beta):
    """A remedy of an author of another package."""

    name: ClassVar[str] = "mine"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL_WEIGHT})


def in_place(term):
    """A remedy that halves a term of the objective that it is given, beside its weight."""

    def objective(self, terms, clock):
        value = getattr(terms, term)
        value.mul_(0.5)
        return replace(terms, kl_weight=self.beta)

    return type("InPlace", (Mine,), {"__doc__": "It changes a term in place.", "objective": objective})


class Attached(Mine):
    """Its weight follows the KL, gradient and all."""

    detached: ClassVar[bool] = False

    def objective(self, terms, clock):
        kl = terms.kl.sum(-1).mean()
        return replace(terms, kl_weight=((kl.detach() if self.detached else kl) / 3.0).clamp(max=0.9))


@pytest.mark.parametrize(
    ("term", "way"),
    [
        ("nll", "it has to leave them"),
        ("z", "it has to leave them"),
        ("kl", r"give others by replace\(terms, kl="),
        ("extra", r"give others by replace\(terms, extra="),
    ],
)
def test_a_term_that_is_changed_in_place_is_told(term, way):
    """It was compared with itself, so that a remedy could change any of them and own none."""
    with pytest.raises(ContractError, match=rf"mine: `objective` changes `{term}` of the given terms in place; {way}"):
        check_ownership(in_place(term))


def test_a_weight_that_carries_a_gradient_is_told():
    with pytest.raises(ContractError, match=r"mine: `objective` gives a `kl_weight` that the encoder is trained by; d"):
        check_ownership(Attached)
    check_ownership(type("Detached", (Attached,), {"__doc__": "As it should be.", "detached": True}))

from dataclasses import replace
from itertools import combinations
from typing import ClassVar

import pytest
import torch
from support import clock, make_terms, tiny_batch, tiny_model

from vaecli.core.errors import UsageError
from vaecli.model.posterior import DiagonalGaussian
from vaecli.objective import raw_terms
from vaecli.remedies import REMEDIES, make_method, remedy_class
from vaecli.remedies.core.base import Paper, Phase, Remedy, Slot
from vaecli.remedies.core.compose import compose

NOWHERE = Paper("Nobody", 2000, "Nothing")


class Toy(Remedy):
    """A remedy whose hooks leave a trace."""

    title: ClassVar[str] = "toy"
    paper: ClassVar[Paper] = NOWHERE
    equation: ClassVar[str] = ""


class Doubled(Toy):
    name: ClassVar[str] = "doubled"
    slots: ClassVar[frozenset[Slot]] = frozenset({Slot.KL})
    cost: ClassVar[float] = 2.0

    def objective(self, terms, clock):
        return replace(terms, kl=2 * terms.kl)


class AddsKL(Toy):
    name: ClassVar[str] = "adds_kl"
    slots: ClassVar[frozenset[Slot]] = frozenset({Slot.TERM})
    cost: ClassVar[float] = 1.5

    def objective(self, terms, clock):
        return terms.add(terms.kl.sum(-1))


class AddsOne(AddsKL):
    name: ClassVar[str] = "adds_one"

    def objective(self, terms, clock):
        return terms.add(torch.ones_like(terms.nll))


class Staged(Toy):
    name: ClassVar[str] = "staged"
    slots: ClassVar[frozenset[Slot]] = frozenset({Slot.PHASES, Slot.STEP, Slot.INFERENCE})

    def phases(self):
        return (Phase("first", 0.25), Phase("second", 0.75))

    def wrap_step(self, step, session):
        return lambda batch: step(batch).add(torch.tensor(7.0))

    def infer(self, posterior, bound):
        return DiagonalGaussian(posterior.mean + 1, posterior.logvar)


class Alone(Toy):
    name: ClassVar[str] = "alone"
    slots: ClassVar[frozenset[Slot]] = frozenset({Slot.TERM})
    alone_in: ClassVar[frozenset[Slot]] = frozenset({Slot.TERM})


class AloneFirst(Alone):
    """The same with a slot before all others, so that it comes first in the chain."""

    name: ClassVar[str] = "alone_first"
    slots: ClassVar[frozenset[Slot]] = frozenset({Slot.TERM, Slot.ENCODER})


CLASHES = [
    (a, b)
    for a, b in combinations(sorted(REMEDIES), 2)
    if any(s.exclusive for s in remedy_class(a).slots & remedy_class(b).slots)
]


@pytest.mark.parametrize(("first", "second"), CLASHES)
def test_two_owners_of_a_slot_are_refused_naming_both_and_the_slot(first, second):
    shared = {s.value for s in remedy_class(first).slots & remedy_class(second).slots}
    messages = set()
    for method in (f"{first}+{second}", f"{second}+{first}"):
        with pytest.raises(UsageError) as caught:
            make_method(method)
        messages.add(str(caught.value))
    (message,) = messages
    assert f"'{first}' and '{second}' can't be composed" in message
    assert any(f"'{slot}'" in message for slot in shared)


def test_a_known_clash_is_among_them():
    assert ("cyclical", "linear_anneal") in CLASHES
    with pytest.raises(UsageError, match="'beta' and 'cyclical' can't be composed: both own the slot 'kl_weight'"):
        make_method("cyclical+beta")


def test_the_same_remedy_twice_is_refused():
    with pytest.raises(UsageError, match="'beta' is named twice"):
        make_method("beta+beta")


@pytest.mark.parametrize("method", ["vanilla+beta", "beta+vae", "vanilla+free_bits+word_dropout"])
def test_vanilla_composes_with_nothing(method):
    with pytest.raises(UsageError, match="'vanilla' changes nothing"):
        make_method(method)


def test_order_of_the_names_does_not_matter():
    batch, losses = tiny_batch(6), []
    for name in ("free_bits+beta+word_dropout", "word_dropout+free_bits+beta", "beta+word_dropout+free_bits"):
        method = make_method(name)
        assert method.name == "beta+free_bits+word_dropout"
        model = tiny_model(name)
        torch.manual_seed(0)
        losses.append(method.objective(raw_terms(model, batch), clock()).loss)
    assert torch.equal(losses[0], losses[1])
    assert torch.equal(losses[0], losses[2])


def test_hooks_are_chained_in_the_order_of_the_slots():
    # KL before added terms: the term sees the doubled KL. kl (1, 1): nll 0 + 2 * 2 + extra (4) = 8, not 4 + 2 = 6
    for remedies in ([Doubled(), AddsKL()], [AddsKL(), Doubled()]):
        method = compose(remedies)
        assert [r.name for r in method.remedies] == ["doubled", "adds_kl"]
        assert method.objective(make_terms(kl=[[1.0, 1.0]]), clock()).loss.item() == 8


def test_added_terms_may_be_several():
    # nll 0 + kl 2 + extra (2 + 1) = 5
    method = compose([AddsOne(), AddsKL()])
    assert method.objective(make_terms(kl=[[1.0, 1.0]]), clock()).loss.item() == 5
    assert method.name == "adds_kl+adds_one"


@pytest.mark.parametrize("alone", [Alone(), AloneFirst()])
@pytest.mark.parametrize("other", [AddsKL(), AddsOne()])
def test_added_terms_may_be_closed_to_others(alone, other):
    message = f"'{other.name}' and '{alone.name}' can't be composed: both own the slot 'term'"
    for remedies in ([alone, other], [other, alone]):
        with pytest.raises(UsageError, match=message):
            compose(remedies)


def test_costs_multiply_and_versions_are_kept():
    method = compose([Doubled(), AddsKL()])
    assert method.cost == 3.0
    assert method.versions == {"doubled": 1, "adds_kl": 1}


def test_phases_come_from_their_owner():
    assert [p.name for p in compose([Staged(), Doubled()]).phases()] == ["first", "second"]
    assert compose([Doubled()]).phases() == (Phase("train", 1.0),)


def test_step_is_wrapped():
    step = compose([Staged(), Doubled()]).wrap_step(lambda batch: make_terms(), None)
    assert step(None).extra.tolist() == [7.0, 7.0]


def test_inference_is_installed_only_where_a_remedy_refines():
    shape, batch = tiny_model().shape, tiny_batch(3)
    plain, refined = compose([Doubled()]).build(shape, 0), compose([Staged()]).build(shape, 0)
    assert plain.refine is None
    torch.testing.assert_close(refined.posterior(batch).mean, plain.posterior(batch).mean + 1)


def test_undefined_columns_add_up():
    method = make_method("ae+word_dropout")
    assert method.undefined == dict(remedy_class("ae").undefined)

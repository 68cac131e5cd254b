from dataclasses import replace
from itertools import combinations
from typing import ClassVar

import pytest
import torch
from support import clock, make_terms, tiny_batch, tiny_model, tiny_shape
from torch import nn

from vaecli.core.errors import UsageError
from vaecli.model.posterior import DiagonalGaussian
from vaecli.objective import raw_terms
from vaecli.remedies import REMEDIES, make_method, remedy_class
from vaecli.remedies.core.compose import Method, compose
from vaecli.remedies.core.parts import refusal, shared_parts, unmet_needs
from vaecli.remedies.core.remedy import Need, Paper, Part, Phase, Remedy, put_aux

NOWHERE = Paper("Nobody", 2000, "Nothing")


class Toy(Remedy):
    """A remedy whose hooks leave a trace."""

    title: ClassVar[str] = "toy"
    paper: ClassVar[Paper] = NOWHERE
    equation: ClassVar[str] = ""


class Doubled(Toy):
    name: ClassVar[str] = "doubled"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL})
    cost: ClassVar[float] = 2.0

    def objective(self, terms, clock):
        return replace(terms, kl=2 * terms.kl)


class AddsKL(Toy):
    name: ClassVar[str] = "adds_kl"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.TERM})
    cost: ClassVar[float] = 1.5

    def objective(self, terms, clock):
        return terms.add(terms.kl.sum(-1))


class AddsOne(AddsKL):
    name: ClassVar[str] = "adds_one"

    def objective(self, terms, clock):
        return terms.add(torch.ones_like(terms.nll))


class Staged(Toy):
    name: ClassVar[str] = "staged"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.PHASES, Part.STEP, Part.INFERENCE})

    def phases(self):
        return (Phase("first", 0.25), Phase("second", 0.75))

    def wrap_step(self, step, session):
        return lambda batch: step(batch).add(torch.tensor(7.0))

    def infer(self, posterior, bound):
        return DiagonalGaussian(posterior.mean + 1, posterior.logvar)


class ReadsKL(Toy):
    name: ClassVar[str] = "reads_kl"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.TERM})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.PLAIN_KL})


class TakesLatent(Toy):
    name: ClassVar[str] = "takes_latent"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.DECODER})
    takes: ClassVar[frozenset[Need]] = frozenset({Need.LATENT})


class Weighs(Toy):
    name: ClassVar[str] = "weighs"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL_WEIGHT})


class AddsToDoubled(Doubled):
    """It comes after what it adds to, whatever their names."""

    name: ClassVar[str] = "added_to"
    adds_to: ClassVar[frozenset[Part]] = frozenset({Part.KL})

    def objective(self, terms, clock):
        return replace(terms, kl=1 + terms.kl)


class Unowned(Doubled):
    """It forgets to own its stages."""

    name: ClassVar[str] = "unowned"

    def phases(self):
        return (Phase("first", 0.5), Phase("second", 0.5))


class Overfull(Staged):
    """Each of its stages takes all epochs."""

    name: ClassVar[str] = "overfull"

    def phases(self):
        return (Phase("first"), Phase("second"))


class Listed(Staged):
    """Its stages are a list."""

    name: ClassVar[str] = "listed"

    def phases(self):
        return [Phase()]


class Keeping(AddsKL):
    """It keeps a module by another name than its own."""

    name: ClassVar[str] = "keeping"

    def build(self, parts):
        return replace(parts, aux=put_aux(parts, "state", nn.Linear(1, 1)))


class KeepingToo(Keeping):
    """By the same."""

    name: ClassVar[str] = "keeping_too"


class Losing(AddsKL):
    """It keeps its own alone."""

    name: ClassVar[str] = "losing"

    def build(self, parts):
        return replace(parts, aux={self.name: nn.Linear(1, 1)})


class NoModule(AddsKL):
    """It keeps a number."""

    name: ClassVar[str] = "no_module"

    def build(self, parts):
        return replace(parts, aux=put_aux(parts, self.name, 0.5))


PAIRS = list(combinations(sorted(REMEDIES), 2))
CLASHES = [(a, b) for a, b in PAIRS if refusal(remedy_class(a), remedy_class(b))]


@pytest.mark.parametrize(("first", "second"), CLASHES)
def test_a_refusal_names_both_and_what_they_both_change_or_which_need_is_not_met(first, second):
    one, other = remedy_class(first), remedy_class(second)
    messages = set()
    for method in (f"{first}+{second}", f"{second}+{first}"):
        with pytest.raises(UsageError) as caught:
            make_method(method)
        messages.add(str(caught.value))
    (message,) = messages
    assert f"'{first}' and '{second}' can't be composed" in message
    parts = shared_parts(one, other)
    unmet = [f"'{first}' needs {need.value}, which '{second}'" for need in unmet_needs(one, other)]
    unmet += [f"'{second}' needs {need.value}, which '{first}'" for need in unmet_needs(other, one)]
    assert any(f"both change '{part.value}'" in message for part in parts) or any(text in message for text in unmet)


def test_a_known_clash_is_among_them():
    assert ("cyclical", "linear_anneal") in CLASHES
    with pytest.raises(UsageError, match="'beta' and 'cyclical' can't be composed: both change 'kl_weight'"):
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


def test_hooks_are_chained_in_the_order_of_the_parts():
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


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (ReadsKL(), Doubled(), "'reads_kl' needs the KL itself in the objective, which 'doubled' takes away"),
        (Weighs(), TakesLatent(), "'weighs' needs a latent variable, which 'takes_latent' takes away"),
    ],
)
def test_a_need_that_another_takes_away_is_refused(one, other, message):
    for remedies in ([one, other], [other, one]):
        with pytest.raises(UsageError, match=message):
            compose(remedies)


def test_who_only_adds_to_a_part_composes_with_its_owner_and_comes_after():
    # kl 1 doubled, then 1 more: 3; the other order would give 4
    for remedies in ([AddsToDoubled(), Doubled()], [Doubled(), AddsToDoubled()]):
        assert compose(remedies).objective(make_terms(kl=[[1.0]]), clock()).loss.item() == 3
    assert compose([AddsToDoubled(), ReadsKL()]).name == "added_to+reads_kl"


def test_costs_multiply_and_versions_are_kept():
    method = compose([Doubled(), AddsKL()])
    assert method.cost == 3.0
    assert method.versions == {"doubled": 1, "adds_kl": 1}


def test_phases_come_from_their_owner():
    assert [p.name for p in compose([Staged(), Doubled()]).phases()] == ["first", "second"]
    assert compose([Doubled()]).phases() == (Phase("train", 1.0),)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (Unowned, "'unowned': `phases` gives stages, which `owns` has to have: add Part.PHASES"),
        (Overfull, "'overfull': the shares of its stages are 1, 1; each is above 0, and they sum to 1"),
        (Listed, "'listed': `phases` gives list and has to return a tuple of Phase, one or more"),
    ],
)
def test_stages_that_can_not_be_trained_are_refused(kind, why):
    with pytest.raises(UsageError, match=f"^{why}$"):
        compose([kind()]).phases()


@pytest.mark.parametrize(
    ("remedies", "why"),
    [
        (
            [Keeping(), KeepingToo()],
            "'keeping_too': `build` takes away 'state' of another remedy from `aux`: add by put",
        ),
        ([Losing(), Keeping()], ""),
        ([Keeping(), Losing()], "'losing': `build` takes away 'state' of another remedy from `aux`: add by put"),
        ([NoModule()], "'no_module': `build` keeps float as 'no_module' in `aux`, where a torch.nn.Module has to be"),
    ],
)
def test_the_modules_of_each_remedy_stay_beside_the_others(remedies, why):
    method = Method("any", tuple(remedies))  # in this order
    if not why:
        assert set(method.build(tiny_shape(), 0).aux) == {"losing", "state"}
        return
    with pytest.raises(UsageError, match=f"^{why}"):
        method.build(tiny_shape(), 0)


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

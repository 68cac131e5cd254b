"""No context of autocast is open around an update: it would keep the weights as they were."""

from typing import ClassVar

import pytest
import torch
from support import split_of, tiny_shape

from vaecli.config import build_config
from vaecli.core.errors import UsageError
from vaecli.corpus.types import Corpus, collate
from vaecli.kernels.arithmetic import arithmetic, autocast_is_open, has_bf16
from vaecli.remedies.core.compose import compose
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.vanilla import Vanilla
from vaecli.testing import ContractError
from vaecli.testing.contract import check_repeats
from vaecli.training.session import TrainingSession

CPU = torch.device("cpu")
AROUND = [("cpu", True), ("cpu", False), ("cuda", False)]
"""Device and whether enabled."""


class Words:
    words = tuple(map(str, range(12)))

    def __len__(self):
        return 12


class Opened(Remedy):
    """A remedy of another package that opens a context in one of its hooks."""

    name: ClassVar[str] = "opened"
    title: ClassVar[str] = "opened"
    paper: ClassVar[Paper] = Paper("Nobody", 2026, "Nothing")
    equation: ClassVar[str] = "none"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.STEP})

    def wrap_step(self, step, session):
        def update(batch):
            with torch.autocast("cpu", torch.bfloat16):
                for _ in range(2):
                    terms = step(batch)
            return terms

        return update


class LeftOpen(Opened):
    """One that doesn't close it."""

    name: ClassVar[str] = "left_open"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.TERM})

    def wrap_step(self, step, session):
        return step

    def objective(self, terms, clock):
        torch.autocast("cpu", torch.bfloat16, enabled=False).__enter__()
        return terms


@pytest.fixture(autouse=True)
def _closed():
    yield
    while autocast_is_open():
        torch.autocast_decrement_nesting()
    torch.clear_autocast_cache()


def session(*remedies):
    split = split_of(*([1 + i % 3 + 4, 5, 3] for i in range(8)))
    config = build_config({"training": {"epochs": 1, "batch_size": 4}})
    method = compose(list(remedies) or [Vanilla()])
    torch.manual_seed(0)
    return TrainingSession(
        method.build(tiny_shape(), 0), method, Corpus("tiny", Words(), split, split, split, "none"), config, CPU
    )


def batch_of(made):
    return collate(made.corpus.train, torch.arange(4))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_none_of_ours_outlives_a_forward_pass(precision):
    if precision == "bf16" and not has_bf16(CPU):
        pytest.skip("this CPU has no bf16 arithmetic")
    made = session()
    made.precision = precision
    with arithmetic(precision, CPU):
        assert autocast_is_open()
    loss = made.loss(batch_of(made)).loss
    assert not autocast_is_open()
    before = [p.detach().clone() for p in made.model.parameters()]
    made.update(loss)
    assert not all(map(torch.equal, before, made.model.parameters()))


@pytest.mark.parametrize(("device", "enabled"), AROUND)
def test_one_around_an_update_is_told_before_a_weight_moves(device, enabled):
    made = session()
    before = [p.detach().clone() for p in made.model.parameters()]
    with (
        torch.autocast(device, torch.bfloat16, enabled=enabled),
        pytest.raises(UsageError, match=r"^a torch\.autocast context is open around an update"),
    ):
        made.step(batch_of(made))
    assert all(map(torch.equal, before, made.model.parameters()))


def test_a_remedy_of_another_package_that_opens_one_is_told():
    made = session(Opened())
    with pytest.raises(UsageError, match=r"a remedy: within one hook"):
        made.step(batch_of(made))


def test_the_contract_names_the_hook_s_owner():
    with pytest.raises(ContractError, match=r"^left_open: a torch\.autocast context that it opened outlives"):
        check_repeats(LeftOpen)


@pytest.mark.parametrize(("device", "enabled"), AROUND)
def test_what_torch_does_with_weights_inside_one(device, enabled):
    """Where this fails torch has mended it, and the guard may go."""
    layer, x = torch.nn.Linear(4, 4), torch.ones(1, 4)

    def passed():
        with torch.autocast("cpu", torch.bfloat16):
            return layer(x).detach()

    with torch.autocast(device, torch.bfloat16, enabled=enabled):
        with torch.autocast("cpu", torch.bfloat16):
            layer(x)
        with torch.no_grad():
            layer.weight += 1
        inside = passed()
    assert not torch.equal(inside, passed())

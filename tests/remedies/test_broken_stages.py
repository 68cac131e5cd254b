"""Remedies with stages and optimisers of their own that break the contract, or use what a checkpoint holds."""

from dataclasses import replace
from typing import ClassVar

import pytest
import torch

from vaecli.remedies.beta import Beta
from vaecli.remedies.core.remedy import Part, Phase, put_aux
from vaecli.testing import CHECKS, ContractError, check_remedy
from vaecli.testing.contract import check_composition


class Mine(Beta):
    """A remedy of an author of another package."""

    name: ClassVar[str] = "mine"


class Staged(Mine):
    """Its second stage is begun by what no checkpoint has."""

    name: ClassVar[str] = "staged"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL_WEIGHT, Part.PHASES})

    def phases(self):
        return (Phase("first", 0.5), Phase("second", 0.5, start=self.begin))

    def build(self, parts):
        module = torch.nn.Module()
        module.half = False
        return replace(parts, aux=put_aux(parts, self.name, module))

    def begin(self, model, seed):
        model.aux[self.name].half = True

    def objective(self, terms, clock):
        half = terms.context.aux[self.name].half
        return replace(super().objective(terms, clock), kl_weight=0.5 if half else 0.2)


class InStages(Mine):
    """Its stages are what a subclass says."""

    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL_WEIGHT, Part.PHASES})
    stages: ClassVar = (Phase("first"), Phase("second"))

    def phases(self):
        return self.stages


class OneStage(InStages):
    """It has forgotten a comma."""

    stages: ClassVar = Phase("only", 0.5)


class StageOfColumns(InStages):
    """The objective of its second stage gives a column."""

    stages: ClassVar = (
        Phase("first", 0.5),
        Phase("second", 0.5, objective=lambda terms: replace(terms, nll=terms.nll.unsqueeze(1))),
    )


class UnreturnedStage(InStages):
    """That of its first gives nothing."""

    stages: ClassVar = (Phase("first", 0.5, objective=lambda terms: None), Phase("second", 0.5))


class Freezing(Mine):
    """Its second stage holds the encoder still, as torch's users do."""

    name: ClassVar[str] = "freezing"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL_WEIGHT, Part.PHASES})

    def phases(self):
        return (Phase("first", 0.5), Phase("second", 0.5, start=self.begin))

    def begin(self, model, seed):
        model.encoder.requires_grad_(False)


class WithCritic(Mine):
    """It has a module with an optimiser of its own, of a kind that subclasses choose, and registered when they say."""

    name: ClassVar[str] = "with_critic"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL_WEIGHT, Part.STEP})
    adds_to: ClassVar[frozenset[Part]] = frozenset({Part.STEP})
    optimizers: ClassVar = (torch.optim.Adam,)
    late: ClassVar[bool] = False

    def build(self, parts):
        module = torch.nn.Linear(parts.shape.model.latent_size, 1)
        module.own_optimizer = True
        return replace(parts, aux=put_aux(parts, self.name, module))

    def wrap_step(self, step, session):
        critic, made = session.model.aux[self.name], []

        def register():
            for make in self.optimizers:
                made.append(make(critic.parameters(), lr=0.1))
                session.own_optimizer(self.name, made[-1])

        if not self.late:
            register()

        def both(batch):
            terms = step(batch)
            if not made:
                register()

            def loss():
                critic.zero_grad()
                value = critic(terms.z.detach()).square().mean()
                value.backward()
                return value

            for optimizer in made:
                optimizer.step(loss)
            return terms

        return both


class Counting(torch.optim.SGD):
    """As SparseAdam and others do, it keeps a number beside its tensors, by which its rate falls."""

    def step(self, closure=None):
        loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state["step"] = state.get("step", 0) + 1
                p.data.add_(p.grad, alpha=-group["lr"] / state["step"])
        return loss


class Counted(WithCritic):
    """Of that kind."""

    optimizers: ClassVar = (Counting,)


class Listed(WithCritic):
    """Of a kind whose state is lists of tensors."""

    optimizers: ClassVar = (torch.optim.LBFGS,)


class Late(WithCritic):
    """It registers it after the first update."""

    late: ClassVar[bool] = True


class Twice(WithCritic):
    """Two of one name."""

    optimizers: ClassVar = (torch.optim.Adam, torch.optim.Adam)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (InStages, "mine: the shares of its stages are 1, 1; each is above 0, and they sum to 1"),
        (OneStage, "mine: `phases` gives Phase and has to return a tuple of Phase, one or more"),
        (StageOfColumns, r"mine: `Phase.objective` gives `nll` of shape \(4, 1\), where \(B,\) has to be, B being 4"),
        (UnreturnedStage, "mine: `Phase.objective` gives NoneType and has to return Terms"),
        (
            Staged,
            "staged: a training that is resumed in stage 'second' goes on otherwise, as .*; keep state in buffers",
        ),
        (
            Late,
            "with_critic: check_resumption ended with ValueError: it holds an optimiser 'with_critic', which the me",
        ),
        (Twice, "with_critic: check_ownership ended with two optimisers are registered as 'with_critic'; call each by"),
        (
            Listed,
            r"with_critic: .*optimiser 'own.with_critic' \(LBFGS\) can't be saved: .*Tensor; a",
        ),
    ],
)
def test_what_breaks_the_contract_is_told(kind, why):
    with pytest.raises(ContractError, match=why):
        check_remedy(kind)


@pytest.mark.parametrize("kind", [Freezing, WithCritic, Counted])
def test_what_a_checkpoint_holds_may_be_used(kind):
    for check in CHECKS:
        if check is not check_composition:
            check(kind)

"""Remedies that break the contract, each in one way: every check can fail, and says which remedy and what."""

import subprocess
import sys
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from pydantic import Field

from vaecli.kernels.arithmetic import open_contexts
from vaecli.model.mixture import MixtureOfGaussians
from vaecli.model.posterior import PosteriorHead
from vaecli.remedies.beta import Beta
from vaecli.remedies.bn import BN
from vaecli.remedies.core.remedy import Paper, Part, Recipe, put_aux
from vaecli.remedies.core.sensible import Span
from vaecli.remedies.free_bits import FreeBits
from vaecli.remedies.mog import MoG
from vaecli.testing import CHECKS, ContractError, check_registration, check_remedy
from vaecli.testing.contract import check_composition


class Mine(Beta):
    """A remedy of an author of another package."""

    name: ClassVar[str] = "mine"


class Undescribed(Mine):
    """It says nothing of its hyper-parameter."""

    size: float = Field(1.0, gt=0)


class Unbounded(Mine):
    """Its hyper-parameter may be anything."""

    size: float = Field(1.0, description="of it")


class Boasting(Mine):
    """It owns more than it changes."""

    owns: ClassVar[frozenset[Part]] = Beta.owns | {Part.TERM}


class Mutating(Mine):
    """It changes what it is given."""

    def build(self, parts):
        with torch.no_grad():
            parts.decoder.output.weight.add_(1)
        return parts


class Random(Mine):
    """It draws from nowhere."""

    calls: ClassVar[list] = []

    def objective(self, terms, clock):
        self.calls.append(1)
        return replace(super().objective(terms, clock), kl_weight=1 / len(self.calls))


class Unreached(Mine):
    """It has a module that nothing uses."""

    def build(self, parts):
        return replace(parts, aux=put_aux(parts, self.name, torch.nn.Linear(2, 2)))


class Forgetful(BN):
    """The scale that it learns is in no checkpoint."""

    name: ClassVar[str] = "forgetful"

    def build(self, parts):
        built = super().build(parts)
        for module in built.head.modules():
            module._non_persistent_buffers_set.update(module._buffers)
        return built


class OfPython(Mine):
    """The weight that it moves is a Python number, which no checkpoint has."""

    name: ClassVar[str] = "of_python"

    def build(self, parts):
        module = torch.nn.Module()
        module.weight = 0.5
        return replace(parts, aux=put_aux(parts, self.name, module))

    def objective(self, terms, clock):
        state = terms.context.aux[self.name]
        if terms.context.training:
            state.weight *= 0.9
        return replace(terms, kl_weight=state.weight)


class Taxed(Mine):
    """It changes the KL, into what a subclass says."""

    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL})

    def objective(self, terms, clock):
        return replace(terms, kl=self.taxed(terms.kl))

    def taxed(self, kl):
        return 2 * kl


class Summed(Taxed):
    """A KL per sentence, which the loss would take for a dimension of one."""

    def taxed(self, kl):
        return kl.sum(-1)


class Number(Taxed):
    """A Python number."""

    def taxed(self, kl):
        return kl.sum().item()


class BySentence(Mine):
    """A weight for each sentence."""

    def objective(self, terms, clock):
        return replace(terms, kl_weight=torch.ones(len(terms.kl)))


class Crossed(Mine):
    """A column added to a row."""

    def objective(self, terms, clock):
        return replace(terms, extra=terms.extra + terms.kl.sum(-1, keepdim=True))


class Unreturned(Taxed):
    """It has forgotten to return."""

    def objective(self, terms, clock):
        replace(terms, kl=2 * terms.kl)


class Unbuilt(Mine):
    """So has its other hook."""

    def build(self, parts):
        replace(parts)


class Unstepped(Mine):
    """And this one's."""

    owns: ClassVar[frozenset[Part]] = frozenset({Part.STEP})

    def wrap_step(self, step, session):
        pass


class MeanHead(PosteriorHead):
    """A tensor where a posterior has to be."""

    def __init__(self, wrapped):
        super().__init__()
        self.wrapped = wrapped

    def forward(self, encoding):
        return self.wrapped(encoding).mean


class Headed(Mine):
    """It wraps the head in that."""

    owns: ClassVar[frozenset[Part]] = frozenset({Part.POSTERIOR})

    def build(self, parts):
        return replace(parts, head=MeanHead(parts.head))


class Remembering(MixtureOfGaussians):
    """It keeps what it computed last, which can't be copied once it has a graph."""

    def log_prob(self, z):
        self.last = super().log_prob(z)
        return self.last


class WithMemory(MoG):
    """Its prior is that one."""

    name: ClassVar[str] = "with_memory"

    def build(self, parts):
        return replace(parts, prior=Remembering(parts.shape.model.latent_size, self.components))


class Failing(Mine):
    """Its hook fails."""

    def objective(self, terms, clock):
        raise KeyError("of the author's")


class LeftOpen(Mine):
    """It leaves a context open."""

    def objective(self, terms, clock):
        torch.autocast("cpu", torch.bfloat16).__enter__()
        return super().objective(terms, clock)


class Required(Mine):
    """It has no defaults."""

    size: float = Field(gt=0, description="of it")


class Tempting(Mine):
    """A value that is said to be sensible is out of range."""

    sensible: ClassVar = {"beta": Span(-1.0, 0.5)}


class Half(OfPython):
    """Its name is one of a module's own."""

    name: ClassVar[str] = "half"

    def build(self, parts):
        module = torch.nn.Module()
        module.register_buffer("weight", torch.tensor(0.5))
        return replace(parts, aux=put_aux(parts, self.name, module))

    def objective(self, terms, clock):
        return replace(terms, kl_weight=terms.context.aux[self.name].weight.clone())


class Undefined(Mine):
    """A figure that it has is said to be undefined."""

    undefined: ClassVar[dict[str, str]] = {"kl": "for no reason"}


class Sentence(Mine):
    """It deviates in a sentence."""

    deviations: ClassVar[tuple[str, ...]] = ("The weight is another one than in the paper.",)


class Uncited(Mine):
    """It is of no paper."""

    paper: ClassVar[Paper] = Paper("", 2026, "Title")


class OfNoColumn(Mine):
    """A figure that there is none of is."""

    undefined: ClassVar[dict[str, str]] = {"marginal": "for no reason"}


class Holding(Mine):
    """It holds several values at once."""

    sizes: tuple[int, ...] = Field((1, 2), description="of it")


class Busy(Mine):
    """It says that nothing is idle by saying nothing."""

    def idle(self, epochs):
        pass


class Foreign(Mine):
    """It says so of another remedy's hyper-parameter."""

    def idle(self, epochs):
        return {"gamma": "the mean is fixed"}


class Unstepping(Mine):
    """Its step forgets the terms."""

    owns: ClassVar[frozenset[Part]] = Beta.owns | {Part.STEP}

    def wrap_step(self, step, session):
        def stepping(batch):
            step(batch)

        return stepping


class Accompanied(Mine):
    """Its paper uses another one with it, which nobody has written."""

    recipe: ClassVar[Recipe | None] = Recipe("nowhere", companions=("no_such",))


class Negative(Mine):
    """Its paper has a value that is out of its range."""

    recipe: ClassVar[Recipe | None] = Recipe("nowhere", hyper={"mine": {"beta": -1.0}})


class Infinite(FreeBits):
    """Its loss is infinite."""

    name: ClassVar[str] = "infinite"

    def objective(self, terms, clock):
        return terms.add(terms.nll * torch.inf)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (Uncited, "mine: `paper` needs authors and a title"),
        (Sentence, "mine: a deviation is a clause, no sentence: 'The weight"),
        (Undescribed, "mine: hyper-parameter 'size' needs a description"),
        (Unbounded, "mine: hyper-parameter 'size' has no range"),
        (Boasting, "mine: it changes kl_weight and owns kl_weight, term; "),
        (Mutating, "mine: `build` changes the parts that it is given"),
        (Random, "mine: it changes kl_weight, step and owns kl_weight; "),
        (Unreached, r"mine: aux\.mine\.weight is not reached by the loss"),
        (Forgetful, "forgetful: a restored checkpoint gives other figures"),
        (Undefined, "mine: undefined are nothing, and `undefined` gives reasons for kl"),
        (OfNoColumn, "mine: `undefined` has 'marginal', which is no column; did you mean 'marginal_kl'"),
        (Holding, "mine: hyper-parameter 'sizes' holds tuple; files and --set take several values for variants"),
        (Busy, "mine: `idle` gives NoneType and has to return Mapping"),
        (Foreign, "mine: `idle` has 'gamma': 'the mean is fixed'; it has a reason, a text, by hyper-parameter"),
        (Unstepping, r"mine: `wrap_step\(...\)\(batch\)` gives NoneType and has to return Terms"),
        (Accompanied, "mine: check_recipe ended with unknown method 'no_such'"),
        (Negative, "mine: `recipe` has mine.beta: input should be greater than or equal to 0, got -1.0"),
        (Infinite, "infinite: step 0: the training extra is inf"),
        (OfPython, "of_python: a training that is resumed goes on otherwise, as .*; keep state in buffers"),
        (Summed, r"mine: `objective` gives `kl` of shape \(8,\), where \(B, Z\) or \(B, 1\) has to be, B being 8 sent"),
        (Number, r"mine: `objective` gives `kl` as float, where a tensor \(B, Z\) or \(B, 1\) has to be"),
        (BySentence, r"mine: `objective` gives `kl_weight` of shape \(8,\), where one number has to be"),
        (Crossed, r"mine: `objective` gives `extra` of shape \(8, 8\), where \(B,\) has to be"),
        (Unreturned, "mine: `objective` gives NoneType and has to return Terms"),
        (Unbuilt, "mine: `build` gives NoneType and has to return Parts"),
        (Unstepped, "mine: `wrap_step` gives NoneType and has to return a step"),
        (Headed, r"mine: check_ownership ended with the head .*\.MeanHead gives Tensor and has to return a Posterior"),
        (WithMemory, "with_memory: check_figures ended with RuntimeError: Only Tensors created explicitly by the user"),
        (Failing, 'mine: check_ownership ended with KeyError: "of the author\'s"'),
        (LeftOpen, "mine: check_ownership ended with a torch.autocast context is open around an update"),
        (Required, "mine: hyper-parameter 'size' has no default"),
        (Tempting, "mine: `sensible` of 'beta' has -1.0, which its range doesn't"),
    ],
)
def test_a_remedy_that_breaks_the_contract_is_told_how(kind, why):
    with pytest.raises(ContractError, match=why):
        check_remedy(kind)


def test_a_check_leaves_no_context_open():
    with pytest.raises(ContractError, match="mine"):
        check_remedy(LeftOpen)
    assert open_contexts() == 0
    assert not torch.is_autocast_enabled("cpu")


def test_a_name_may_be_one_of_a_module_s_own():
    for check in CHECKS:
        if check is not check_composition:
            check(Half)


def test_a_remedy_of_another_package_passes_beside_all_others():
    check_remedy(Mine)
    check_remedy(Mine(beta=0.3))
    with pytest.raises(ContractError, match=r"mine: not registered; install its package"):
        check_registration(Mine)


def test_the_contract_needs_no_pytest():
    code = "import sys, vaecli.testing; assert 'pytest' not in sys.modules, 'pytest'; assert vaecli.testing.CHECKS"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

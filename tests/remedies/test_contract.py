"""What every registered remedy owes the rest of the program, alone and in every pair."""

import ast
import importlib
import math
import typing
from itertools import combinations
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save
from support import clock, tiny_batch, tiny_model, tiny_shape, tiny_split

import vaecli
from vaecli.config import EvaluationConfig
from vaecli.core.errors import UsageError
from vaecli.corpus.types import collate
from vaecli.metrics.measure import evaluate
from vaecli.model.calibration import calibrate
from vaecli.model.parameter_groups import own_parameters
from vaecli.objective import raw_terms
from vaecli.remedies import REMEDIES, make_method, method_names, remedy_class
from vaecli.remedies.core.parts import refusal
from vaecli.remedies.core.remedy import Paper, Remedy

NAMES = method_names()
PACKAGE = Path(vaecli.__file__).parent
STEPS = 2


def train(method, seed=0):
    """A tiny model after a few updates, with the losses; parameters keep the gradients of the last."""
    model, batch = method.build(tiny_shape(), seed), tiny_batch(8)
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    torch.manual_seed(seed)
    losses = []
    for step in range(STEPS):
        optimiser.zero_grad()
        loss = method.objective(raw_terms(model, batch), clock(step)).loss
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return model, losses


def outputs(model):
    """Everything that evaluation reads, from fixed noise."""
    model.eval()
    torch.manual_seed(0)
    with torch.no_grad():
        terms = raw_terms(model, tiny_batch(5, seed=3))
    return terms.nll, terms.kl, terms.z


@pytest.mark.parametrize("name", NAMES)
def test_it_says_where_it_comes_from(name):
    kind = remedy_class(name)
    assert issubclass(kind, Remedy)
    assert isinstance(kind.paper, Paper)
    assert kind.paper.authors
    assert kind.paper.title
    assert 1980 <= kind.paper.year <= 2100
    assert kind.title
    assert kind.equation
    assert kind.version >= 1
    assert kind.cost > 0
    assert kind.__doc__
    assert kind.__doc__ != Remedy.__doc__
    first = (importlib.import_module(kind.__module__).__doc__ or "").split("\n\n")[0]
    assert first.endswith(".")


SECTIONS = ("Equation", "Differs from the paper", "Caveat", "References")


def sections(text):
    """The sections of a module's docstring after its first sentence, by title, in their order.

    Raises:
        ValueError: A paragraph has no title of its own on a line.
    """
    found = {}
    for paragraph in text.split("\n\n")[1:]:
        title, _, body = paragraph.partition("\n")
        if not title.endswith(":") or not body or any(not line.startswith("    ") for line in body.split("\n")):
            raise ValueError(f"no section: {title}")
        found[title[:-1]] = " ".join(body.split())
    return found


@pytest.mark.parametrize("name", REMEDIES)
def test_a_docstring_has_its_sections_and_nothing_that_is_generated(name):
    kind, module = remedy_class(name), importlib.import_module(f"vaecli.remedies.{name}")
    found = sections(module.__doc__.rstrip())
    assert list(found) == [title for title in SECTIONS if title in found]
    assert {"Equation", "References"} <= set(found)
    assert kind.paper.authors.split(" ")[0].strip(",") in found["References"]
    assert f"({kind.paper.year})" in found["References"]
    assert not any(text[-1] not in ".`" for text in found.values())
    assert "composes with" not in module.__doc__.lower()


@pytest.mark.parametrize("text", ["One.\n\nTwo.", "One.\n\nEquation:\nx", "One.\n\nEquation: x"])
def test_a_paragraph_without_a_title_is_no_section(text):
    with pytest.raises(ValueError, match="no section"):
        sections(text)


@pytest.mark.parametrize("name", NAMES)
def test_one_spelling(name):
    kind = remedy_class(name)
    assert kind.name == name
    if name in REMEDIES:
        assert kind.__module__ == f"vaecli.remedies.{name}"


@pytest.mark.parametrize("name", NAMES)
def test_hyper_parameters_are_described_and_bounded(name):
    for key, field in remedy_class(name).model_fields.items():
        assert field.description, key
        assert "\n" not in field.description, key
        kinds = typing.get_args(field.annotation) or (field.annotation,)
        if int in kinds or float in kinds:
            bounds = {type(m).__name__ for m in field.metadata}
            assert bounds & {"Ge", "Gt", "Le", "Lt", "Interval"}, f"{key} has no range"


@pytest.mark.parametrize("name", NAMES)
def test_defaults_make_a_frozen_object_that_refuses_unknown_keys(name):
    remedy = remedy_class(name)()
    assert remedy_class(name)(**remedy.hyper()) == remedy
    for key in remedy.hyper():
        with pytest.raises(ValueError, match="frozen"):
            setattr(remedy, key, None)
    with pytest.raises(UsageError, match="no_such_key"):
        make_method(name, {name: {"no_such_key": 1}})


@pytest.mark.parametrize("name", NAMES)
def test_deviations_are_clauses(name):
    deviations = remedy_class(name).deviations
    assert isinstance(deviations, tuple)
    for text in deviations:
        assert text == " ".join(text.split())
        assert 20 < len(text) < 300
        assert not text.endswith(".")
        assert not text[0].isupper() or text[1] == " ", "no sentence; a symbol may begin it"


def test_methods_that_an_audit_found_to_differ_say_so():
    differ = {"cyclical", "control", "bn", "beta_tc", "dg", "wae_s", "bow", "vmf", "mim", "semi_amortized", "lagging"}
    assert [name for name in differ if not remedy_class(name).deviations] == []


@pytest.mark.parametrize("name", NAMES)
def test_undefined_columns_have_a_reason(name):
    assert all(column and reason for column, reason in remedy_class(name).undefined.items())


@pytest.mark.parametrize("name", NAMES)
def test_two_updates_repeat_exactly_and_another_seed_differs(name):
    method = make_method(name)
    (first, losses), (second, again) = train(method), train(method)
    assert losses == again
    assert all(torch.isfinite(torch.tensor(losses)))
    for (key, a), b in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b), key
    assert train(method, seed=1)[1] != losses


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_learns(name):
    model, _ = train(make_method(name))
    elsewhere = {p for module in model.aux.values() if own_parameters(module) for p in module.parameters()}
    for key, parameter in model.named_parameters():
        if parameter in elsewhere:  # a critic's loss is its own
            continue
        assert parameter.requires_grad, key
        assert parameter.grad is not None, f"{key} is not reached by the loss"
        assert torch.isfinite(parameter.grad).all(), key
        assert parameter.grad.abs().sum() > 0, f"{key} has no gradient"


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_restores_what_evaluation_sees(name):
    model, _ = train(make_method(name))
    calibrate(model, [collate(tiny_split(9), torch.arange(9))])
    data = save({k: v.contiguous() for k, v in model.state_dict().items()})
    other = tiny_model(name, seed=1)
    assert not torch.equal(outputs(other)[0], outputs(model)[0])
    other.load_state_dict(load(data))
    for mine, restored in zip(outputs(model), outputs(other), strict=True):
        assert torch.equal(mine, restored)


@pytest.mark.parametrize("name", NAMES)
def test_every_column_is_a_number_or_undefined_for_a_reason(name):
    model = tiny_model(name, init_range=0.5)
    config = EvaluationConfig(iw_samples=4, rec_samples=1, batch_size=16)
    values = evaluate(model, tiny_split(20), config, seed=0, device=torch.device("cpu"), full=True).values
    empty = {column.removesuffix("_se") for column, value in values.items() if value is None}
    assert empty - {"excess_nll"} == {column.removesuffix("_se") for column in remedy_class(name).undefined} & {
        column.removesuffix("_se") for column in values
    }
    assert all(math.isfinite(value) for value in values.values() if value is not None)


@pytest.mark.parametrize(("first", "second"), list(combinations(NAMES, 2)))
def test_a_pair_trains_or_is_refused_by_name(first, second):
    kinds = remedy_class(first), remedy_class(second)
    idle = [kind.name for kind in kinds if not kind.owns]
    why = refusal(*kinds)
    if idle or why:
        with pytest.raises(UsageError) as refused:
            make_method(f"{first}+{second}")
        assert f"{idle[0]!r} changes nothing" in str(refused.value) if idle else str(refused.value) == why
        return
    method = make_method(f"{second}+{first}")
    assert method.name == "+".join(sorted([first, second]))
    _, losses = train(method)
    assert len(losses) == STEPS
    assert all(torch.isfinite(torch.tensor(losses)))


def sources():
    return [PACKAGE / "objective.py", *sorted((PACKAGE / "training").glob("*.py"))]


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_the_loop_names_no_remedy(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    words = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    modules |= {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    assert not words & set(NAMES)
    assert not modules & {f"vaecli.remedies.{name}" for name in NAMES}

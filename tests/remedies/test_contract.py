"""What every registered remedy owes the rest of the program, alone and in every pair."""

import ast
import importlib
from itertools import combinations
from pathlib import Path

import pytest

import vaecli
from vaecli.core.errors import UsageError
from vaecli.remedies import REMEDIES, make_method, method_names, remedy_class
from vaecli.testing import CHECKS, check_pair, check_registration
from vaecli.testing.contract import check_composition

NAMES = method_names()
PACKAGE = Path(vaecli.__file__).parent
SHOWN_AT = {
    "mi_constraint": {"beta": 2.0},  # at 1 the KL is as it was
    "lagging": {"inner_updates": 3},
    "semi_amortized": {"steps": 2},
}
"""Hyper-parameters at which all that a remedy changes shows, and quickly, where the defaults aren't such."""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("check", [c for c in CHECKS if c is not check_composition], ids=lambda check: check.__name__)
def test_every_remedy_passes(check, name):
    kind = remedy_class(name)
    check(kind(**SHOWN_AT[name]) if check.__name__ == "check_ownership" and name in SHOWN_AT else kind)


def pairs():
    """All pairs of methods: every method meets every third one here, and the rest in the slow tests."""
    numbered = combinations(enumerate(NAMES), 2)
    return [pytest.param(a, b, marks=[pytest.mark.slow] if (i + j) % 3 else []) for (i, a), (j, b) in numbered]


@pytest.mark.parametrize(("first", "second"), pairs())
def test_a_pair_trains_or_is_refused_by_name(first, second):
    check_pair(remedy_class(first), remedy_class(second))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_registered_by_its_name(name):
    check_registration(remedy_class(name))
    if name in REMEDIES:
        assert remedy_class(name).__module__ == f"vaecli.remedies.{name}"
        assert (importlib.import_module(f"vaecli.remedies.{name}").__doc__ or "").split("\n\n")[0].endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_hyper_parameter_is_refused_by_its_name(name):
    with pytest.raises(UsageError, match="no_such_key"):
        make_method(name, {name: {"no_such_key": 1}})


SECTIONS = ("Equation", "Differs from the paper", "Caveat", "References")


def sections(text):
    """The sections of a module's docstring after its first sentence, by title, in their order.

    Raises:
        ValueError: A paragraph has no title of its own on a line.
    """
    texts = {}
    for paragraph in text.split("\n\n")[1:]:
        title, _, body = paragraph.partition("\n")
        if not title.endswith(":") or not body or any(not line.startswith("    ") for line in body.split("\n")):
            raise ValueError(f"no section: {title}")
        texts[title[:-1]] = " ".join(body.split())
    return texts


@pytest.mark.parametrize("name", REMEDIES)
def test_a_docstring_has_its_sections_and_nothing_that_is_generated(name):
    kind, module = remedy_class(name), importlib.import_module(f"vaecli.remedies.{name}")
    texts = sections(module.__doc__.rstrip())
    assert list(texts) == [title for title in SECTIONS if title in texts]
    assert {"Equation", "References"} <= set(texts)
    assert kind.paper.authors.split(" ")[0].strip(",") in texts["References"]
    assert f"({kind.paper.year})" in texts["References"]
    assert not any(text[-1] not in ".`" for text in texts.values())
    assert "composes with" not in module.__doc__.lower()


@pytest.mark.parametrize("text", ["One.\n\nTwo.", "One.\n\nEquation:\nx", "One.\n\nEquation: x"])
def test_a_paragraph_without_a_title_is_no_section(text):
    with pytest.raises(ValueError, match="no section"):
        sections(text)


def test_methods_that_an_audit_found_to_differ_say_so():
    differ = {"cyclical", "control", "bn", "beta_tc", "dg", "wae_s", "bow", "vmf", "mim", "semi_amortized", "lagging"}
    assert [name for name in differ if not remedy_class(name).deviations] == []


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

"""What a class declares wrongly is told in words, before a table or a method is made of it."""

from typing import ClassVar

import pytest
from pydantic import Field

from vaecli.remedies import REMEDIES, remedy_class
from vaecli.remedies.core.declared import declaration_problem
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.core.sensible import Span


class Whole(Remedy):
    """It declares all that it has to."""

    name: ClassVar[str] = "whole"
    title: ClassVar[str] = "whole"
    paper: ClassVar[Paper] = Paper("Nobody", 2026, "Nothing")
    equation: ClassVar[str] = "none"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL_WEIGHT})
    sensible: ClassVar = {"weight": Span(0.1, 0.5)}

    weight: float = Field(0.5, ge=0, description="of the KL")


class Unpublished(Remedy):
    """It has no paper."""

    name: ClassVar[str] = "unpublished"
    title: ClassVar[str] = "unpublished"
    equation: ClassVar[str] = "none"


class Required(Whole):
    """A hyper-parameter of it has no default."""

    rate: float = Field(gt=0, description="of it")


def declaring(**values):
    return type(
        "Declaring", (Whole,), {"__module__": __name__, "__annotations__": dict.fromkeys(values, ClassVar), **values}
    )


def test_a_hook_may_name_its_arguments_as_it_likes_and_have_more_with_defaults():
    assert declaration_problem(declaring(objective=lambda self, all_of_it, when, scale=2.0: all_of_it)) == ""
    assert declaration_problem(declaring(objective=lambda self, *both: both[0])) == ""
    assert declaration_problem(declaring(objective=staticmethod(lambda terms, clock: terms))) == ""
    assert declaration_problem(declaring(phases=classmethod(lambda kind: ()))) == ""


@pytest.mark.parametrize("name", REMEDIES)
def test_ours_declare_all_rightly(name):
    assert declaration_problem(remedy_class(name)) == ""


def test_one_that_declares_all_is_right():
    assert declaration_problem(Whole) == ""
    assert declaration_problem(declaring(owns={"kl_weight"})) == ""


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (Unpublished, "`paper` is missing; it is a vaecli.remedies.core.remedy.Paper"),
        (Required, "hyper-parameter 'rate' has no default"),
        (declaring(paper="Nobody 2026"), "`paper` is 'Nobody 2026'; it is a vaecli.remedies.core.remedy.Paper"),
        (declaring(title=""), "`title` is empty; it is a text"),
        (declaring(equation=None), "`equation` is missing; it is a text"),
        (declaring(owns="kl_weight"), "`owns` is 'kl_weight'; it is a frozenset of Part"),
        (declaring(owns={"kl_wieght"}), "`owns` has 'kl_wieght', which is no Part; did you mean 'kl_weight'?"),
        (declaring(needs=["an encoder"]), "`needs` is ['an encoder']; it is a frozenset of Need"),
        (declaring(version="1.0"), "`version` is '1.0'; it is a whole number"),
        (declaring(cost="twice"), "`cost` is 'twice'; it is a number"),
        (declaring(cost=0.0), "`cost` is 0.0; it is above 0"),
        (declaring(cost=float("nan")), "`cost` is nan; it is above 0"),
        (declaring(deviations="one"), "`deviations` is a tuple of texts"),
        (declaring(undefined={"kl": None}), "`undefined` has a reason, a text, by column"),
        (declaring(recipe={}), "`recipe` is {}; it is a Recipe or None"),
        (
            declaring(sensible={"wieght": Span(0.1, 0.5)}),
            "`sensible` has 'wieght', which is no hyper-parameter of it; did you mean 'weight'?",
        ),
        (
            declaring(sensible={"weight": (0.1, 0.5)}),
            "`sensible` of 'weight' is (0.1, 0.5); it is a Span or a tuple of texts",
        ),
        (
            declaring(objective=lambda self, terms: terms),
            "`objective` is called as objective(terms, clock): too many positional arguments",
        ),
        (
            declaring(wrap_step=lambda self, step, session, rate: step),
            "`wrap_step` is called as wrap_step(step, session): missing a required argument: 'rate'",
        ),
        (
            declaring(build=staticmethod(lambda: None)),
            "`build` is called as build(parts): too many positional arguments",
        ),
        (declaring(phases=("warm", "cold")), "`phases` is ('warm', 'cold'); it is a method"),
        (declaring(idle=lambda: {}), "`idle` is called as idle(epochs): no argument for self"),
    ],
)
def test_what_is_declared_wrongly_is_told(kind, why):
    assert declaration_problem(kind) == why


def test_a_hyper_parameter_has_no_name_of_what_every_remedy_declares():
    with pytest.warns(UserWarning, match="shadows an attribute"):

        class Costly(Whole):
            """It has a cost of its own."""

            cost: float = Field(0.1, gt=0, description="of the code")

    assert declaration_problem(Costly).startswith("hyper-parameter 'cost' has a name that means something else")

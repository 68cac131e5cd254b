"""What is said of remedies agrees with what they are and do."""

from __future__ import annotations

import json
from itertools import combinations
from typing import ClassVar, Literal

import pytest
from pydantic import Field

from vaecli.catalogue.methods_table import (
    BEGIN,
    END,
    clashes,
    describe,
    load_remedies,
    methods_markdown_table,
    partners,
    partners_text,
    parts_text,
    range_text,
    summary,
    update_between_markers,
)
from vaecli.cli.methods import _clashes_text
from vaecli.core.errors import UsageError
from vaecli.remedies import REMEDIES
from vaecli.remedies.core.compose import compose
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy


@pytest.fixture(scope="module")
def remedies():
    return load_remedies()


def toy(name, *owns, **members):
    paper = Paper("A & B", 2020, "A | title")
    body = {"__module__": __name__, "name": name, "title": f"the {name}", "paper": paper, "equation": "K = 0"}
    annotations = dict.fromkeys(("name", "title", "paper", "equation", "owns", "adds_to", "needs", "takes"), ClassVar)
    return type(name, (Remedy,), {"__annotations__": annotations, "owns": frozenset(owns), **body, **members})


class Sized(Remedy):
    """A remedy with every kind of hyper-parameter.

    More about it.
    """

    name: ClassVar[str] = "sized"
    title: ClassVar[str] = "sizes"
    paper: ClassVar[Paper] = Paper("C", 2021, "Sizes", "2101.00001", "equation 3")
    equation: ClassVar[str] = "K = max(K, 1)"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.TERM, Part.KL})
    cost: ClassVar[float] = 1.5

    closed: float = Field(0.5, ge=0, le=1, description="a closed range")
    opened: float = Field(0.5, gt=0, lt=1, description="an open range")
    count: int = Field(3, ge=1, description="from one")
    small: float = Field(-1.0, lt=0)
    free: float | None = Field(None)
    kind: Literal["a", "b"] = Field("b", description="one of two")


def test_hyper_parameters_and_their_ranges():
    items = {item["name"]: item for item in describe("sized", {"sized": Sized})["hyper_parameters"]}
    assert {name: range_text(item["range"]) for name, item in items.items()} == {
        "closed": "0 <= x <= 1",
        "opened": "0 < x < 1",
        "count": "x >= 1",
        "small": "x < 0",
        "free": "",
        "kind": "a or b",
    }
    assert items["opened"]["range"] == {
        "min": 0,
        "min_exclusive": True,
        "max": 1,
        "max_exclusive": True,
        "choices": None,
    }
    assert [(items[n]["type"], items[n]["default"]) for n in ("count", "free", "kind")] == [
        ("int", 3),
        ("float | None", None),
        ("choice", "b"),
    ]


def test_description_of_a_remedy():
    values = describe("sized", {"sized": Sized})
    assert values["owns"] == ["kl", "term"]  # in the order in which hooks are chained
    assert (values["paper"], values["year"], values["cost"]) == (
        "C (2021), Sizes, arXiv:2101.00001, equation 3",
        2021,
        1.5,
    )
    assert json.loads(json.dumps(values)) == values


def test_terms_may_be_added_by_many_while_other_parts_clash():
    kinds = {"one": toy("one", Part.KL, Part.TERM), "two": toy("two", Part.TERM), "three": toy("three", Part.KL)}
    kinds["nothing"] = toy("nothing")
    four = toy("four", Part.STEP, takes=frozenset({Need.MOVABLE_KL}))
    unmet = {name: [f"{name} needs a KL that training can move"] for name in ("one", "three")}
    assert clashes("four", {**kinds, "four": four}) == unmet
    assert clashes("one", {"one": kinds["one"], "four": four}) == {"four": unmet["one"]}
    assert partners("one", kinds) == ["two"]
    assert clashes("one", kinds) == {"three": ["kl"]}
    assert (partners("nothing", kinds), clashes("nothing", kinds)) == ([], {})
    assert [partners_text(name, kinds) for name in kinds] == ["two", "all", "two", "none"]


def test_parts_in_words():
    assert parts_text(toy("x")) == "nothing"
    assert parts_text(toy("x", Part.TERM, Part.KL)) == "kl, term"


def test_partners_are_those_that_compose_accepts(remedies):
    made = {name: kind() for name, kind in remedies.items()}
    named = {name: partners(name, remedies) for name in remedies}
    for a, b in combinations(remedies, 2):
        try:
            compose([made[a], made[b]])
            composes = True
        except UsageError:
            composes = False
        assert (b in named[a], a in named[b]) == (composes, composes), (a, b)


def test_what_defaults_keep_apart_is_told_as_such(remedies):
    clash = clashes("mog", remedies)["info_js"]
    assert clash == [
        "by default p(z) isn't in the loss of 'info_js' at these hyper-parameters, "
        "and that of 'mog' would stay as it began"
    ]
    told = _clashes_text("mog", {"info_js": clash, "vamp": ["prior"]})
    assert told == f"{clash[0]}: info_js; both change prior: vamp"


def test_every_remedy_can_be_described(remedies):
    for name, kind in remedies.items():
        values = json.loads(json.dumps(describe(name, remedies), allow_nan=False))
        assert values["name"] == name
        assert all(item["description"] for item in values["hyper_parameters"]), name
        assert summary(kind).endswith(".")
        assert "\n" not in summary(kind)


def test_the_markdown_table_has_a_row_for_every_remedy_in_the_order_of_the_registry():
    lines = methods_markdown_table().splitlines()
    assert [line.split("`")[1] for line in lines[2:]] == list(REMEDIES)
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_the_markdown_table_links_papers_and_escapes():
    rows = methods_markdown_table({"sized": Sized, "x|y": toy("x|y")}).splitlines()[2:]
    assert "[C 2021](https://arxiv.org/abs/2101.00001)" in rows[0]
    assert "A & B 2020" in rows[1]
    assert "the x\\|y" in rows[1]
    assert len(methods_markdown_table({"sized": Sized, "z": toy("z")}, only=["z"]).splitlines()) == 3


def test_update_between_markers_changes_only_what_is_between():
    text = f"# Title\n\n{BEGIN}\nold\n{END}\n\nafter\n"
    new = update_between_markers(text, "| a |")
    assert new == f"# Title\n\n{BEGIN}\n| a |\n{END}\n\nafter\n"
    assert update_between_markers(new, "| a |") == new


@pytest.mark.parametrize("text", ["none", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_update_between_markers_needs_both(text):
    with pytest.raises(UsageError, match="needs one"):
        update_between_markers(text, "x")

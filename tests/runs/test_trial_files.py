"""The types of run.json and metrics.json: what is refused, in which words, and what is let be."""

import json

import pytest

from tests.runs.grids import finish, prepared
from vaecli.core.errors import UsageError

SPOILED = [
    ("run.json", {"corpus": {"vocabulary": "many"}}, "corpus.vocabulary: input should be a valid integer, got 'many'"),
    ("run.json", {"seed": True}, "seed: input should be a valid integer, got true"),
    ("run.json", {"notes": 5}, "notes: input should be a valid list, got 5"),
    ("run.json", {"format": "x"}, "format must be an integer, got 'x'"),
    ("metrics.json", {"values": {"rec": "low"}}, "values: rec must be a number or null, got 'low'"),
    ("metrics.json", {"values": {"rec": True}}, "values: rec must be a number or null, got true"),
    ("metrics.json", {"values": {"au": 2.5}}, "values: au must be a whole number from 0 on, got 2.5"),
    ("metrics.json", {"values": {"rec": 10**30}}, "values: rec must be at most 9223372036854775807 in size"),
    ("metrics.json", {"splits": {"valid": {"values": []}}}, "splits.valid.values: input should be a valid dict"),
]


@pytest.mark.parametrize(("name", "change", "message"), SPOILED)
def test_a_value_of_another_type_is_named_with_its_key_and_the_way_out(tmp_path, name, change, message):
    folder = finish(prepared(tmp_path)[0], {"rec": 20.0})
    path = folder.path / name
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UsageError) as caught:
        folder.run() and folder.metrics()
    assert str(caught.value).startswith(f"{path}: {message}")
    assert str(caught.value).endswith("; mend the file, or start the run anew with --overwrite")


def test_what_a_newer_version_adds_is_let_be(tmp_path):
    folder = finish(prepared(tmp_path)[0], {"rec": 20.0, "novelty": 0.5}, invented={"a": [1]})
    assert folder.run()["invented"] == {"a": [1]}
    assert folder.metrics()["values"] == {"rec": 20.0, "novelty": 0.5}


def test_figures_that_are_something_else_are_not_taken_for_none(tmp_path):
    folder = finish(prepared(tmp_path)[0], {"rec": 20.0})
    (folder.path / "metrics.json").write_text("[]")
    with pytest.raises(UsageError, match=r"metrics\.json: damaged: it holds no figures"):
        folder.metrics()

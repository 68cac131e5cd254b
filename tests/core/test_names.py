"""Names: one rule wherever one is given, with one message."""

import json

import pytest

from vaecli.config import build_config
from vaecli.core.errors import UsageError
from vaecli.core.names import check_name, folder_name, name_problem
from vaecli.settings.resolve import load_settings

BAD = ["", "..", ".x", "-x", "_x", "+x", "a/b", "a\\b", "a\0b", "a\nb", "a\n", "x" * 201, "ä", "a:b", "a b", "a,b", "~"]


@pytest.mark.parametrize("name", ["a", "0", "bn+word_dropout", "v1.2_b-3", "x" * 200])
def test_names(name):
    assert check_name("method", name) == name
    assert name_problem("method", name) == ""


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_name(name):
    with pytest.raises(UsageError, match=r"^method name .*: at most 200 letters, .* the first a letter or digit$"):
        check_name("method", name)


@pytest.mark.parametrize("name", BAD)
def test_every_door_has_the_same_rule_and_message(name, tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(f"experiment = {json.dumps(name)}\n")
    for door in (lambda: load_settings(path), lambda: load_settings(experiment=name)):
        with pytest.raises(UsageError) as caught:
            door()
        assert str(caught.value).endswith(f": {name_problem('experiment', name)}")
    with pytest.raises(UsageError) as caught:
        build_config({"experiment": name})
    assert name_problem("experiment", name) in str(caught.value)


def test_a_text_made_a_name():
    for text, name in (("my data", "my-data"), ("..x", "x"), ("ä+b", "b"), ("", "default"), ("y" * 300, "y" * 100)):
        assert folder_name(text) == name
        check_name("experiment", folder_name(text))

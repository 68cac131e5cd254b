"""Options that every command shares: each is given once."""

import pytest
from typer.testing import CliRunner

from vaecli.cli.app import app
from vaecli.cli.options import option_layer
from vaecli.core.errors import UsageError


def fails(*words):
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, UsageError), result.output
    return str(result.exception)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "--epochs", "1", "--epochs=2"], "--epochs is given twice, '1' and '2'; keep one"),
        (["train", "--epochs", "3", "--epochs", "3"], "--epochs is given twice, '3' and '3'; keep one"),
        (["compare", "-j2", "--jobs", "3"], "--jobs is given twice, '2' and '3'; keep one"),
        (["compare", "-j", "2", "--quiet", "-q", "-j=3"], "--jobs is given twice, '2' and '3'; keep one"),
    ],
)
def test_an_option_of_one_value_is_given_once(words, said):
    assert fails(*words) == said


def test_a_value_is_no_option():
    said = fails("train", "--name", "--epochs", "--epochs", "2")
    assert said.startswith("--name: experiment name '--epochs'")


def test_options_for_several_values_and_flags_may_be_repeated():
    said = fails("train", "-q", "-q", "--set", "a.b=1", "--set", "c.d=2")
    assert said.startswith("2 problems in the settings:")


def test_a_layer_holds_what_was_given():
    layer = option_layer(data="x", epochs=None, iw_samples=0)
    assert layer == {"corpus": {"data": "x"}, "evaluation": {"iw_samples": 0}}

"""Options that every command shares: each is given once."""

from typing import Annotated

import pytest
import typer
from support import loaded_by_help
from typer.testing import CliRunner

from vaecli.cli import options
from vaecli.cli.app import app
from vaecli.core.errors import UsageError
from vaecli.core.nested import flatten
from vaecli.core.option_settings import OPTION_SETTINGS


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


def layer_of(*words, **with_settings):
    """What a command of those options gets for the words."""
    layers = []
    app = typer.Typer()

    @app.command()
    @options.with_settings(**with_settings)
    def command(*, options: options.Layer, out: Annotated[str, typer.Option("--out")] = "runs"):
        layers.append((dict(options), out))

    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return layers[0]


def test_a_layer_holds_what_was_given():
    assert layer_of() == ({}, "runs")
    words = ["--data", "x", "--iw-samples", "0", "--epochs=3", "--unknown-words", "", "--out", "o"]
    layer = {"corpus": {"data": "x", "unknown_words": ""}, "evaluation": {"iw_samples": 0}, "training": {"epochs": 3}}
    assert layer_of(*words) == (layer, "o")
    every = [(s, "text" if isinstance(s.default, str) else 7) for s in OPTION_SETTINGS.values()]
    layer, _ = layer_of(*(word for setting, value in every for word in (setting.option, str(value))))
    assert flatten(layer) == {setting.key: value for setting, value in every}


def test_a_command_may_leave_an_option_out():
    with pytest.raises(AssertionError, match="No such option"):
        layer_of("--seed", "3", without=["training.seed"])


@pytest.mark.parametrize("command", ["train", "compare"])
def test_the_help_says_of_each_setting_what_it_is_its_range_and_its_default(command):
    text = " ".join(CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "400"}).output.split())
    for setting in OPTION_SETTINGS.values():
        if (command, setting.key) != ("compare", "training.seed"):
            assert f"{setting.option} {setting.shown_kind} {setting.help()}" in text
    said = "Passes over train at most; a stage of training has one at least. (default: 6)"
    assert f"--epochs <int> [x>=1] {said}" in text
    assert "--precision auto|fp32|bf16 Arithmetic" in text


def test_the_help_of_a_command_loads_nothing_heavy():
    assert loaded_by_help("train", ["torch", "pandas", "numpy", "vaecli.config"]) == []


@pytest.mark.parametrize("command", ["generate", "encode", "evaluate"])
def test_the_device_of_a_run_that_is_there_is_its_own(command):
    """Whatever VAE_DEVICE says, which is for trainings."""
    text = " ".join(CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "400"}).output.split())
    assert "auto a GPU if there is one. (default: the run's)" in text


@pytest.mark.parametrize(
    "words",
    [["train", "--json"], ["compare", "--json"], ["compare", "--csv", "x"], ["tune", "bn", "--json"]],
    ids=" ".join,
)
def test_a_dry_run_prints_no_figures(words):
    assert f"{words[-1 if words[-1] != 'x' else -2]} prints figures, and --dry-run makes none" in fails(
        *words, "--dry-run"
    )


@pytest.mark.parametrize("command", ["train", "compare"])
def test_a_device_that_is_none_is_told(command):
    assert fails(command, "--device", "gpu").startswith("--device: training.device: must be auto, cpu, cuda or one GPU")


def test_a_value_out_of_range_is_told_with_all_other_problems():
    said = fails("train", "--epochs", "0", "--precision", "fp8", "--set", "training.clip=-1")
    assert said.startswith("3 problems in the settings:")
    assert "--epochs: training.epochs: input should be greater than or equal to 1, got 0" in said
    assert "--precision: training.precision: input should be 'auto', 'fp32' or 'bf16', got 'fp8'" in said


@pytest.mark.parametrize("value", ["nan", "inf"])
@pytest.mark.parametrize(
    "option", [("watch", "--period"), ("compare", "--cpus-per-trial"), ("compare", "--gpus-per-trial")], ids=str
)
def test_a_float_in_a_range_is_finite(option, value):
    """Neither end of a range holds nan back in some versions of typer, and none has an upper end for inf."""
    command, name = option
    result = CliRunner().invoke(app, [command, f"{name}={value}"])
    assert result.exit_code == 2
    assert f"Invalid value for '{name}'" in result.output

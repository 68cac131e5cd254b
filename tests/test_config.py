"""The run's settings: unknown keys are refused, problems come together, layers merge."""

from typing import get_args, get_origin

import pytest

from vaecli.config import GROUPS, RunConfig, build_config
from vaecli.core.errors import UsageError
from vaecli.core.nested import merge
from vaecli.core.option_settings import OPTION_SETTINGS
from vaecli.settings.presets import load_preset


def test_every_setting_is_explained():
    for group in GROUPS.values():
        for name, field in group.model_fields.items():
            assert field.description, name


@pytest.mark.parametrize("key", OPTION_SETTINGS)
def test_an_option_and_its_setting_agree(key):
    option = OPTION_SETTINGS[key]
    field = GROUPS[option.group].model_fields[option.name]
    several = get_origin(field.annotation) is tuple  # an option is a text of names with commas between
    default = ",".join(field.default) if several else field.default
    assert (default, field.description) == (option.default, option.description)
    assert several or get_args(field.annotation) == option.choices
    assert several or option.choices or field.annotation is type(option.default)
    assert [rule.ge for rule in field.metadata if hasattr(rule, "ge")] == [option.least] * (option.least is not None)
    quick = load_preset("quick").get(option.group, {}).get(option.name, option.default)
    assert quick == option.default, "the help shows the values of the preset quick"


def test_options_have_names_of_their_own():
    assert len({option.name for option in OPTION_SETTINGS.values()}) == len(OPTION_SETTINGS)


def test_all_problems_are_reported_together_with_the_nearest_key():
    with pytest.raises(UsageError) as caught:
        build_config({"training": {"epochs": 0, "learning_rat": 1}, "model": {"latent_size": "many"}}, "x.toml")
    text = str(caught.value)
    assert text.startswith("x.toml: ")
    assert "training.epochs" in text
    assert "training.learning_rat: unknown key; did you mean 'learning_rate'?" in text
    assert "model.latent_size" in text
    assert len(text.splitlines()) == 3


def test_a_config_can_not_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        RunConfig().training.epochs = 3


def test_merge_goes_deep_and_later_layers_win():
    low = {"training": {"epochs": 1, "clip": 5.0}, "experiment": "a"}
    high = {"training": {"epochs": 2}}
    assert merge(low, high) == {"training": {"epochs": 2, "clip": 5.0}, "experiment": "a"}
    assert low == {"training": {"epochs": 1, "clip": 5.0}, "experiment": "a"}

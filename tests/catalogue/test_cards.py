"""The page of a method: our figures stand with the settings that they are of."""

from pathlib import Path

import pytest

from vaecli.catalogue.cards import card, read_own_settings, read_summary
from vaecli.remedies import REMEDIES, remedy_class

GRID = Path(__file__).parents[2] / "experiments" / "all"
OWN = read_own_settings(GRID / "all.toml")


def figures_of(name):
    kinds = {method: remedy_class(method) for method in REMEDIES}
    return card(name, kinds, read_summary(GRID / "summary.csv"), OWN).split("## Our figures")[1].split("|")[0]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("bn", "(`vae compare experiments/all/all.toml`):"),
        (
            "lagging",
            "(`vae compare experiments/all/all.toml`, which has `lagging.joint_clip = false` in place of the default):",
        ),
        (
            "semi_amortized",
            "(`vae compare experiments/all/all.toml`, which has "
            '`semi_amortized.gradient = "first_order"`, `semi_amortized.clip = 5.0` in place of the defaults):',
        ),
    ],
)
def test_our_figures_stand_with_the_settings_of_their_grid(name, told):
    assert told in figures_of(name)


def test_what_the_grid_says_of_a_method_is_none_of_its_defaults():
    for name, values in OWN.items():
        for key, value in values.items():
            assert remedy_class(name).model_fields[key].default != value

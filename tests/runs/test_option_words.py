"""Options that train other methods as a run was trained."""

import tomllib
from itertools import pairwise

import pytest

from vaecli.runs.option_words import config_words, option_words
from vaecli.settings.resolve import load_settings
from vaecli.settings.run_file import run_text

CHANGED = ("corpus.noise=0.2", "training.epochs=30", "training.learning_rate=0.001", "bn.gamma=0.3")


def config(**layers):
    return load_settings(methods=["bn"], **layers).config("bn", 0)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ({}, ()),
        ({"preset": "ptb"}, ("--preset", "ptb")),
        ({"options": {"corpus": {"data": "/texts/my news"}}}, ("--data", "/texts/my news")),
        ({"sets": ["training.optimizer=sgd"]}, ("--set", "training.optimizer=sgd")),
        ({"sets": ["training.seed=3", "training.threads=1", "evaluation.iw_samples=3"]}, ()),
        ({"sets": ["training.protocol=published"]}, ("--protocol", "published")),
    ],
)
def test_only_what_decides_figures_and_is_not_the_presets_is_said(layers, words):
    assert config_words(config(**layers)) == words


@pytest.mark.parametrize("preset", ["quick", "ptb"])
def test_with_the_options_a_run_is_what_it_was(preset):
    run = config(preset=preset, sets=CHANGED)
    words = config_words(run)
    sets = [text for option, text in pairwise(words) if option == "--set"]
    assert sorted(sets) == sorted(CHANGED)
    assert config(preset=preset, sets=sets) == run


def test_a_papers_training_is_not_said_of_other_methods_and_its_length_is():
    grid = load_settings(methods=["lagging"], sets=["training.protocol=published", "training.epochs=30"])
    run = grid.config("lagging", 0)
    assert (run.model.init_range, run.training.optimizer) == (0.01, "sgd")
    assert config_words(run) == ("--protocol", "published", "--set", "training.epochs=30")


def test_a_method_that_is_not_installed_keeps_its_hyper_parameters_to_itself():
    values = tomllib.loads(run_text(config(sets=CHANGED)).replace("method.bn", "method.gone"))
    assert "bn.gamma=0.3" not in (words := option_words(values))
    assert "training.epochs=30" in words


def test_settings_that_make_no_sense_say_nothing():
    assert option_words({"preset": 3, "training": [], "corpus": "text", "method": {"bn": 3}}) == ()

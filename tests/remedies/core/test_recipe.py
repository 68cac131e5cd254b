"""Recipes: what papers train with, the one rule that fits them to a run, and that every remedy says what is known."""

import pytest

from vaecli.config import GROUPS
from vaecli.core.errors import UsageError
from vaecli.remedies import REMEDIES, canonical, make_method, remedy_class
from vaecli.remedies.core.papers import PAPERS
from vaecli.remedies.core.recipe import Epochs, Recipe, scaled
from vaecli.remedies.core.remedy import Remedy
from vaecli.settings.protocols import published

KNOWN = [name for name in REMEDIES if remedy_class(name).recipe is not None]


def test_a_count_of_epochs_becomes_the_same_share_of_the_run():
    """By hand: a warm-up of 10 of 100 epochs is 0.6 of 6, and one of 10 of 30 is 2 of 6."""
    assert scaled(10, 100, 6) == pytest.approx(0.6)
    recipe = Recipe("a paper", epochs=30, decay_start=Epochs(15), hyper={"linear_anneal": {"epochs": Epochs(10)}})
    assert recipe.settings(6) == {"training.decay_start": 3, "linear_anneal.epochs": 2.0}
    assert recipe.settings(30) == {"training.decay_start": 15, "linear_anneal.epochs": 10.0}


def test_rates_clips_and_patience_stay_as_printed():
    recipe = Recipe("a paper", epochs=100, optimizer="sgd", learning_rate=1.0, clip=0.25, patience=5, batch_size=20)
    assert recipe.settings(6) == recipe.settings(1000)
    assert recipe.settings(6)["training.patience"] == 5


def test_a_count_needs_the_length_that_it_is_a_share_of():
    with pytest.raises(ValueError, match="need the length of the training"):
        Recipe("a paper", decay_start=Epochs(15))
    with pytest.raises(UsageError, match="an epoch or more"):
        scaled(1, 0, 6)


def test_what_a_paper_does_not_tell_is_not_said():
    assert Recipe("a paper").told() == {}


@pytest.mark.parametrize("name", REMEDIES)
def test_every_remedy_has_a_recipe_or_says_why_not(name):
    kind = remedy_class(name)
    assert (kind.recipe is None) == ("no_recipe" in vars(kind))
    if kind.recipe is not None:
        assert kind.recipe.source
        assert not {*kind.recipe.companions} & {name}


@pytest.mark.parametrize("name", KNOWN)
def test_every_recipe_can_be_trained_with(name):
    """Its settings are in range, its remedies compose, and it says nothing of remedies that the method doesn't have."""
    training = published(name, epochs=6)
    for group, values in training.groups(()).items():
        GROUPS[group].model_validate(values)
    method = make_method(training.method, training.hyper(()))
    owners = {remedy.name for remedy in method.remedies}
    assert {*training.hyper(())} <= owners
    assert {name, *remedy_class(name).recipe.companions} == owners
    assert training.is_known
    assert training.told == remedy_class(name).recipe.source


@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_is_a_composition_with_the_recipe_of_the_one_that_leads_it(name):
    paper = PAPERS[name]
    assert canonical(name) == paper.method == canonical(paper.method)
    assert paper.leads in paper.method.split("+")
    training = published(paper.method, epochs=6)
    assert training.method == paper.method
    assert training.told == remedy_class(paper.leads).recipe.source


def test_two_papers_are_two_methods():
    assert len({paper.method for paper in PAPERS.values()}) == len(PAPERS)


def test_the_recipe_of_another_package_is_not_obtained():
    class Mine(Remedy):
        name = "mine"

    assert Mine.recipe is None
    assert "not obtained" in Mine.no_recipe

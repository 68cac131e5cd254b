"""What is searched and by what it is judged."""

import pytest

from vaecli.core.errors import UsageError
from vaecli.remedies import make_method, method_names, remedy_class
from vaecli.remedies.core.sensible import Span, sensible_text
from vaecli.settings.search import Objective, check_judged, declared_space, parse_objective, parse_ranges, space_of


@pytest.mark.parametrize("name", method_names())
def test_what_is_sensible_is_defined(name):
    """Both ends of a range and every word make a remedy; the default is within, but where a paper's own is not."""
    for key, values in remedy_class(name).sensible.items():
        tried = [values.low, values.high] if isinstance(values, Span) else values
        for value in tried:
            (remedy,) = make_method(name, {name: {key: value}}).remedies
            assert remedy.hyper()[key] == value
        default = make_method(name).hyper[name][key]
        assert values.low <= default <= values.high if isinstance(values, Span) else default in values


def test_most_remedies_with_numbers_declare_what_to_search():
    with_hyper = [name for name in method_names() if remedy_class(name).model_fields]
    silent = {name for name in with_hyper if not remedy_class(name).sensible}
    assert silent == {"mim"}, "its floor is a bound on arithmetic"


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        ("neg_elbo", Objective("neg_elbo")),
        (" mi at neg_elbo <= 106 ", Objective("mi", ("neg_elbo", "<=", 106.0))),
        ("neg_elbo at kl >= 3.5", Objective("neg_elbo", ("kl", ">=", 3.5))),
        ("hypervolume", Objective("hypervolume")),
    ],
)
def test_objectives_by_name(text, objective):
    assert parse_objective(text) == objective
    assert parse_objective(str(objective)) == objective


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("elbo", "did you mean 'neg_elbo'"),
        ("kl", "unknown objective 'kl'"),
        ("mi at nothing <= 3", "unknown column 'nothing'"),
        ("mi at kl <= x", "'x' is no finite number"),
        ("mi at kl <= nan", "'nan' is no finite number"),
        ("mi at kl", "write a column"),
        ("hypervolume at kl <= 3", "takes no limit"),
    ],
)
def test_an_objective_that_is_none(text, words):
    with pytest.raises(UsageError, match=words):
        parse_objective(text)


@pytest.mark.parametrize(
    ("objective", "method", "words"),
    [
        ("neg_elbo", "ivae", "ivae has no neg_elbo, for an implicit posterior .*; judge it by one of rec, au"),
        ("rec at kl <= 3", "ae", "ae has no kl, for .* judge it by one of rec, mi, au"),
        ("hypervolume", "ae", "ae has no kl"),
        ("mi", "lm", "lm has no mi"),
    ],
)
def test_a_method_without_the_figures_of_an_objective_is_refused(objective, method, words):
    check_judged(parse_objective("rec"), ["bn", method])
    with pytest.raises(UsageError, match=words):
        check_judged(parse_objective(objective), ["bn", method])


def test_directions_and_limits():
    assert parse_objective("mi").directions == ["maximize"]
    assert parse_objective("neg_elbo").directions == ["minimize"]
    assert parse_objective("hypervolume").columns == ("kl", "rec")
    assert parse_objective("mi at neg_elbo <= 106").excess({"neg_elbo": 107.5}) == 1.5
    assert parse_objective("mi at kl >= 3").excess({"kl": 5.0}) == -2.0
    assert parse_objective("mi").excess({}) == 0.0


def test_ranges_of_the_user_go_before_those_of_the_method():
    ranges = parse_ranges(
        ["bn.gamma=0.2..0.8", "learning-rate=1e-4..1e-2:log", "cyclical.cycles=2..6"], ["bn", "cyclical"]
    )
    assert ranges["training.learning_rate"] == Span(1e-4, 1e-2, log=True)
    assert space_of("bn", ranges) == {"bn.gamma": Span(0.2, 0.8), "training.learning_rate": Span(1e-4, 1e-2, log=True)}
    assert space_of("cyclical", ranges)["cyclical.cycles"].is_whole
    assert declared_space("bn+linear_anneal").keys() == {"bn.gamma", "linear_anneal.epochs", "linear_anneal.share"}
    assert parse_ranges(["pooling.kind=max,mean"], ["pooling"]) == {"pooling.kind": ("max", "mean")}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bn.gamma", "write KEY=LOW..HIGH"),
        ("bn.gamma=0.3", "write LOW..HIGH"),
        ("bn.gamma=1..0.5", "1 to 0.5 is no range"),
        ("bn.gamma=0..1:log", "begins above 0"),
        ("bn.gamma=a..b", "both numbers"),
        ("bn.gamma=0..1:exp", "LOW..HIGH:log"),
        ("beta.beta=0..1", "no method uses 'beta'"),
        ("training.seed=0..3", "can't be searched"),
        ("training.epochs=2..4", "budget of epochs"),
        ("corpus.min_freq=1..4", "can't be searched"),
        ("bn.gama=0..1", "did you mean 'gamma'"),
    ],
)
def test_a_range_that_is_none(text, words):
    with pytest.raises(UsageError, match=words):
        parse_ranges([text], ["bn"])


def test_a_setting_has_one_range():
    with pytest.raises(UsageError, match="two ranges"):
        parse_ranges(["bn.gamma=0..1", "bn.gamma=0.2..0.3"], ["bn"])


def test_ranges_in_words():
    assert sensible_text(Span(5, 100, log=True)) == "5 to 100, logarithmic"
    assert sensible_text(("max", "mean")) == "max or mean"

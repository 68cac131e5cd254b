"""Whether methods can be built with their settings: who is named, and that large ones take no memory to find out."""

import re
import sys
import types
from typing import ClassVar

import pytest
import torch
from support import offer

from vaecli.config import RunConfig, build_config
from vaecli.core.errors import UsageError
from vaecli.corpus.load import load_corpus
from vaecli.remedies import method_names
from vaecli.remedies.core.remedy import Paper, Phase, Remedy
from vaecli.training import fit
from vaecli.training.fit import build_problem, built_apart, check_methods, error_line, looks_large, named

SIZES = {"train_size": 40, "valid_size": 40, "test_size": 40}


@pytest.fixture(scope="module")
def corpus():
    return load_corpus(build_config({"corpus": SIZES}).corpus)


def config(method="vanilla", **groups):
    return build_config({"method": method, **groups})


class Cracked(Remedy):
    """A remedy of another package whose build fails."""

    name: ClassVar[str] = "cracked"
    title: ClassVar[str] = "cracked"
    paper: ClassVar[Paper] = Paper("Nobody", 2026, "Nothing")
    equation: ClassVar[str] = "none"

    def build(self, parts):
        raise KeyError("theirs")


class Untrained(Cracked):
    """One whose stages nobody would train."""

    name: ClassVar[str] = "untrained"

    def build(self, parts):
        return parts

    def phases(self):
        return (Phase("first", 0.5), Phase("second", 0.5))


@pytest.mark.parametrize("method", method_names())
def test_every_method_fits_its_defaults_with_and_without_memory(corpus, method, monkeypatch):
    made = config(method, model={"decoder_size": 8, "latent_size": 4})
    assert build_problem(made, corpus) == ""
    monkeypatch.setattr(fit, "LARGE", 0)
    assert build_problem(made, corpus) == ""


def test_it_draws_nothing_from_the_stream_of_the_run(corpus):
    state = torch.get_rng_state()
    check_methods([config("iaf"), config("mog")], corpus)
    assert torch.equal(torch.get_rng_state(), state)


def test_weights_that_no_memory_holds_are_refused_without_trying(corpus):
    made = config("bow", hyper={"bow": {"hidden": 1_000_000_000}})
    with pytest.raises(UsageError, match=r"^bow: its weights alone take [\d,]+ GiB, this machine has [\d,]+; lower"):
        check_methods([made], corpus)
    made = config(model={"encoder_size": 1_000_000})
    assert looks_large(made, 10)
    with pytest.raises(UsageError, match=r"^vanilla: (can't be built with these sizes|its weights alone take)"):
        check_methods([made], corpus)


def test_ordinary_sizes_are_built_as_they_are():
    assert not looks_large(RunConfig(), 921)


def test_another_package_s_fault_is_a_line_and_ours_is_not(corpus, monkeypatch):
    module = types.ModuleType("their_package")
    module.Cracked = Cracked
    monkeypatch.setitem(sys.modules, "their_package", module)
    offer(monkeypatch, cracked="their_package:Cracked")
    with pytest.raises(UsageError, match=r"^cracked: KeyError: 'theirs'$"):
        check_methods([config("cracked")], corpus)
    way = "to run the others, name those alone, or uninstall their-package"
    with pytest.raises(UsageError, match=rf"^cracked: KeyError: 'theirs'; {way}$"):
        check_methods([config("vanilla"), config("cracked")], corpus)
    with pytest.raises(KeyError):
        error_line("vanilla", KeyError("ours"))


def test_stages_that_would_not_be_trained_are_refused_before_anything_is_written(corpus, monkeypatch):
    module = types.ModuleType("their_package")
    module.Untrained = Untrained
    monkeypatch.setitem(sys.modules, "their_package", module)
    offer(monkeypatch, untrained="their_package:Untrained")
    with pytest.raises(UsageError, match=r"^untrained: `phases` gives stages, which `owns` has to have"):
        check_methods([config("untrained")], corpus)


@pytest.mark.parametrize(
    ("method", "problem", "told"),
    [
        ("bad", "bad: too small", "bad: too small"),
        ("bad", "'bad': `build` gives None", "bad: `build` gives None"),
        ("bad", "bad: bad: too small", "bad: too small"),
        ("bad", "badly: too small", "bad: badly: too small"),
        ("vae-mine:bn", "vae-mine:bn: too small", "vae-mine:bn: too small"),
        ("bad+bn", "'bad': `build` gives None", "bad+bn: 'bad': `build` gives None"),
    ],
)
def test_a_method_is_named_once(method, problem, told, corpus, monkeypatch):
    monkeypatch.setattr(fit, "build_problem", lambda made, corpus: problem)
    with pytest.raises(UsageError, match=f"^{re.escape(told)}$"):
        check_methods([config().model_copy(update={"method": method})], corpus)


def test_a_variant_is_named_once():
    assert named("bn", "bn: too small", "bn (bn.gamma=0.3)") == "bn (bn.gamma=0.3): too small"


def test_the_way_to_run_the_others_stands_once(corpus, monkeypatch):
    monkeypatch.setattr(fit, "build_problem", lambda made, corpus: "" if made.method == "lm" else "too small")
    with pytest.raises(UsageError) as caught:
        check_methods([config("bn"), config("lm"), config("iaf")], corpus)
    head = "2 methods can't run; to run the others, name those alone:"
    assert str(caught.value).split("\n  ") == [head, "bn: too small", "iaf: too small"]


def test_each_method_is_built_once(corpus, monkeypatch):
    seen = []
    monkeypatch.setattr(fit, "build_problem", lambda made, corpus: seen.append(made.method) or "")
    check_methods([config("bn"), config("bn", training={"seed": 1, "learning_rate": 0.1}), config("lm")], corpus)
    assert seen == ["bn", "lm"]


def test_a_variant_that_does_not_fit_is_refused_before_its_trials_too(corpus):
    """The first value fits, and each trial of the others would fail by itself."""
    looks = {"posteriors_every": 5}
    made = [config(evaluation=looks, model={"latent_size": size}) for size in (1, 2, 3)]
    with pytest.raises(UsageError, match=r"^vanilla: .* is for model\.latent_size 1, got 2$"):
        check_methods([config("lm"), *made][1:], corpus)
    with pytest.raises(UsageError, match=r"got 2; to run the others, name those alone$"):
        check_methods([config("lm"), *made], corpus)
    gammas = [config("bn", hyper={"bn": {"gamma": gamma}}) for gamma in (0.3, 0.5, 0.3)]
    assert built_apart(gammas) == gammas[:2]

"""The early warning: rules by hand, of which runs it is said, and that it moves nothing."""

import json
import math

import pytest
import torch
from training.test_resume import tiny_corpus

from vaecli.config import build_config
from vaecli.corpus.types import collate
from vaecli.model.vae import Shape
from vaecli.remedies import REMEDIES, make_method
from vaecli.runs import trial
from vaecli.runs.folder import RunFolder
from vaecli.training import early_warning as module
from vaecli.training.early_rule import FEATURES, EarlyRule, features_of, settings_of, shipped_rule
from vaecli.training.early_warning import early_warning
from vaecli.training.early_watch import EarlyWatch
from vaecli.training.interrupt import Interrupt
from vaecli.training.progress import Progress, Unwatched
from vaecli.training.session import TrainingSession

FIGURES = {
    **{"mi_middle": 0.009, "mi_last": 0.099, "kl_middle": 9.999, "kl_last": 0.999, "top_last": 0.499},
    **{"nll_first": 60.0, "nll_last": 30.0, "kl_weight_last": 2.5},
}
BELOW = {"column": 0, "value": math.log10(0.05)}


def rule(kind="threshold", parameters=BELOW, **ranges):
    return EarlyRule(kind, parameters, (1, 13), (2, 7), ranges, {"vanilla"})


def test_features_by_hand():
    """mi 0.1 after 0.01, kl 1 after 10, half of it in one dimension, all to 0.001 nats; nll halved."""
    assert features_of(FIGURES)[0] == pytest.approx([-1.0, 0.0, 0.5, 1.0, -1.0, math.log(2), 1.0])
    assert features_of({**FIGURES, "nll_last": 0.0})[0][FEATURES.index("fall of nll")] == math.inf


def test_a_threshold_warns_below_it():
    assert not rule().warns(FIGURES)
    assert rule().warns({**FIGURES, "mi_last": 0.04})
    assert not rule().warns({**FIGURES, "mi_last": math.nan})  # undefined figures say nothing


def test_a_logistic_rule_warns_from_a_half_on():
    """Of log mi alone, centre -1 and scale 0.5: at mi 0.1 the odds are exp(bias)."""
    parameters = {"centre": [-1.0] + [0.0] * 6, "deviations": [0.5] + [1.0] * 6, "weights": [-2.0] + [0.0] * 6}
    assert rule("logistic", {**parameters, "bias": 0.01}).warns(FIGURES)
    assert not rule("logistic", {**parameters, "bias": -0.01}).warns(FIGURES)
    assert rule("logistic", {**parameters, "bias": -1.0}).warns({**FIGURES, "mi_last": 0.009})  # 4 - 1 > 0


def test_what_is_known_reaches_a_factor_of_two_beyond_what_was_tried():
    known = rule(rate=(1e-3, 4e-3), updates=(200.0, 800.0))
    assert known.knows({"rate": 8e-3, "updates": 100.0})
    assert not known.knows({"rate": 8.1e-3, "updates": 100.0})
    assert not known.knows({"rate": 2e-3, "updates": 99.0})
    assert not known.knows({"rate": 2e-3})


def test_the_warning_says_how_often_it_errs():
    told = (
        "likely to collapse, by its first updates (mi 0.099, kl 0.999); of families it hadn't seen the rule missed 1 "
        "of 13 collapses and warned of 2 of 7 other runs"
    )
    assert rule().text(FIGURES, "vanilla") == told
    assert "(mi 0.000, kl 0.000)" in rule().text(FIGURES | {"mi_last": -1e-5, "kl_last": -1e-5}, "vanilla")
    assert rule().text(FIGURES, "bow+vanilla") == told + "; it knows no trial of bow+vanilla"


def test_the_shipped_rule_is_whole():
    warning_rule = shipped_rule()
    if warning_rule is not None:
        assert warning_rule.kind in ("threshold", "logistic")
        assert warning_rule.missed[0] <= warning_rule.missed[1]
        assert warning_rule.methods <= set(REMEDIES)
        settings = {name: (low * high) ** 0.5 for name, (low, high) in warning_rule.ranges.items()}
        assert warning_rule.knows(settings)
        assert isinstance(warning_rule.warns(FIGURES), bool)


def session_of(method, **training):
    sizes = {"embedding_size": 4, "encoder_size": 5, "decoder_size": 5, "latent_size": 2}
    values = {"epochs": 18, "batch_size": 5, "seed": 3, "learning_rate": 8e-3, **training}
    config = build_config({"method": method, "model": sizes, "training": values})
    corpus = tiny_corpus()
    torch.manual_seed(3)
    composed = make_method(method)
    model = composed.build(Shape(12, len(corpus.train), config.model), 3)
    return TrainingSession(model, composed, corpus, config, torch.device("cpu"))


def watched(monkeypatch):
    """A rule that knows all runs, and the first sixty updates for a hundred."""
    monkeypatch.setattr(module, "shipped_rule", rule)
    monkeypatch.setattr(module, "EarlyWatch", lambda whole: EarlyWatch(updates=60, window=6, whole=whole))


class Heard(Unwatched):
    """Passes updates on to what warns."""

    def __init__(self, session):
        self.told = []
        self.early = early_warning(session, self.told.append)

    def step(self, progress, terms):
        if self.early is not None:
            self.early.step(progress, terms)


def train(session, observer, updates=60):
    """Updates without validations between them."""
    progress = Progress()
    index = [indices for epoch in range(20) for indices in session.batches.epoch(epoch)]
    for indices in index[:updates]:
        terms = session.step(collate(session.corpus.train, indices))
        session.clock = session.clock.advance()
        progress.total_steps += 1
        observer.step(progress, terms)
    return session.model.state_dict(), torch.get_rng_state()


@pytest.mark.parametrize(("method", "warned"), [("vanilla", True), ("bn", False)])
def test_a_run_that_collapses_is_warned_of_and_weights_are_the_same_to_the_bit(monkeypatch, method, warned):
    watched(monkeypatch)
    session = session_of(method)
    heard = Heard(session)
    weights, state = train(session, heard)
    assert [bool(text) for text in heard.told] == [warned]
    assert "knows no trial" not in heard.told[0]  # of vanilla
    plain = session_of(method, early_warning=False)
    silent = Heard(plain)
    others, other = train(plain, silent)
    assert silent.told == []
    assert torch.equal(state, other)
    assert all(torch.equal(weights[name], value) for name, value in others.items())


def test_nothing_is_said_without_a_kl_far_from_what_was_tried_or_without_a_rule(monkeypatch):
    watched(monkeypatch)
    assert early_warning(session_of("vanilla"), print) is not None
    assert early_warning(session_of("bn+linear_anneal"), print).method == "bn+linear_anneal"
    assert early_warning(session_of("lm"), print) is None
    assert early_warning(session_of("ae"), print) is None
    monkeypatch.setattr(module, "shipped_rule", lambda: rule(latent_size=(8.0, 32.0)))
    assert early_warning(session_of("vanilla"), print) is None  # 2 is below 8 / 2
    monkeypatch.setattr(module, "shipped_rule", lambda: None)
    assert early_warning(session_of("vanilla"), print) is None


@pytest.mark.parametrize("batch_size", [5, 7])  # of 22 sentences, the last of which would be alone in a batch of 7
def test_settings_are_those_of_the_run(batch_size):
    session = session_of("vanilla", optimizer="sgd", learning_rate=0.5, batch_size=batch_size)
    settings = settings_of(session.config, session.corpus)
    assert settings["rate"] == 0.005
    assert settings["updates"] == 18 * session.batches.steps_per_epoch
    assert json.dumps(settings)


def test_windows_alone_give_the_same_figures_but_the_most():
    """A look at every update costs more, and says the same of the windows."""
    whole, part = EarlyWatch(updates=10, window=2), EarlyWatch(updates=10, window=2, whole=False)

    class Both(Unwatched):
        def step(self, progress, terms):
            whole.step(progress, terms)
            part.step(progress, terms)

    session = session_of("vanilla")
    train(session, Both(), updates=11)
    assert part.complete
    assert len(part.looks) == 6
    assert {"kl_most": whole.figures()["kl_most"], **part.figures()} == whole.figures()


def test_run_json_keeps_the_warning_and_who_watches_hears_it(tmp_path):
    told = []
    folder = RunFolder(tmp_path / "synthetic" / "vanilla" / "seed-3").create(session_of("vanilla").config)
    recorder = trial.Recorder(folder, Unwatched(), None, lambda what: None, Interrupt(), warned=told.append)
    recorder.judged("")
    assert folder.run()["early_warning"] == ""
    recorder.judged("likely to collapse")
    assert folder.run()["early_warning"] == "likely to collapse"
    assert told == ["likely to collapse"]

"""Looks at the posteriors while a model trains: what they see, and that they move nothing."""

import pytest
import torch
from support import scoring, tiny_split
from training.test_resume import tiny_corpus

from vaecli.config import build_config
from vaecli.metrics.exact_posterior import exact_posterior
from vaecli.model.vae import Shape
from vaecli.remedies import make_method
from vaecli.training.fit import build_problem
from vaecli.training.loop import Loop
from vaecli.training.posterior_watch import PosteriorWatch
from vaecli.training.session import TrainingSession

SIZES = {
    "embedding_size": 4,
    "encoder_size": 5,
    "decoder_size": 5,
    "embedding_dropout": 0.2,
    "output_dropout": 0.2,
}


def settings(method, every, latent_size=1, **evaluation):
    return build_config(
        {
            "method": method,
            "model": {**SIZES, "latent_size": latent_size},
            "training": {"epochs": 2, "batch_size": 5, "seed": 3},
            "evaluation": {"posteriors_every": every, **evaluation},
        }
    )


class Looking:
    """An observer with a watch, as a run has one."""

    def __init__(self, watch=None):
        self.watch = watch

    def step(self, progress, terms):
        if self.watch is not None:
            self.watch.step(progress)

    def evaluated(self, row):
        pass


def train(folder, method, every, looked_at=True, **evaluation):
    """The session after a training, the looks, and the state of torch's generator."""
    config, corpus, looks = settings(method, every, **evaluation), tiny_corpus(), []
    torch.manual_seed(3)
    composed = make_method(method)
    model = composed.build(Shape(12, len(corpus.train), config.model), 3)
    session = TrainingSession(model, composed, corpus, config, torch.device("cpu"))
    watch = PosteriorWatch(session, looks.append)
    loop = Loop(session, folder, Looking(watch if looked_at else None))
    if looked_at:
        watch.begin(loop.progress)
    loop.run()
    return session, looks, torch.get_rng_state()


@pytest.mark.parametrize("method", ["bn+word_dropout", "semi_amortized"])
def test_a_look_moves_nothing(tmp_path, method):
    looked, looks, after = train(tmp_path / "looked", method, 4, sentences=8)
    plain, _, alone = train(tmp_path / "plain", method, 4, looked_at=False)
    assert len(looks) == 3
    assert torch.equal(after, alone)
    for name, value in plain.model.state_dict().items():
        assert torch.equal(looked.model.state_dict()[name], value), name


def test_looks_come_at_the_start_and_after_every_so_many_updates(tmp_path):
    session, looks, _ = train(tmp_path, "vanilla", 3, sentences=7)
    steps = 2 * session.batches.steps_per_epoch
    assert [look.updates for look in looks] == list(range(0, steps + 1, 3))
    assert all(torch.equal(look.sentences, looks[0].sentences) for look in looks)
    assert len(looks[0].encoder) == len(looks[0].exact) == len(looks[0].sentences) == 7
    assert looks[0].classes == ()


def test_a_look_sees_the_model_as_it_is(tmp_path):
    """All sentences in the order of train: the means of the heads, and those of the quadrature."""
    session, looks, _ = train(tmp_path, "vanilla", 1)
    model, train_split = session.model.eval(), session.corpus.train
    assert looks[-1].sentences.tolist() == list(range(len(train_split)))
    how = scoring(train_split)
    with torch.no_grad():
        for index, batch in how.batches():
            mean = model.posterior(batch).mean[:, 0]
            assert looks[-1].encoder[index] == pytest.approx(mean, abs=1e-6)
    assert looks[-1].exact == pytest.approx(exact_posterior(model, how).mean, abs=1e-5)


def test_population_statistics_are_those_of_the_moment(tmp_path):
    """bn's means over train have the deviation gamma at every look, whatever the last validation had calibrated."""
    _, looks, _ = train(tmp_path, "bn", 2)
    for look in looks:
        assert float(look.encoder.std(correction=0)) == pytest.approx(0.6, rel=0.01)


def test_a_language_model_has_nothing_to_look_at(tmp_path):
    _, looks, _ = train(tmp_path, "lm", 1)
    assert looks == []


def test_more_dimensions_are_refused_before_training():
    corpus = tiny_corpus()
    assert build_problem(settings("vanilla", 5, latent_size=2), corpus) == (
        "evaluation.posteriors_every: the exact posterior is for model.latent_size 1, got 2"
    )
    assert build_problem(settings("vanilla", 0, latent_size=2), corpus) == ""
    for method in ("di", "vq"):  # of any size, their codes are counted
        assert "its codes are discrete" in build_problem(settings(method, 5), corpus)
        assert build_problem(settings(method, 0), corpus) == ""
    assert build_problem(settings("lm", 5), corpus) == ""
    assert build_problem(settings("vanilla", 5), corpus) == ""


def test_the_sentences_are_the_same_for_all_methods_and_seeds():
    corpus, chosen = tiny_corpus(), []
    for method, seed in (("vanilla", 0), ("bn", 9)):
        config = settings(method, 5, sentences=4).model_copy(
            update={"training": settings(method, 5).training.model_copy(update={"seed": seed})}
        )
        composed = make_method(method)
        model = composed.build(Shape(12, len(corpus.train), config.model), seed)
        session = TrainingSession(model, composed, corpus, config, torch.device("cpu"))
        chosen.append(PosteriorWatch(session, lambda look: None).sentences.tolist())
    assert chosen[0] == chosen[1]
    assert len(set(chosen[0])) == 4
    assert len(tiny_split(22, 0)) > max(chosen[0])

"""Looks at the first updates: by hand, and moving nothing."""

import math

import pytest
import torch
from training.test_resume import tiny_corpus

from vaecli.config import build_config
from vaecli.model.posterior import DiagonalGaussian
from vaecli.model.vae import Shape
from vaecli.objective import Terms
from vaecli.remedies import make_method
from vaecli.training.early_watch import FIGURES, EarlyWatch, look_at
from vaecli.training.loop import Loop
from vaecli.training.progress import Progress, Unwatched
from vaecli.training.session import TrainingSession


class Known:
    """A context of which the posterior alone is known."""

    def __init__(self, posterior):
        self.posterior = posterior


def terms(kl, posterior=None, z=None, nll=(3.0, 5.0), weight=0.5):
    z = torch.zeros(2, 2) if z is None else z
    return Terms(torch.tensor(nll), torch.tensor(kl), weight, torch.tensor([1.0, 1.0]), z, Known(posterior))


def test_a_look_by_hand():
    """nll 4, kl (1 + 2 + 3 + 0) / 2 = 3 of which 2 in the first dimension, extra 1: loss 4 + 0.5 * 3 + 1."""
    look = look_at(terms([[1.0, 2.0], [3.0, 0.0]]))
    assert look == (6.5, 4.0, 3.0, 1.0, 2.0, 0.0, 0.5)


@pytest.mark.parametrize(("distance", "mi"), [(0.0, 0.0), (100.0, math.log(2))])
def test_the_information_of_two_posteriors(distance, mi):
    """Equal ones tell nothing, far ones which of two sentences it is."""
    mean = torch.tensor([[0.0, 0.0], [distance, 0.0]])
    posterior = DiagonalGaussian(mean, torch.zeros(2, 2))
    assert look_at(terms([[1.0, 0.0], [1.0, 0.0]], posterior, mean)).mi == pytest.approx(mi, abs=1e-12)


def test_windows_and_the_most_of_the_kl():
    watch, progress = EarlyWatch(updates=6, window=2), Progress()
    for step, kl in enumerate((1.0, 3.0, 7.0, 5.0, 2.0, 4.0, 100.0), start=1):
        assert (watch.figures() == {}) == (step <= 6)
        progress.total_steps = step
        watch.step(progress, terms([[kl, 0.0], [kl, 0.0]]))
    figures = watch.figures()
    assert tuple(figures) == FIGURES
    assert (figures["kl_first"], figures["kl_middle"], figures["kl_last"], figures["kl_most"]) == (2.0, 6.0, 3.0, 7.0)
    assert figures["loss_first"] == 4.0 + 0.5 * 2.0 + 1.0


def test_a_run_that_goes_on_has_no_first_updates():
    watch, progress = EarlyWatch(updates=2, window=1), Progress()
    for step in (5, 6, 7):
        progress.total_steps = step
        watch.step(progress, terms([[1.0, 0.0], [1.0, 0.0]]))
    assert watch.figures() == {}


def trained(folder, method, observer):
    sizes = {"embedding_size": 4, "encoder_size": 5, "decoder_size": 5, "latent_size": 2}
    config = build_config({"method": method, "model": sizes, "training": {"epochs": 3, "batch_size": 5, "seed": 3}})
    corpus = tiny_corpus()
    torch.manual_seed(3)
    composed = make_method(method)
    model = composed.build(Shape(12, len(corpus.train), config.model), 3)
    Loop(TrainingSession(model, composed, corpus, config, torch.device("cpu")), folder, observer).run()
    return model.state_dict(), torch.get_rng_state()


@pytest.mark.parametrize(
    "method", ["vanilla", "bn", "lm", "vmf", "ae", "mim", "vq", "di", "ivae", "iwae", "power_spherical"]
)
def test_it_moves_nothing(tmp_path, method):
    watch = EarlyWatch(updates=4, window=2)
    seen, state = trained(tmp_path / "seen", method, watch)
    unseen, other = trained(tmp_path / "unseen", method, Unwatched())
    assert all(torch.equal(seen[name], value) for name, value in unseen.items())
    assert torch.equal(state, other)
    assert watch.complete
    undefined = {name for name, value in watch.figures().items() if not math.isfinite(value)}
    assert undefined == ({"mi_first", "mi_middle", "mi_last"} if method == "ivae" else set())

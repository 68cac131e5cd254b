"""A training of two stages on a tiny corpus, with the weights at the seam and at the end."""

from __future__ import annotations

import torch
from support import tiny_split

from vaecli.config import build_config
from vaecli.corpus.types import Corpus
from vaecli.model.vae import Shape
from vaecli.remedies import make_method
from vaecli.training.loop import Loop
from vaecli.training.session import TrainingSession


class Words:
    words = tuple(map(str, range(12)))

    def __len__(self):
        return 12


class Rows:
    """Keeps the rows of the history."""

    def __init__(self):
        self.rows = []

    def step(self, progress, terms):
        pass

    def evaluated(self, row):
        self.rows.append(row)


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def loop_of(folder, method, **training):
    """The loop of a run on the tiny corpus, from its checkpoint if there is one."""
    training = {"epochs": 4, "batch_size": 5, "seed": 3, "learning_rate": 0.02, **training}
    sizes = {"embedding_size": 4, "encoder_size": 5, "decoder_size": 5, "latent_size": 3}
    config = build_config({"method": method, "model": sizes, "training": training})
    corpus = Corpus("tiny", Words(), tiny_split(22, 0), tiny_split(9, 1), tiny_split(9, 2), "none")
    torch.manual_seed(3)
    composed = make_method(method)
    model = composed.build(Shape(12, 22, config.model), 3)
    return Loop(TrainingSession(model, composed, corpus, config, torch.device("cpu")), folder, Rows())


def train_in_stages(folder, method, **training):
    """Trains; gives the loop, and the weights at the start, at the seam of the stages and at the end."""
    loop = loop_of(folder, method, **training)
    model, begin, seen = loop.session.model, loop._begin_phase, [weights(loop.session.model)]

    def begin_phase():
        seen.append(weights(model))
        begin()

    loop._begin_phase = begin_phase
    loop.run()
    return loop, [*seen, weights(model)]

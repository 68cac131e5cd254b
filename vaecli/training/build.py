"""The model of a run from its settings and the two numbers that a corpus gives it."""

from __future__ import annotations

from vaecli.config import RunConfig
from vaecli.model.vae import VAE, Shape
from vaecli.remedies.core.compose import Method


def build_model(method: Method, vocabulary_size: int, train_sentences: int, config: RunConfig) -> VAE:
    """The initialised model of a run, on the current default device.

    Args:
        method: The composed remedies.
        vocabulary_size: Word types V.
        train_sentences: Sentences of the train split.
        config: Gives the sizes and the seed; modules that two methods share start equal.

    Raises:
        UsageError: A remedy's settings don't fit the sizes.
    """
    return method.build(Shape(vocabulary_size, train_sentences, config.model), config.training.seed)

"""Discrete codes; only the KL from their batch mean to the uniform prior is trained, so information costs nothing.

Equation:
    ``loss = rec + sum_m KL(mean_b q(c_m|x_b) || uniform)``, M categorical variables of C classes. The KL of the ELBO is
    that plus the mutual information, ``I = H(mean q) - mean H(q)``, of which the loss is freed: at most M ln C nats.

Differs from the paper:
    A sample is one-hot, with the gradient of the Gumbel softmax (straight-through), in training as in evaluation; in
    the paper training decodes from soft ones. The decoder reads the one-hot vectors, M C dimensions in place of
    ``model.latent_size``.

Caveat:
    The batch mean stands for q(z), so the trained KL has a bias of order (C - 1) / 2B a variable. The reported `kl` and
    `neg_elbo` are those of the ELBO, with all of the information in them: `neg_elbo`, by which the best weights are
    chosen as for all methods, rises while the loss falls, so the best weights are those of an early epoch. `au` counts
    the variables that tell something.

References:
    Zhao, Lee & Eskenazi (2018); Jang et al. (2017), Gumbel softmax.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vaecli.model.categorical import CategoricalPosterior, Classes, UniformClasses, kl_to_uniform
from vaecli.model.decoder import LSTMDecoder, LSTMOutputDecoder
from vaecli.model.encoder import Encoding
from vaecli.model.posterior import PosteriorHead
from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.parts import unmet
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span


class CategoricalHead(PosteriorHead):
    """Linear map from the encoder's features to the logits of all classes.

    Args:
        feature_size: Encoder features F.
        layout: Variables and classes.
    """

    def __init__(self, feature_size: int, layout: Classes) -> None:
        super().__init__()
        self.layout = layout
        self.logits = nn.Linear(feature_size, layout.variables * layout.classes)

    def forward(self, encoding: Encoding) -> CategoricalPosterior:
        """q(z|x) of the batch, in float32 or wider."""
        logits = self.logits(encoding.features)
        wide = self.layout.split(logits.to(torch.promote_types(logits.dtype, torch.float32)))
        log_probs = wide.log_softmax(-1).flatten(-2)
        return CategoricalPosterior(log_probs.exp(), log_probs, self.layout)


def batch_prior_kl(posterior: CategoricalPosterior) -> Tensor:
    """(M,) ``KL(mean_b q(c_m|x_b) || uniform)`` in nats."""
    mean = posterior.layout.split(posterior.mean).mean(0)
    return kl_to_uniform(mean.clamp_min(torch.finfo(mean.dtype).tiny).log())


class DIVAE(Remedy):
    """DI-VAE."""

    name: ClassVar[str] = "di"
    title: ClassVar[str] = "DI-VAE, discrete codes"
    paper: ClassVar[Paper] = Paper(
        "Zhao, Lee & Eskenazi",
        2018,
        "Unsupervised Discrete Sentence Representation Learning for Interpretable Neural Dialog Generation",
        "1804.08069",
        "DI-VAE",
    )
    equation: ClassVar[str] = "loss = rec + sum_m KL(mean_b q(c_m|x_b) || uniform)"
    no_recipe: ClassVar[str] = "the training of Zhao et al. was not obtained"
    version: ClassVar[int] = 3
    owns: ClassVar[frozenset[Part]] = frozenset({Part.POSTERIOR, Part.PRIOR, Part.KL})
    takes: ClassVar[frozenset[Need]] = frozenset({Need.GAUSSIAN, Need.LATENT_SIZE})
    deviations: ClassVar[tuple[str, ...]] = (
        "samples are one-hot in training too, with the gradient of the Gumbel softmax (published: soft ones)",
        "the decoder reads the one-hot codes at every step (published: their embedding, at the start)",
        "the best weights are those of the lowest neg_elbo, as for all methods; the loss leaves information free",
    )
    cost: ClassVar[float] = 1.3
    sensible: ClassVar[Mapping[str, Sensible]] = {"variables": Span(4, 40), "classes": Span(2, 20)}

    variables: int = Field(20, ge=1, le=1000, description="M: categorical variables, as published")
    classes: int = Field(10, ge=2, le=1000, description="C: classes of each, as published")
    temperature: float = Field(1.0, gt=0, le=100, description="of the softmax whose gradient samples have")

    def build(self, parts: Parts) -> Parts:
        """A head, a prior and a decoder of one-hot codes; who builds after this sees their size."""
        assert parts.encoder is not None
        layout = Classes(self.variables, self.classes, self.temperature)
        prior = UniformClasses(layout)
        model = parts.shape.model.model_copy(update={"latent_size": prior.latent_size})
        shape = replace(parts.shape, model=model)
        kind = LSTMOutputDecoder if model.decoder == "lstm_output" else LSTMDecoder
        decoder = kind(
            shape.vocabulary_size,
            model.embedding_size,
            model.decoder_size,
            model.latent_size,
            model.embedding_dropout,
            model.output_dropout,
        )
        head = CategoricalHead(parts.encoder.feature_size, layout)
        return replace(parts, shape=shape, head=head, prior=prior, decoder=decoder)

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Replaces each sentence's KL by that of the batch mean.

        Raises:
            UsageError: The posterior is not that of the head.
        """
        posterior = terms.context.posterior
        if not isinstance(posterior, CategoricalPosterior):
            raise unmet(self.name, "the posterior as its head gives it", type(posterior).__name__)
        return replace(terms, kl=batch_prior_kl(posterior).expand(len(terms.nll), -1))

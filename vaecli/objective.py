r"""The one equation, per example until a single reduction.

.. math:: loss = E_q[-\log p(x|z)] + w(t) K(q(z|x), p(z)) + \sum_i R_i     (nats per sentence)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from vaecli.corpus.types import Batch
from vaecli.model.bound import bound_terms
from vaecli.model.encoder import Encoding
from vaecli.model.posterior import Posterior
from vaecli.model.prior import Prior
from vaecli.model.vae import VAE

BoundTerm = Literal["nll", "kl"]
"""A term of the bound on -log p(x)."""


@dataclass(frozen=True)
class Clock:
    """Where training stands; it restarts with each phase.

    Attributes:
        step: Updates done before this one.
        steps_per_epoch: Batches of an epoch, the short ones included.
        epochs: Planned passes over train in this phase.
        without: The terms of the bound that this phase doesn't train. A remedy that adds another bound, or a part of
            one, leaves them out there as well.
    """

    step: int
    steps_per_epoch: int
    epochs: int
    without: frozenset[BoundTerm] = frozenset()

    @property
    def epoch(self) -> float:
        """Passes over train done, with fractions."""
        return self.step / self.steps_per_epoch

    @property
    def total_steps(self) -> int:
        """Planned updates of this phase."""
        return self.epochs * self.steps_per_epoch

    def advance(self) -> Clock:
        """The clock one update later."""
        return replace(self, step=self.step + 1)


@dataclass(frozen=True)
class Context:
    """What the terms were computed from, for remedies that need more than their values.

    Attributes:
        batch: The sentences.
        encoding: The encoder's states; None for a language model.
        posterior: q(z|x) after refinement; None for a language model.
        prior: p(z).
        aux: The remedies' own modules, by remedy.
        train_sentences: N of the train split.
        training: Whether the model is in training mode.
        model: What they are of, for remedies that encode or decode once more; None where there are no weights.
    """

    batch: Batch
    encoding: Encoding | None
    posterior: Posterior | None
    prior: Prior
    aux: Mapping[str, nn.Module]
    train_sentences: int
    training: bool
    model: VAE | None = None


@dataclass(frozen=True)
class Terms:
    """The terms of the objective for B sentences, in nats per sentence.

    Attributes:
        nll: (B,) -log p(x|z).
        kl: (B, Z) KL per dimension; (B, 1) where it does not factorise; (B, 0) without a latent variable.
        kl_weight: w(t).
        extra: (B,) sum of the added terms.
        z: (B, Z) the sample.
        context: What they were computed from.
        kl_alone: As `kl`, without what of a bound on -log p(x) a remedy has put into `kl`; None where it has put none.
    """

    nll: Tensor
    kl: Tensor
    kl_weight: float | Tensor
    extra: Tensor
    z: Tensor
    context: Context
    kl_alone: Tensor | None = None

    @property
    def loss(self) -> Tensor:
        """() the mean over sentences of ``nll + kl_weight * kl + extra``: the only reduction there is."""
        return (self.nll + self.kl_weight * self.kl.sum(-1) + self.extra).mean()

    def add(self, value: Tensor) -> Terms:
        """The terms with (B,) or () added to `extra`."""
        return replace(self, extra=self.extra + value)


def raw_terms(model: VAE, batch: Batch) -> Terms:
    """The vanilla terms of a batch at KL weight 1: one sample of z, nothing of any remedy's objective.

    Args:
        model: In training or evaluation mode.
        batch: On the model's device.
    """
    encoding = posterior = None
    if model.has_latent:
        encoding = model.encode(batch)
        posterior = model.posterior(batch, encoding)
        noise = torch.randn(1, batch.size, posterior.noise_size, device=posterior.mean.device)
        z = posterior.sample(noise).squeeze(0)
        bound = bound_terms(posterior, model.prior, z, partial(model.nll, batch=batch))
        nll, kl = bound.nll, torch.zeros_like(z) if bound.kl is None else bound.kl
    else:
        z = kl = torch.zeros(batch.size, 0, device=batch.tokens.device)
        nll = model.nll(z, batch)
    return Terms(
        nll=nll,
        kl=kl,
        kl_weight=1.0,
        extra=torch.zeros_like(nll),
        z=z,
        context=Context(
            batch=batch,
            encoding=encoding,
            posterior=posterior,
            prior=model.prior,
            aux=dict(model.aux.items()),
            train_sentences=model.shape.train_sentences,
            training=model.training,
            model=model,
        ),
    )

"""Adds the bound of a corrupted copy of each sentence, and pulls the two posteriors together.

Equation:
    ``loss = -ELBO(x) - ELBO(x~) + lambda KL(q(z|x~) || q(z|x))`` with x~ a copy of x of which each word is left out
    with a probability; at a probability of 0 it is twice the loss of the vanilla VAE.

Differs from the paper:
    Its transformations are of images; for text words are left out. Its released code can't run (names that are not
    defined, exp(logvar) for a standard deviation), so nothing was compared with it.

Caveat:
    As published, the model also learns to generate corrupted copies, which costs likelihood on whole sentences; with
    ``consistency.target=sentence`` the copy's code reconstructs the sentence instead, as in `denoising`. The bound of
    the copy has the KL weight of the other, but no other remedy's form of the KL. A first stage without the KL has it
    in neither (``ae_pretrain+consistency``), and one that doesn't train the decoder (``consistency+uni_pretrain``) is
    without the copy's bound: a KL of a code that nothing reads would only pull it to the prior.

References:
    Sinha & Dieng (2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from vaecli.corpus.types import Batch
from vaecli.model.bound import bound_terms
from vaecli.model.posterior import DiagonalGaussian
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.gaussian import diagonal_gaussian
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.denoising import delete_words


def posterior_divergence(one: DiagonalGaussian, other: DiagonalGaussian) -> Tensor:
    """(B,) ``KL(one || other)``, in nats."""
    ratio = one.logvar - other.logvar
    distance = (one.mean - other.mean).square() * (-other.logvar).exp()
    return 0.5 * (ratio.exp() + distance - ratio - 1).sum(-1)


class Consistency(Remedy):
    """Consistency regularisation of the encoder."""

    name: ClassVar[str] = "consistency"
    title: ClassVar[str] = "consistency regularisation"
    paper: ClassVar[Paper] = Paper(
        "Sinha & Dieng", 2021, "Consistency Regularization for Variational Auto-Encoders", "2105.14859"
    )
    equation: ClassVar[str] = "loss = -ELBO(x) - ELBO(x~) + lambda KL(q(z|x~) || q(z|x))"
    no_recipe: ClassVar[str] = "Sinha & Dieng train on images"
    version: ClassVar[int] = 2
    owns: ClassVar[frozenset[Part]] = frozenset({Part.TERM})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.ENCODER, Need.GAUSSIAN})
    deviations: ClassVar[tuple[str, ...]] = (
        "the corrupted copy lacks words (published: transformations of images)",
        "compared with no code: the released one can't run",
    )
    cost: ClassVar[float] = 2.2
    sensible: ClassVar[Mapping[str, Sensible]] = {"weight": Span(1e-4, 1.0, log=True), "rate": Span(0.05, 0.5)}

    weight: float = Field(1e-3, ge=0, description="lambda: factor on the KL between the two posteriors, as published")
    rate: float = Field(
        0.1, ge=0, le=1, description="probability that a word is left out of the copy; one always stays"
    )
    target: Literal["copy", "sentence"] = Field(
        "copy", description="what the copy's code reconstructs: the copy, as published, or the whole sentence"
    )

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Adds the bound of the copies and the KL between the posteriors."""
        context = terms.context
        model, own = context.model, diagonal_gaussian(context.posterior, self.name)
        assert model is not None
        draws = torch.rand(context.batch.tokens.shape, device=context.batch.tokens.device)
        copy = delete_words(context.batch, draws, self.rate)
        posterior = diagonal_gaussian(model.posterior(copy), self.name)
        divergence = self.weight * posterior_divergence(posterior, own)
        if "nll" in clock.without:
            return terms.add(divergence)
        noise = torch.randn(1, copy.size, posterior.noise_size, device=posterior.mean.device)
        target: Batch = copy if self.target == "copy" else context.batch
        bound = bound_terms(posterior, context.prior, posterior.sample(noise)[0], partial(model.nll, batch=target))
        assert bound.kl is not None
        kl_weight = 0.0 if "kl" in clock.without else terms.kl_weight
        return terms.add(bound.nll + kl_weight * bound.kl.sum(-1) + divergence)

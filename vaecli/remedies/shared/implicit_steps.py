"""What `ivae` and `ivae_mi` share: settings, training, and the updates of nu after each update of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from vaecli.corpus.types import Batch
from vaecli.kernels.optimizers import Adam
from vaecli.model.implicit import ImplicitPosterior, RatioNetwork, dual
from vaecli.objective import Terms
from vaecli.remedies.core.parts import unmet
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy, Session, Step
from vaecli.remedies.core.sensible import Sensible, Span

NO_DENSITY = "an implicit posterior has no density"
NO_BOUND = "an implicit posterior has no density, and the dual form of its KL is a bound from the wrong side"


def implicit_posterior(terms: Terms, name: str) -> ImplicitPosterior:
    """The posterior as its head gives it.

    Raises:
        UsageError: It is another.
    """
    posterior = terms.context.posterior
    if not isinstance(posterior, ImplicitPosterior):
        raise unmet(name, "the posterior as its head gives it", type(posterior).__name__)
    return posterior


def prior_samples(terms: Terms, like: Tensor) -> Tensor:
    """(1, B, Z) fresh samples of the prior, one a sentence."""
    prior = terms.context.prior
    return prior.sample(torch.randn(1, len(like), prior.noise_size, device=like.device, dtype=like.dtype))


def improve_ratio(ratio: RatioNetwork, optimizer: torch.optim.Optimizer, terms: Terms, name: str) -> None:
    """One update of nu on fresh codes of the batch and as many samples of the prior: the dual form rises."""
    posterior = implicit_posterior(terms, name)
    features = posterior.features.detach()
    with torch.no_grad():
        noise = torch.randn(1, len(features), posterior.noise_size, device=features.device)
        codes, samples = posterior.sample(noise), prior_samples(terms, terms.z.float())
    loss = -dual(ratio(features, codes), ratio(features, samples)).mean()
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    optimizer.zero_grad()


def with_ratio_steps(step: Step, session: Session, name: str, updates: int, rate: float) -> Step:
    """The update, then `updates` of nu on the codes of the same batch, by an Adam of its own."""
    ratio = session.model.aux[name]
    assert isinstance(ratio, RatioNetwork)
    optimizer = Adam(ratio.parameters(), lr=rate)
    session.own_optimizer(name, optimizer)

    def update_both(batch: Batch) -> Terms:
        terms = step(batch)
        for _ in range(updates):
            improve_ratio(ratio, optimizer, terms, name)
        return terms

    return update_both


def fang(row: str) -> Paper:
    """The paper of both, by the row of its tables."""
    title = "Implicit Deep Latent Variable Models for Text Generation"
    return Paper("Fang et al.", 2019, title, "1908.11527", row)


def fang_recipe(name: str) -> Recipe:
    """The training of both, of one by its name."""
    return Recipe(
        source="Fang et al. 2019, arXiv:1908.11527, its code",
        optimizer="adam",
        learning_rate=1e-3,
        hyper={name: {"updates": 5, "learning_rate": 1e-5}},
        left_out=("the KL weight rises from 0.1 to 1 in 10 epochs, of a number that was not obtained",),
    )


class Implicit(Remedy):
    """An implicit posterior whose dual form a network nu gives."""

    adds_to: ClassVar[frozenset[Part]] = frozenset({Part.STEP})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.PLAIN_STEP})
    undefined: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("neg_elbo", "iw_nll", "iw_samples", "ppl_elbo", "ppl_iw", "ppl_word"), NO_BOUND),
        **dict.fromkeys(("kl", "mi", "mi_ceiling", "mi_batch", "marginal_kl"), NO_DENSITY),
    }
    sensible: ClassVar[Mapping[str, Sensible]] = {"learning_rate": Span(1e-5, 1e-2, log=True)}

    updates: int = Field(5, ge=1, le=1000, description="updates of nu after each of the model, as published")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="of nu's Adam (published: 1e-5)")
    hidden: int = Field(128, ge=1, description="units of the layers of f and nu")

    def wrap_step(self, step: Step, session: Session) -> Step:
        """The update, then those of nu."""
        return with_ratio_steps(step, session, self.name, self.updates, self.learning_rate)

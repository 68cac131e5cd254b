"""The updates of nu that `ivae` and `ivae_mi` make after each update of the model."""

from __future__ import annotations

import torch
from torch import Tensor

from vaecli.corpus.types import Batch
from vaecli.kernels.optimizers import Adam
from vaecli.model.implicit import ImplicitPosterior, RatioNetwork, dual
from vaecli.objective import Terms
from vaecli.remedies.core.parts import unmet
from vaecli.remedies.core.remedy import Session, Step

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

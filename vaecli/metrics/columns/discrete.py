"""Discrete codes of a split: which classes its sentences have, and how much each variable tells about them."""

from __future__ import annotations

import torch
from torch import Tensor

from vaecli.model.categorical import CategoricalPosterior
from vaecli.model.codebook import Codebook, QuantisedCode
from vaecli.model.posterior import Posterior
from vaecli.model.prior import Prior


def class_shares(posterior: Posterior, prior: Prior) -> Tensor | None:
    """(M, K) shares of the classes of each variable of a discrete code over the sentences; None for other codes."""
    if isinstance(posterior, CategoricalPosterior):
        return posterior.layout.split(posterior.mean).mean(0)
    if isinstance(posterior, QuantisedCode) and isinstance(prior, Codebook):
        index = prior.nearest(posterior.unquantised)
        return torch.stack([column.bincount(minlength=prior.entries) for column in index.T]).double() / len(index)
    return None


def entropy(shares: Tensor) -> Tensor:
    """(...) entropy in nats of (..., K) shares that sum to 1."""
    nats: Tensor = torch.special.entr(shares).sum(-1)
    return nats


def effective_number(shares: Tensor) -> Tensor:
    """(M,) ``exp(H)`` of (M, K) shares: K where all are alike, 1 where there is one."""
    return entropy(shares).exp()


def variable_information(posterior: Posterior, prior: Prior) -> Tensor | None:
    """(M,) ``I(x; c_m) = H(mean_x q(c_m|x)) - mean_x H(q(c_m|x))`` of each variable, in nats; None for other codes."""
    shares = class_shares(posterior, prior)
    if shares is None:
        return None
    within = torch.zeros_like(shares[:, 0])  # an entry of a codebook is certain
    if isinstance(posterior, CategoricalPosterior):
        within = entropy(posterior.layout.split(posterior.mean)).mean(0)
    return entropy(shares) - within

"""A model of one dimension whose log p(x) is known, for the bounds of several samples.

p(z) = N(0, 1), log p(x|z) = -(z - 1)^2 / 2, so -log p(x) = (log 2) / 2 + 1/4 and the true posterior is N(1/2, 1/2).
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from support import make_terms, tiny_split

from vaecli.corpus.types import collate
from vaecli.model.posterior import DiagonalGaussian
from vaecli.model.prior import StandardNormal

NLL = math.log(2) / 2 + 0.25
"""-log p(x)."""


class OneDimension:
    """Stands for the VAE in the context."""

    prior = StandardNormal(1)

    def nll(self, z, batch):
        return 0.5 * (z.squeeze(-1) - 1).square()


def toy_terms(b, mean=0.5, variance=0.5, seed=0):
    """Terms of b copies of the sentence with q = N(mean, variance), each copy with parameters of its own."""
    parameters = torch.full((b, 1), mean), torch.full((b, 1), math.log(variance))
    q = DiagonalGaussian(*(p.double().requires_grad_() for p in parameters))
    torch.manual_seed(seed)
    z = q.sample(torch.randn(1, b, 1, dtype=torch.float64))[0]
    model = OneDimension()
    batch = collate(tiny_split(1), torch.zeros(b, dtype=torch.int64))
    terms = make_terms(posterior=q, nll=model.nll(z, batch), z=z, batch=batch, prior=model.prior)
    return replace(terms, context=replace(terms.context, model=model))

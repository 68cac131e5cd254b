r"""Mutual information between sentences and codes under q, and the distance of q(z) from the prior.

With the aggregate posterior :math:`q(z) = \frac1N \sum_j q(z|x_j)` (Hoffman & Johnson 2016),

.. math:: I_q = E[\log q(z|x) - \log q(z)], \qquad KL(q(z)\|p(z)) = E[\log q(z) - \log p(z)],

both from one z a sentence, the same in all terms. The mixture holds the sentence's own component, so the first is 0
for identical posteriors and never above log N, and the two add up to the sampled KL(q(z|x) || p(z)).

Where an invertible map that all sentences share made z, as a flow does, log q(z|x) and log q(z) lack the same log
determinant, and the first term is that of the start of z: no inverse is taken, which would lose digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vaecli.kernels.switch import fast
from vaecli.metrics.ceilings import BATCH
from vaecli.model.posterior import Posterior, Preimage
from vaecli.model.prior import Prior
from vaecli.model.vae import stable_seed

CHUNK_ELEMENTS = 500_000
"""Pairwise log densities held at a time (4 MB)."""

BATCH_ELEMENTS = 65_536
"""Those within batches: what a batch's densities are made of is as large as they, and all of it fits a core's cache."""


@dataclass(frozen=True)
class MutualInformation:
    """The parts of the sampled KL, sentence by sentence.

    Attributes:
        terms: (N,) float64 log q(z_i|x_i) - log q(z_i).
        log_posterior: (N,) float64 log q(z_i|x_i).
    """

    terms: Tensor
    log_posterior: Tensor

    @property
    def value(self) -> float:
        """I_q in nats."""
        return float(self.terms.mean())

    @property
    def ceiling(self) -> float:
        """Log N, the most that `value` can be; near it the true I_q may be anything larger."""
        return math.log(len(self.terms))

    @property
    def standard_error(self) -> float | None:
        """Standard deviation of the terms over sqrt(N); None for a single sentence.

        The terms share the mixture, but that changes nothing to first order: weight moved to a sentence in the
        mixture moves I_q by ``E_q(z)[q(z|x)/q(z)] - 1 = 0``, so the influence of a sentence is its own term less I_q.
        It is the spread over draws of sentences and codes; it doesn't hold the bias at the ceiling.
        """
        return standard_error(self.terms)

    def marginal_kl_terms(self, prior: Prior, z: Tensor, start: Preimage | None = None) -> Tensor:
        """(N,) log q(z_i) - log p(z_i) at the (N, Z) samples that the terms were made with.

        Args:
            prior: p(z).
            z: (N, Z).
            start: Of z, where it is known; see `mutual_information`.
        """
        return self.log_posterior - self.terms - prior.log_prob_from(z, lambda: start)


def standard_error(values: Tensor) -> float | None:
    """Standard error of the mean of (N,) values; None for a single one."""
    return float(values.std() / math.sqrt(len(values))) if len(values) > 1 else None


def _terms(pairwise: Tensor, own: Tensor) -> Tensor:
    """(M,) log q(z_m|x_m) - log q(z_m) from (M, N) log densities, of which (M,) `own` are the sentences' own.

    Ratios to the own density come first, so that identical posteriors give log 1 and not a difference of rounded
    logarithms; the own ratio of 1 in the mean bounds the term by log N and keeps the mean from vanishing. Overwrites
    `pairwise`: a fresh array would cost more than the exponentials. A ratio too large for float64 gives -inf.
    """
    log_mean = pairwise.sub_(own.unsqueeze(1)).exp_().mean(1).log()
    return (-log_mean).clamp(max=math.log(pairwise.shape[1]))


def by_definition(posterior: Posterior, z: Tensor) -> MutualInformation:
    """Plain twin of `against_all`: a sentence at a time, by the logarithm of a sum of densities."""
    own, terms = z.new_empty(len(z)), z.new_empty(len(z))
    for n, code in enumerate(z):
        log_q = posterior.pairwise_log_prob(code.unsqueeze(0)).squeeze(0)
        own[n] = log_q[n]
        terms[n] = own[n] - (log_q.logsumexp(0) - math.log(len(z)))
    return MutualInformation(terms.clamp(max=math.log(len(z))), own)


def mutual_information(posterior: Posterior, z: Tensor, start: Preimage | None = None) -> MutualInformation:
    """I_q(x; z) against the aggregate posterior of all N sentences.

    Args:
        posterior: q(z|x) of N sentences, float64.
        z: (N, Z) float64, one sample of each.
        start: Of z, where the posterior has one; without it the posterior is asked, which may take the inverse.

    Returns:
        Its terms; memory is bounded by a chunk of the N x N densities.
    """
    start = posterior.start_of(z) if start is None else start
    if start is None:
        return against_all(posterior, z)
    at_start = against_all(posterior.start, start.z)
    return replace(at_start, log_posterior=at_start.log_posterior - start.log_determinant)


@fast(by_definition)
def against_all(posterior: Posterior, z: Tensor) -> MutualInformation:
    """The terms of `mutual_information` by the posterior's own densities at z."""
    terms, own = z.new_empty(len(z)), z.new_empty(len(z))
    for index in torch.split(torch.arange(len(z), device=z.device), max(1, CHUNK_ELEMENTS // len(z))):
        # Results go into arrays made beforehand: small ones kept from chunk to chunk would split up the freed memory
        # of the large ones, and the process would grow to all N x N densities after all.
        pairwise = posterior.pairwise_log_prob(z[index])
        own[index] = pairwise.gather(1, index.unsqueeze(1)).squeeze(1)
        terms[index] = _terms(pairwise, own[index])
    for far in (terms == -math.inf).nonzero().flatten().tolist():  # a sample far from where its own density is
        log_q = posterior.pairwise_log_prob(z[far : far + 1]).squeeze(0)
        # the own density of this very row: of a few rows at once it may differ by a rounding, and that of 1e10 is 1e-6
        terms[far] = math.log(len(z)) - (log_q - log_q[far]).logsumexp(0)
    return MutualInformation(terms, own)


def batch_order(n: int, seed: int) -> Tensor:
    """(n,) int64 indices in the order in which batches take them: one permutation for all models of a seed."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(stable_seed(seed, "mi_batch")))


def batch_mutual_information(
    posterior: Posterior, z: Tensor, seed: int, size: int = BATCH, start: Preimage | None = None
) -> float:
    """I_q(x; z) against batches of random sentences, of the size that older papers took.

    The mixture is over a batch, own component included, and batches count by their size. Batches are drawn anew, since
    neighbours in a file are often alike: of two clusters one after the other, a batch of neighbours sees one.

    It is not the figure that the code of He et al. (2019) prints. There a batch holds sentences of one length, so what
    z tells of the length is left out and many batches are small; and E log q(z|x) is in closed form with log q(z) at a
    sample, where both are taken at the same sample here, which removes noise of order sqrt(Z / 2N) and keeps
    0 <= E[value] <= log(size).

    Args:
        posterior: q(z|x) of N sentences, float64.
        z: (N, Z) float64, one sample of each.
        seed: Seed of the order in which sentences fill the batches.
        size: Sentences a batch; the last may be smaller.
        start: Of z, as of `mutual_information`.

    Returns:
        Nats.
    """
    start = posterior.start_of(z) if start is None else start
    if start is not None:
        posterior, z = posterior.start, start.z
    order = batch_order(len(z), seed).to(z.device)
    whole = len(z) // size * size
    parts = [*torch.split(order[:whole], max(1, BATCH_ELEMENTS // size**2) * size), order[whole:]]
    total = 0.0
    for index in parts:
        if len(index):
            part = posterior.map(lambda t, index=index: t[index])  # type: ignore[misc]
            total += float(_batch_terms(part, z[index], min(size, len(index))).sum())
    return total / len(z)


def _batch_terms(posterior: Posterior, z: Tensor, size: int) -> Tensor:
    """(B,) log q(z_m|x_m) - log q(z_m) against batches of sentences that follow one another."""
    pairwise = posterior.batchwise_log_prob(z, size)
    own = pairwise.diagonal(dim1=1, dim2=2).flatten().clone()  # of one batch it would be a view of what follows
    terms = _terms(pairwise.flatten(0, 1), own)
    far = terms == -math.inf  # a sample far from where its own density is
    if bool(far.any()):
        again = posterior.batchwise_log_prob(z, size)
        own = again.diagonal(dim1=1, dim2=2).flatten()[far]
        terms[far] = math.log(size) - (again.flatten(0, 1)[far] - own.unsqueeze(1)).logsumexp(1)
    return terms

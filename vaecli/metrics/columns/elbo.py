"""The terms of the ELBO over a split, and the posteriors and samples that the other estimators share.

``-ELBO = E_q[-log p(x|z)] + KL(q(z|x) || p(z))`` (Kingma & Welling 2014, equation 3), at weight 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from vaecli.corpus.types import Batch
from vaecli.metrics.inference import evaluation_mode, infer, sampled_nll, wide_prior
from vaecli.metrics.keeper import FORGETFUL
from vaecli.metrics.kept_results import batch_results
from vaecli.metrics.noise import sentence_noise
from vaecli.metrics.scoring import Scoring
from vaecli.model.bound import bound_terms
from vaecli.model.posterior import DiagonalGaussian, Posterior, Preimage
from vaecli.model.prior import Prior
from vaecli.model.vae import VAE


@dataclass(frozen=True)
class ElboTerms:
    """What one pass over N sentences gives, float64, in the order of the split.

    Attributes:
        rec: (N,) mean over samples of -log p(x|z); -log p(x) for a language model.
        kl: (N, Z) KL by dimension, (N, 1) where it doesn't factorise; None where it doesn't exist.
        posterior: q(z|x) of all sentences; None for a language model.
        z: (N, Z) the first sample of each sentence; None for a language model.
        start: Of z; None where the posterior has none.
    """

    rec: Tensor
    kl: Tensor | None
    posterior: Posterior | None
    z: Tensor | None
    start: Preimage | None = None

    @property
    def neg_elbo(self) -> Tensor | None:
        """(N,) rec + kl; rec for a language model; None for a code without a density."""
        if self.posterior is None:
            return self.rec
        return None if self.kl is None or not self.posterior.has_density else self.rec + self.kl.sum(1)


def elbo_terms(model: VAE, scoring: Scoring, rec_samples: int = 1) -> ElboTerms:
    """One pass over a split.

    Args:
        model: On the device; its mode and torch's global generators are left as they are.
        scoring: Which N sentences are scored, and how.
        rec_samples: Samples of z a sentence.
    """
    order, parts = [], []
    with evaluation_mode(model, scoring.device):
        prior = wide_prior(model)
        for index, batch, posterior in _posteriors(model, scoring):
            order.append(index)
            parts.append(_batch_terms(model, prior, posterior, batch, rec_samples, scoring))
    return _restore(parts, torch.cat(order).argsort())


def _posteriors(model: VAE, scoring: Scoring) -> Iterator[tuple[Tensor, Batch, Posterior | None]]:
    """Every batch with its posterior; those that a remedy refines take long, and are kept."""
    if not _keeps_posteriors(model, scoring):
        for index, batch in scoring.batches():
            yield index, batch, infer(model, batch, scoring.seed) if model.has_latent else None
        return

    def refined(index: Tensor, batch: Batch) -> Tensor:
        return torch.cat(infer(model, batch, scoring.seed).tensors, 1)

    kept = batch_results("posterior", model, scoring, refined)
    for (index, batch), (_, values) in zip(scoring.batches(), kept, strict=True):
        yield index, batch, DiagonalGaussian(*values.chunk(2, 1))


def _keeps_posteriors(model: VAE, scoring: Scoring) -> bool:
    """Whether they take long, someone keeps results, and they are of the kind that is kept: a batch shows it."""
    if not model.has_latent or model.refine is None or scoring.keeper is FORGETFUL:
        return False
    _, batch = next(scoring.batches())
    return type(infer(model, batch, scoring.seed)) is DiagonalGaussian


def _batch_terms(
    model: VAE, prior: Prior, posterior: Posterior | None, batch: Batch, samples: int, scoring: Scoring
) -> ElboTerms:
    nll = partial(sampled_nll, model, batch=batch, precision=scoring.precision)
    if posterior is None:
        no_code = torch.zeros(1, batch.size, 0, device=batch.tokens.device)
        return ElboTerms(nll(no_code).squeeze(0), None, None, None)
    noise = sentence_noise(scoring.seed, "rec", batch.index, samples, posterior.noise_size)
    z = posterior.sample(noise.to(batch.tokens.device))
    start = posterior.start_of(z)  # now that the posterior knows it
    bound = bound_terms(posterior, prior, z, nll)
    # what a posterior without a density estimates serves its training; as a bound of unknown side it is no figure
    kl = bound.kl if posterior.has_density else None
    return ElboTerms(bound.nll, kl, posterior, z[0], None if start is None else start.map(lambda t: t[0]))


def _restore(parts: list[ElboTerms], order: Tensor) -> ElboTerms:
    """The batches as one, in the order of the split."""
    terms = ElboTerms(torch.cat([p.rec for p in parts])[order], None, None, None)
    posteriors = [p.posterior for p in parts if p.posterior is not None]
    if not posteriors:
        return terms
    kls = [p.kl for p in parts if p.kl is not None]
    starts = [p.start for p in parts if p.start is not None]
    return replace(
        terms,
        kl=torch.cat(kls)[order] if kls else None,
        posterior=type(posteriors[0]).cat(posteriors).map(lambda t: t[order]),
        z=torch.cat([p.z for p in parts if p.z is not None])[order],
        start=Preimage(
            torch.cat([s.z for s in starts])[order],
            torch.cat([s.log_determinant for s in starts])[order],
        )
        if starts
        else None,
    )

r"""Importance-weighted bound on -log p(x) (Burda et al. 2016, equation 8).

.. math:: -\log \frac{1}{K} \sum_{k=1}^K \frac{p(x|z_k) p(z_k)}{q(z_k|x)}, \qquad z_k \sim q(z|x)

With K = 1 it is the one-sample -ELBO; its expectation falls with K towards -log p(x). Where q is much narrower than
the true posterior it stays too high at any practical K, so K is always reported next to it.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from vaecli.corpus.types import Batch
from vaecli.metrics.inference import evaluation_mode, sample_chunks, sampled_nll, wide_prior
from vaecli.metrics.kept_results import batch_results
from vaecli.metrics.noise import sentence_noise
from vaecli.metrics.scoring import Scoring, ScoringPrecision
from vaecli.model.posterior import Posterior
from vaecli.model.prior import Prior
from vaecli.model.vae import VAE

NOISE_ELEMENTS = 4_000_000
"""Numbers of noise held at a time."""


def importance_weighted_nll(model: VAE, scoring: Scoring, posterior: Posterior, samples: int) -> Tensor:
    """The bound for every sentence of a split.

    Args:
        model: On the device; its mode and torch's global generators are left as they are.
        scoring: Which N sentences are scored, and how.
        posterior: q(z|x) of all N sentences, float64, in the order of the split (`ElboTerms.posterior`).
        samples: K.

    Returns:
        (N,) float64 nats per sentence, in the order of the split.
    """
    size = min(scoring.batch_size, max(1, NOISE_ELEMENTS // (samples * max(1, posterior.noise_size))))
    result = torch.empty(len(scoring.split), dtype=torch.float64, device=scoring.device)
    with evaluation_mode(model, scoring.device):
        prior = wide_prior(model)

        def nll(index: Tensor, batch: Batch) -> Tensor:
            q = posterior.map(lambda t: t[index])
            noise = sentence_noise(scoring.seed, "iw", batch.index, samples, q.noise_size).to(scoring.device)
            return _batch_nll(model, prior, q, batch, noise, scoring.precision)

        inputs = (samples, *posterior.tensors)
        for index, values in batch_results("iw", model, scoring, nll, inputs, size):
            result[index] = values
    return result


def _batch_nll(
    model: VAE, prior: Prior, posterior: Posterior, batch: Batch, noise: Tensor, precision: ScoringPrecision
) -> Tensor:
    """(B,) the bound from (K, B, noise_size) noise: chunks of samples are joined in log space."""
    total = torch.full((batch.size,), -math.inf, dtype=torch.float64, device=noise.device)
    for part in sample_chunks(model, noise):
        z = posterior.sample(part)
        log_prior = prior.log_prob_from(z, partial(posterior.start_of, z))
        log_weight = log_prior - posterior.log_prob(z) - sampled_nll(model, z, batch, precision)
        total = torch.logaddexp(total, log_weight.logsumexp(0))
    return math.log(len(noise)) - total

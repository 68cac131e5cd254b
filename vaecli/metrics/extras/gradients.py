r"""Gradients of the bound with respect to what the encoder puts out, and how much of them is noise.

With :math:`g(z)` the gradient of the one-sample -ELBO of a sentence with respect to the mean and the log variance of
its q(z|x), at a reparameterised sample z,

.. math:: \text{gradient\_snr} = \frac{\sum_x \|E_z\, g(z)\|^2}{\sum_x \mathrm{tr}\, \mathrm{Cov}_z\, g(z)},

the squared signal-to-noise ratio of Rainforth et al. (2018, arXiv:1802.04537, section 3), over all coordinates as one
and at the encoder's outputs instead of its weights, where every sentence has a gradient of its own and no batch decides
it. The squared norm of the mean of M gradients is too large by the trace of their covariance over M, which is taken
off. It is a ratio and knows no size: a decoder that hardly looks at z sends hardly any gradient, of any ratio (about 4
where log p(x|z) is linear in z), so signal and noise in nats stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from vaecli.corpus.types import Batch
from vaecli.metrics.columns.mi import standard_error
from vaecli.metrics.inference import evaluation_mode, sampled_nll, wide_prior
from vaecli.metrics.kept_results import batch_results
from vaecli.metrics.noise import sentence_noise
from vaecli.metrics.scoring import Scoring
from vaecli.model.bound import bound_terms
from vaecli.model.frozen import frozen
from vaecli.model.posterior import DiagonalGaussian
from vaecli.model.prior import Prior
from vaecli.model.vae import VAE

SAMPLES = 32
"""Gradients a sentence."""


@dataclass(frozen=True)
class GradientNoise:
    """Signal and noise of S sentences.

    Attributes:
        signal: (S,) float64 unbiased estimates of ||E g||^2, which noise may take below 0.
        noise: (S,) float64 unbiased estimates of tr Cov g.
    """

    signal: Tensor
    noise: Tensor

    @property
    def ratio(self) -> float | None:
        """Signal over noise; None where the gradient has no noise at all."""
        noise = float(self.noise.sum())
        return float(self.signal.sum()) / noise if noise > 0 else None

    @property
    def standard_error(self) -> float | None:
        """That of a ratio of two means over sentences, to first order; None where there is no ratio or one sentence."""
        if self.ratio is None:
            return None
        return standard_error((self.signal - self.ratio * self.noise) / self.noise.mean())


def gradient_noise(model: VAE, scoring: Scoring, posterior: DiagonalGaussian) -> GradientNoise:
    """Signal and noise of every sentence.

    Args:
        model: On the device; its mode and torch's global generators stay as they are.
        scoring: Which S sentences are scored, and how.
        posterior: The encoder's, float64, in the order of the split.
    """
    count, device = len(scoring.split), scoring.device
    signal, noise = (torch.empty(count, dtype=torch.float64, device=device) for _ in range(2))
    with evaluation_mode(model, device), gradients_in_evaluation(model):
        prior = wide_prior(model)

        def moments(index: Tensor, batch: Batch) -> Tensor:
            """(B, 2) signal and noise."""
            q = DiagonalGaussian(posterior.mean[index], posterior.logvar[index])
            draws = sentence_noise(scoring.seed, "gradients", batch.index, SAMPLES, q.noise_size).to(device)
            gradients = bound_gradients(model, prior, q, batch, draws)
            variance = gradients.var(0).sum(1)
            return torch.stack([gradients.mean(0).square().sum(1) - variance / SAMPLES, variance], 1)

        inputs = (SAMPLES, *posterior.tensors)
        for index, values in batch_results("gradients", model, scoring, moments, inputs):
            signal[index], noise[index] = values[:, 0], values[:, 1]
    return GradientNoise(signal, noise)


def bound_gradients(model: VAE, prior: Prior, q: DiagonalGaussian, batch: Batch, noise: Tensor) -> Tensor:
    """(M, B, 2 Z) float64 gradients of the -ELBO with respect to mean and log variance, one sample each.

    Args:
        model: In evaluation mode, with gradients possible.
        prior: In float64.
        q: Posteriors of the batch, float64.
        batch: B sentences.
        noise: (M, B, Z).
    """
    gradients = []
    with torch.enable_grad():
        mean, logvar = (t.detach().clone().requires_grad_() for t in (q.mean, q.logvar))
        for one in torch.split(noise, 1):
            loss = neg_elbo(model, prior, DiagonalGaussian(mean, logvar), batch, one).sum()
            gradients.append(torch.cat(torch.autograd.grad(loss, [mean, logvar]), 1))
    return torch.stack(gradients)


def neg_elbo(model: VAE, prior: Prior, posterior: DiagonalGaussian, batch: Batch, noise: Tensor) -> Tensor:
    """(B,) mean over samples of the -ELBO, the KL exact where it has a closed form.

    Args:
        model: In evaluation mode.
        prior: In float64.
        posterior: q(z|x) of the batch, float64.
        batch: B sentences.
        noise: (S, B, Z).
    """
    return bound_terms(posterior, prior, posterior.sample(noise), partial(sampled_nll, model, batch=batch)).total


@contextmanager
def gradients_in_evaluation(model: VAE) -> Iterator[None]:
    """Gradients through the decoder to the code only; cuDNN's LSTM has none in evaluation mode, so it is off."""
    with frozen(model), torch.backends.cudnn.flags(enabled=False):
        yield

"""The codes of the sentences of a split: the means of q(z|x), and a draw of each."""

from __future__ import annotations

import torch
from torch import Tensor

from vaecli.metrics.inference import evaluation_mode, infer
from vaecli.metrics.noise import sentence_noise
from vaecli.metrics.scoring import Scoring
from vaecli.model.vae import VAE


def posterior_codes(model: VAE, scoring: Scoring, purpose: str) -> tuple[Tensor, Tensor]:
    """Two (N, Z) float64 codes of the sentences of a split, in its order: E_q[z|x], and one z ~ q(z|x).

    Args:
        model: With a latent variable, on the device; its mode and torch's global generators stay as they are.
        scoring: Which N sentences are scored, and how.
        purpose: Of the noise, which is each sentence's own: two splits under one purpose would share theirs.
    """
    order, means, draws = [], [], []
    with evaluation_mode(model, scoring.device):
        for index, batch in scoring.batches():
            posterior = infer(model, batch, scoring.seed)
            noise = sentence_noise(scoring.seed, purpose, batch.index, 1, posterior.noise_size)
            order.append(index)
            means.append(posterior.mean)
            draws.append(posterior.sample(noise.to(scoring.device))[0])
    back = torch.cat(order).argsort()
    return torch.cat(means)[back], torch.cat(draws)[back]

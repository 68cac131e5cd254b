"""The model as the estimators use it: evaluation mode, no gradients, float64 densities, bounded memory."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from vaecli.corpus.types import Batch
from vaecli.metrics.noise import sentence_noise
from vaecli.model.arithmetic import arithmetic, exact_products, resolve_precision
from vaecli.model.posterior import Posterior
from vaecli.model.prior import Prior
from vaecli.model.vae import VAE, stable_seed

TOKEN_BUDGET = 16_384
"""Padded tokens decoded at a time, where a batch holds no more: large enough for fast products, a few 10 MB."""


_scoring: ContextVar[str] = ContextVar("scoring", default="fp32")
"""The precision in which `sampled_nll` runs the decoder."""


@contextmanager
def scoring_precision(precision: str, model: VAE, device: torch.device) -> Iterator[None]:
    """Inside, `sampled_nll` runs the decoder in a precision; the posterior, its KL and all sums stay as they are.

    In bf16, each token's figure is rounded by some hundredths of a nat in either direction. Over a split that averages
    out: `make bench-quality` holds every reported figure to 0.02 nats per sentence of a float64 evaluation.

    Args:
        precision: ``auto``, ``fp32`` or ``bf16``.
        model: Whose output layer decides ``auto``; a float64 model is scored in float64.
        device: Where it is.

    Raises:
        UsageError: bf16 was asked for where the hardware has none.
    """
    weight = model.decoder.output.weight
    resolved = "fp32" if weight.dtype == torch.float64 else resolve_precision(precision, device, weight.numel())
    token = _scoring.set(resolved)
    try:
        yield
    finally:
        _scoring.reset(token)


@contextmanager
def evaluation_mode(model: VAE, device: torch.device) -> Iterator[None]:
    """Evaluation mode without gradients; the mode of every module and torch's global generators come back after."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices), torch.no_grad(), exact_products():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def widen(posterior: Posterior) -> Posterior:
    """The posterior in float64, without gradients."""
    return posterior.map(lambda t: t.detach().double() if t.is_floating_point() else t.detach())


def wide_prior(model: VAE) -> Prior:
    """A copy of p(z) in float64, without gradients."""
    return copy.deepcopy(model.prior).double().requires_grad_(False)


def infer(model: VAE, batch: Batch, seed: int) -> Posterior:
    """q(z|x) of a batch in float64, refined where a remedy does so.

    A refinement follows gradients, so it runs with gradients on. The noise of its bound is each sentence's own; what it
    may draw besides comes from a seed of the batch. Call it inside `evaluation_mode`.

    Args:
        model: In evaluation mode.
        batch: On the model's device.
        seed: The run's seed.
    """
    if model.refine is None:
        return widen(model.posterior(batch))
    torch.manual_seed(stable_seed(seed, "posterior", *batch.index.tolist()))

    def noise(size: int) -> Tensor:
        return sentence_noise(seed, "posterior", batch.index, 1, size).to(batch.tokens.device)

    with torch.enable_grad():
        return widen(model.posterior(batch, noise=noise))


def repeat_batch(batch: Batch, times: int) -> Batch:
    """The batch's sentences several times over, as rows of one larger batch: row ``s * B + b`` is sentence b."""
    if times == 1:
        return batch
    flat = batch.size * (batch.tokens.shape[1] - 1)
    shifts = flat * torch.arange(times, device=batch.rows.device).unsqueeze(1)
    return Batch(
        tokens=batch.tokens.repeat(times, 1),
        lengths=batch.lengths.repeat(times),
        index=batch.index.repeat(times),
        rows=(batch.rows + shifts).flatten(),
    )


def samples_at_once(batch: Batch) -> int:
    """How many samples of each sentence to decode together."""
    return max(1, TOKEN_BUDGET // (batch.tokens.shape[1] * batch.size))


def sampled_nll(model: VAE, z: Tensor, batch: Batch) -> Tensor:
    """-log p(x_b | z_sb) of several samples, decoded together.

    Args:
        model: In evaluation mode.
        z: (S, B, Z) codes; the decoder sees them in its own dtype.
        batch: B sentences on the model's device.

    Returns:
        (S, B) float64 nats per sentence.
    """
    narrow = z.to(model.decoder.output.weight.dtype)
    parts = []
    for part in torch.split(narrow, samples_at_once(batch)):
        repeated = repeat_batch(batch, len(part))
        with arithmetic(_scoring.get(), z.device):
            nll = model.token_nll(part.flatten(0, 1), repeated).double().sum(1)
        parts.append(nll.view(len(part), batch.size))
    return torch.cat(parts)

"""The model as the estimators use it: evaluation mode, no gradients, float64 densities, bounded memory."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from vaecli.corpus.types import Batch, repeat_batch
from vaecli.kernels.arithmetic import arithmetic, exact_products
from vaecli.kernels.output import OutputLayer
from vaecli.kernels.shared_output import pays, shared_nll
from vaecli.kernels.switch import fast
from vaecli.metrics.noise import sentence_noise
from vaecli.metrics.scoring import EXACT, ScoringPrecision
from vaecli.model.decoder import Decoder
from vaecli.model.posterior import Posterior
from vaecli.model.prior import Prior
from vaecli.model.vae import VAE, stable_seed

TOKEN_BUDGET = 16_384
"""Padded tokens decoded at a time, where a batch holds no more: large enough for fast products, a few 10 MB."""

SAMPLE_STATES = 131_072
"""Numbers of the decoder's states at one position of a sentence, over its samples, that are held at a time."""


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


def sample_chunks(model: VAE, samples: Tensor) -> tuple[Tensor, ...]:
    """(S, ...) cut into the fewest parts of about equal size that may be decoded at a time.

    Samples that share words depend on each other a little, so that the parts depend on the model and S alone.
    """
    size = min(512, max(64, SAMPLE_STATES // model.decoder.output.weight.shape[1]))
    return samples.chunk(max(1, math.ceil(len(samples) / size)))


def samples_at_once(batch: Batch) -> int:
    """How many samples of each sentence to decode together."""
    return max(1, TOKEN_BUDGET // (batch.tokens.shape[1] * batch.size))


def nll_by_sample(model: VAE, z: Tensor, batch: Batch, precision: ScoringPrecision = EXACT) -> Tensor:
    """Plain twin of `sampled_nll`: a sample at a time, in the decoder's own dtype whatever the precision."""
    codes = z.to(model.decoder.output.weight.dtype)
    return torch.stack([model.token_nll(code, batch).double().sum(1) for code in codes])


@fast(nll_by_sample)
def sampled_nll(model: VAE, z: Tensor, batch: Batch, precision: ScoringPrecision = EXACT) -> Tensor:
    """-log p(x_b | z_sb) of several samples, decoded together.

    Many samples may share the words of their softmax (`vaecli.kernels.shared_output`).

    Args:
        model: In evaluation mode.
        z: (S, B, Z) codes; the decoder sees them in its own dtype.
        batch: B sentences on the model's device.
        precision: The arithmetic that the decoder runs in.

    Returns:
        (S, B) float64 nats per sentence.
    """
    narrow = z.to(model.decoder.output.weight.dtype)
    if precision.share_words and _sharing_pays(model, len(z)):
        return torch.cat([_shared_nll(model, part, batch, precision) for part in sample_chunks(model, narrow)])
    parts = []
    for part in torch.split(narrow, samples_at_once(batch)):
        repeated = repeat_batch(batch, len(part))
        with arithmetic(precision.decoder, z.device):
            if _usual_law(model):
                states = model.decoder.hidden_of_samples(part, model.input_noise(batch.inputs))
                nll = model.decoder.state_nll(states, repeated).double().sum(1)
            else:
                nll = model.token_nll(part.flatten(0, 1), repeated).double().sum(1)
        parts.append(nll.view(len(part), batch.size))
    return torch.cat(parts)


def _usual_law(model: VAE) -> bool:
    """Whether words have the loss of `Decoder.token_nll`, and no remedy another one."""
    own = (getattr(part.token_nll, "__func__", None) for part in (model, model.decoder))  # of the class or put on one
    return tuple(own) == (VAE.token_nll, Decoder.token_nll)


def _sharing_pays(model: VAE, samples: int) -> bool:
    """Whether sharing words pays, and the words come from a softmax that no remedy has replaced by another law."""
    output = model.decoder.output
    return _usual_law(model) and type(output).nll is OutputLayer.nll and pays(samples, len(output.weight))


def _shared_nll(model: VAE, z: Tensor, batch: Batch, precision: ScoringPrecision) -> Tensor:
    """`sampled_nll` of (S, B, Z) codes, a few sentences at a time, with words that the samples share."""
    width, result = batch.tokens.shape[1] - 1, torch.empty(z.shape[:2], dtype=torch.float64, device=z.device)
    size = max(1, TOKEN_BUDGET // (len(z) * width))
    for start in range(0, batch.size, size):
        part = slice(start, start + size)
        some = batch.part(part)
        inputs = model.input_noise(some.inputs)
        with arithmetic(precision.decoder, z.device):
            states = model.decoder.hidden_of_samples(z[:, part], inputs)
            rows, positions = some.rows // width, some.rows % width
            states = states.view(len(z), some.size, width, -1)[:, rows, positions]
            nll = shared_nll(states, some.targets[rows, positions], positions, model.decoder.output.weight)
        result[:, part] = torch.zeros_like(result[:, part]).index_add_(1, rows, nll.double())
    return result

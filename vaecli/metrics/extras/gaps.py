r"""Where the ELBO is lost: to the encoder, or to the Gaussian family (Cremer et al. 2018, section 3).

.. math:: \log p(x) - L[q] = (\log p(x) - L[q^*]) + (L[q^*] - L[q])

in words: the inference gap is the approximation gap and the amortisation gap. L is the ELBO, q the encoder's posterior
and q* the best diagonal Gaussian of the sentence, found from q by Adam on the mean and the log variance. Each update
has noise of its own, from the sentence's stream: the same noise at every update would be fitted in place of the bound.
Both ELBOs are then measured with other noise, the same for both. Of a q* short of the best one the amortisation gap is
too small and the approximation gap too large; log p(x) is the importance-weighted bound with q* as proposal, from
below, which makes approximation and inference gap too small.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vaecli.core.messages import counted
from vaecli.core.seeds import stable_seed
from vaecli.corpus.types import Batch, Split
from vaecli.kernels.optimizers import Adam
from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.columns.iw import importance_weighted_nll
from vaecli.metrics.columns.mi import standard_error
from vaecli.metrics.extras.gradients import gradient_noise, gradients_in_evaluation, neg_elbo
from vaecli.metrics.extras.registry import BlockInput, BlockResult, undefined
from vaecli.metrics.extras.text.samples import as_split
from vaecli.metrics.inference import evaluation_mode, wide_prior
from vaecli.metrics.kept_results import batch_results
from vaecli.metrics.noise import sentence_noise
from vaecli.metrics.scoring import Scoring
from vaecli.model.posterior import DiagonalGaussian
from vaecli.model.prior import Prior
from vaecli.model.vae import VAE

SENTENCES = 200
"""Sentences unless asked otherwise."""

STEPS, RATE = 60, 0.1
"""Updates of Adam, and the learning rate that falls from here to 0 linearly."""

FIT_SAMPLES = 8
"""Samples of the bound an update; half of them are the others mirrored."""

TEST_SAMPLES = 50
"""Samples of both bounds when they are measured."""

IW_SAMPLES = 50
"""Samples of log p(x) where the run's settings skip it."""

GAPS = ("amortisation_gap", "approximation_gap", "inference_gap")
GAP_COLUMNS = tuple(f"{name}{end}" for name in (*GAPS, "gradient_snr") for end in ("", "_se"))


@dataclass(frozen=True)
class Gaps:
    """-L[q], -L[q*] and -log p(x) of S sentences, (S,) float64 nats each."""

    encoder: Tensor
    best: Tensor
    nll: Tensor

    @property
    def by_name(self) -> dict[str, Tensor]:
        """The (S,) gaps by column."""
        gaps = (self.encoder - self.best, self.best - self.nll, self.encoder - self.nll)
        return dict(zip(GAPS, gaps, strict=True))


def gaps_block(block: BlockInput) -> BlockResult:
    """The three gaps and the signal-to-noise ratio of the gradient over a seeded sample of the split's sentences."""
    if not block.model.has_latent:
        return undefined(GAP_COLUMNS, "gaps: a language model has no posterior")
    split = sample_sentences(block.split, block.sentences or SENTENCES, block.scoring.seed)
    scoring = replace(block.scoring, split=split)
    posterior = elbo_terms(block.model, scoring).posterior
    if not isinstance(posterior, DiagonalGaussian):
        kind = type(posterior).__name__
        return undefined(GAP_COLUMNS, f"gaps: defined for diagonal Gaussian posteriors only, not for {kind}")
    samples = block.config.iw_samples or IW_SAMPLES
    gaps = measure_gaps(block.model, scoring, posterior, samples)
    values: dict[str, float | int | None] = {}
    for name, gap in gaps.by_name.items():
        values[name], values[f"{name}_se"] = float(gap.mean()), standard_error(gap)
    gradient = gradient_noise(block.model, scoring, posterior)
    values["gradient_snr"], values["gradient_snr_se"] = gradient.ratio, gradient.standard_error
    details = {
        "sentences": len(split),
        "steps": STEPS,
        "fit_samples": FIT_SAMPLES,
        "test_samples": TEST_SAMPLES,
        "iw_samples": samples,
        "neg_elbo": float(gaps.encoder.mean()),
        "neg_elbo_best": float(gaps.best.mean()),
        "iw_nll_best": float(gaps.nll.mean()),
        "gradient_signal": float(gradient.signal.mean()),
        "gradient_noise": float(gradient.noise.mean()),
    }
    line = f"gaps on {counted(len(split), 'sentence')}: neg_elbo {details['neg_elbo']:.3f}, "
    line += f"of the best Gaussians {details['neg_elbo_best']:.3f}, iw_nll from these {details['iw_nll_best']:.3f}"
    more = f"gradient of the encoder: signal {details['gradient_signal']:.4g}, noise {details['gradient_noise']:.4g}"
    return BlockResult(values, details, (line, more), {"sentences": len(split), "iw_samples": samples})


def sample_sentences(split: Split, count: int, seed: int) -> Split:
    """`count` sentences of a split that the seed chooses, in its order; all where it has no more."""
    if count >= len(split):
        return split
    generator = torch.Generator().manual_seed(stable_seed(seed, "sentences"))
    chosen = torch.randperm(len(split), generator=generator)[:count].sort().values
    return as_split([split.sentence(n) for n in chosen.tolist()], split.name)


def measure_gaps(model: VAE, scoring: Scoring, posterior: DiagonalGaussian, iw_samples: int) -> Gaps:
    """The terms of the gaps of every sentence.

    Args:
        model: On the device; its mode and torch's global generators stay as they are.
        scoring: Which S sentences are scored, and how.
        posterior: The encoder's, float64, in the order of the split.
        iw_samples: K of log p(x).
    """
    mean, logvar = posterior.mean.clone(), posterior.logvar.clone()
    seed, device = scoring.seed, scoring.device
    encoder, best = (torch.empty(len(scoring.split), dtype=torch.float64, device=device) for _ in range(2))
    with evaluation_mode(model, device), gradients_in_evaluation(model):
        prior = wide_prior(model)

        def optimum(index: Tensor, batch: Batch) -> Tensor:
            """(B, 2 Z + 2): the best Gaussian, and the -ELBO of the encoder's and of this one."""
            start = DiagonalGaussian(posterior.mean[index], posterior.logvar[index])
            noise = sentence_noise(seed, "gaps", batch.index, STEPS * FIT_SAMPLES // 2, start.noise_size).to(device)
            end = optimise(model, prior, start, batch, noise)
            noise = sentence_noise(seed, "gaps_test", batch.index, TEST_SAMPLES, start.noise_size).to(device)
            bounds = [neg_elbo(model, prior, q, batch, noise) for q in (start, end)]
            return torch.cat([end.mean, end.logvar, torch.stack(bounds, 1)], 1)

        inputs = (STEPS, FIT_SAMPLES, TEST_SAMPLES, *posterior.tensors)
        for index, values in batch_results("gaps", model, scoring, optimum, inputs):
            mean[index], logvar[index] = values[:, :-2].chunk(2, 1)
            encoder[index], best[index] = values[:, -2], values[:, -1]
    nll = importance_weighted_nll(model, scoring, DiagonalGaussian(mean, logvar), iw_samples)
    return Gaps(encoder, best, nll)


def optimise(model: VAE, prior: Prior, start: DiagonalGaussian, batch: Batch, noise: Tensor) -> DiagonalGaussian:
    """The Gaussians of a batch after `STEPS` updates; each sentence's is its own problem, Adam being elementwise.

    Args:
        model: In evaluation mode.
        prior: In float64.
        start: Where to begin, float64.
        batch: B sentences.
        noise: (STEPS * FIT_SAMPLES / 2, B, Z), used once and mirrored.
    """
    with torch.enable_grad():
        mean, logvar = (t.detach().clone().requires_grad_() for t in (start.mean, start.logvar))
        optimizer = Adam([mean, logvar], lr=RATE)
        for step, half in enumerate(noise.chunk(STEPS)):
            optimizer.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
            loss = neg_elbo(model, prior, DiagonalGaussian(mean, logvar), batch, torch.cat([half, -half])).sum()
            mean.grad, logvar.grad = torch.autograd.grad(loss, [mean, logvar])
            optimizer.step()
    return DiagonalGaussian(mean.detach(), logvar.detach())

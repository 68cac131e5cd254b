import math
from statistics import fmean

import pytest
import torch
from metrics.blocks import block_input
from metrics.toys import linear_gaussian
from support import scoring, tiny_model, tiny_split

from vaecli.corpus.types import collate
from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.extras import gradients
from vaecli.metrics.extras.gaps import gaps_block
from vaecli.metrics.extras.gradients import bound_gradients, gradient_noise
from vaecli.metrics.inference import wide_prior
from vaecli.metrics.noise import sentence_noise
from vaecli.model.frozen import frozen

NUMBERS = [0.1 * n - 2 for n in range(40)]


def measured(model, split, batch_size=16, seed=0):
    how = scoring(split, batch_size, seed)
    return gradient_noise(model, how, elbo_terms(model, how).posterior)


def exact(x, slope, scale):
    """Signal and noise of the linear Gaussian: with m = ax, z = m + s e and r = x - m the gradients are
    d/dm = m - r + s e and d/dlogvar = -(r e s - s^2 e^2) / 2 + (s^2 - 1) / 2,
    of means 2m - x and (2 s^2 - 1) / 2, and variances s^2 and s^2 (r^2 + 2 s^2) / 4.
    """
    m, s = slope * x, scale
    signal = (2 * m - x) ** 2 + ((2 * s**2 - 1) / 2) ** 2
    return signal, s**2 + s**2 * ((x - m) ** 2 + 2 * s**2) / 4


def test_signal_and_noise_of_the_linear_gaussian(monkeypatch):
    slope, scale = 0.9, 0.4
    truth = [exact(x, slope, scale) for x in NUMBERS]
    monkeypatch.setattr(gradients, "SAMPLES", 2000)
    signal_to_noise = measured(*linear_gaussian(NUMBERS, slope, scale))
    assert signal_to_noise.noise.tolist() == pytest.approx([noise for _, noise in truth], rel=0.15)
    assert signal_to_noise.signal.tolist() == pytest.approx([signal for signal, _ in truth], abs=0.12)
    assert signal_to_noise.ratio == pytest.approx(fmean(s for s, _ in truth) / fmean(n for _, n in truth), rel=0.02)


def test_few_samples_are_without_bias():
    # 32 gradients a sentence of 4,000 sentences: the squared norm of their mean would be 1 / 32 of the noise too large
    slope, scale, numbers = 0.9, 0.4, NUMBERS * 100
    signal_to_noise = measured(*linear_gaussian(numbers, slope, scale), batch_size=4000)
    truth = [exact(x, slope, scale) for x in NUMBERS]
    expected = fmean(s for s, _ in truth) / fmean(n for _, n in truth)
    assert abs(signal_to_noise.ratio - expected) < 4 * signal_to_noise.standard_error
    assert signal_to_noise.standard_error < 1 / 32 * expected  # fine enough to see that bias


def test_no_signal_at_the_best_posterior():
    signal_to_noise = measured(*linear_gaussian(NUMBERS * 10))  # q is the true posterior
    assert abs(signal_to_noise.ratio) < 4 * signal_to_noise.standard_error


def test_gradients_are_those_of_finite_differences():
    model, split = tiny_model(init_range=1.0).double().eval(), tiny_split(3)
    batch, h = collate(split, torch.arange(3)), 1e-5
    q = elbo_terms(model, scoring(split)).posterior
    noise = sentence_noise(0, "gradients", torch.arange(3), 1, 4)
    with frozen(model):
        gradient = bound_gradients(model, wide_prior(model), q, batch, noise)[0]
    for column in range(8):
        shift = torch.zeros(3, 8, dtype=torch.float64)
        shift[:, column] = h
        ends = []
        for sign in (1, -1):
            mean, logvar = q.mean + sign * shift[:, :4], q.logvar + sign * shift[:, 4:]
            with torch.no_grad():
                moved = type(q)(mean, logvar)
                ends.append(gradients.neg_elbo(model, wide_prior(model), moved, batch, noise))
        assert torch.allclose(gradient[:, column], (ends[0] - ends[1]) / (2 * h), atol=1e-5)


def test_it_is_a_column_of_the_gaps_and_no_batch_decides_it():
    model, split = tiny_model(init_range=1.0), tiny_split(12)
    one, other = (gaps_block(block_input(model, split, batch_size=b)) for b in (1, 12))
    assert one.values["gradient_snr"] == pytest.approx(other.values["gradient_snr"], rel=1e-4)
    ratio = one.details["gradient_signal"] / one.details["gradient_noise"]
    assert one.values["gradient_snr"] == pytest.approx(ratio)
    assert one.values["gradient_snr_se"] > 0


def test_a_gradient_without_noise_has_no_ratio():
    zero = torch.zeros(4, dtype=torch.float64)
    still = gradients.GradientNoise(zero + 1, zero)
    assert (still.ratio, still.standard_error) == (None, None)
    # a ratio of 2 in every sentence is known exactly
    steady = gradients.GradientNoise(2 * torch.arange(1.0, 5.0), torch.arange(1.0, 5.0))
    assert (steady.ratio, steady.standard_error) == (2.0, 0.0)
    # 1/1 and 3/1: ratio 2, deviations -1 and 1 of standard deviation sqrt 2, over sqrt 2
    two = gradients.GradientNoise(torch.tensor([1.0, 3.0]), torch.ones(2))
    assert math.isclose(two.standard_error, 1.0, rel_tol=1e-6)

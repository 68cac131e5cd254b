"""Laws of what adaptive remedies share: the running mean, the KL they read, and when they move."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import clock, make_terms

from vaecli.model.posterior import DiagonalGaussian
from vaecli.remedies.free_bits import FreeBits
from vaecli.remedies.shared.feedback import RunningMean, adapting, batch_kl


def test_running_mean_by_hand():
    # a = 0.5: weights 1/2 of the last and 1/4 of the first, over their sum 3/4: (8 / 2 + 2 / 4) / (3 / 4) = 6
    mean = RunningMean(0.5)
    assert mean.update(torch.tensor(2.0)).item() == pytest.approx(2)
    assert mean.update(torch.tensor(8.0)).item() == pytest.approx(6)


@given(st.floats(0, 0.99), st.lists(st.floats(0, 100), min_size=1, max_size=6))
def test_running_mean_is_between_the_values_and_without_smoothing_the_last(smoothing, values):
    smoothed, last = RunningMean(smoothing), RunningMean(0.0)
    for value in values:
        mean = smoothed.update(torch.tensor(value)).item()
        assert last.update(torch.tensor(value)).item() == pytest.approx(value)
    assert min(values) - 1e-3 <= mean <= max(values) + 1e-3


def terms_with_kl(*kl, **context):
    """Unit variances and means in one dimension, so that KL = mean^2 / 2."""
    mean = torch.tensor([[(2 * value) ** 0.5, 0.0] for value in kl], requires_grad=True)
    return make_terms(posterior=DiagonalGaussian(mean, torch.zeros_like(mean)), **context)


def test_kl_is_the_batch_mean_in_nats_without_a_gradient():
    # (1 + 4) / 2 = 2.5
    kl = batch_kl(terms_with_kl(1.0, 4.0))
    assert kl.item() == pytest.approx(2.5)
    assert not kl.requires_grad


def test_kl_is_the_true_one_under_another_kl_term():
    masked = FreeBits(target=50.0).objective(terms_with_kl(1.0, 4.0), clock())
    assert masked.kl.sum(-1).mean().item() == pytest.approx(50)
    assert batch_kl(masked).item() == pytest.approx(2.5)


def test_state_moves_in_updates_only():
    assert adapting(terms_with_kl(1.0))
    assert not adapting(terms_with_kl(1.0, training=False))
    with torch.no_grad():
        assert not adapting(terms_with_kl(1.0))

"""Population statistics: exact over the split, whatever the batches; and what a calibration leaves as it was."""

import pytest
import torch
from support import tiny_model, tiny_split
from torch import nn

from vaecli.core.errors import DataError, UsageError
from vaecli.corpus.types import collate
from vaecli.model.calibration import Calibrated, Moments, calibrate, needs_calibration
from vaecli.model.normalisation import BatchNorm

N = 11


def batches(*sizes, n=N):
    """The sentences of the tiny split in order, in batches of the given sizes."""
    split, start = tiny_split(n), 0
    for size in sizes:
        yield collate(split, torch.arange(start, start + size))
        start += size


def means_hat(model):
    """(N, Z) posterior means of the whole split, one sentence a batch, so padding and company play no part."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model.posterior(b).mean for b in batches(*[1] * N)])


def test_moments_by_hand():
    # 1, 3 | 8: mean 12 / 3 = 4, biased variance ((-3)^2 + (-1)^2 + 4^2) / 3 = 26 / 3
    moments = Moments()
    moments.add(torch.tensor([[1.0], [3.0]]))
    moments.add(torch.zeros(0, 1))
    moments.add(torch.tensor([[8.0]]))
    assert moments.count == 3
    assert moments.mean.item() == pytest.approx(4)
    assert moments.variance.item() == pytest.approx(26 / 3)


def test_moments_keep_a_small_spread_on_a_large_mean():
    # 1e8 + {0, 1, 2, 3}: variance 1.25; the mean of squares minus the squared mean keeps no digit of it in float64
    moments = Moments()
    for value in range(4):
        moments.add(torch.tensor([[1e8 + value]], dtype=torch.float64))
    assert moments.variance.item() == pytest.approx(1.25, abs=1e-6)


def test_batch_norm_by_hand():
    # 0, 4: mean 2, biased variance 4, eps 5: (x - 2) / 3; the unbiased variance 8 would give / sqrt(13)
    norm = BatchNorm(1, eps=5.0)
    assert norm(torch.tensor([[0.0], [4.0]])).flatten().tolist() == pytest.approx([-2 / 3, 2 / 3])


def test_a_training_batch_of_one_sentence_is_refused():
    model = tiny_model("bn")
    with pytest.raises(UsageError, match=r"one sentence.*batch_size"):
        model.posterior(next(batches(1)))


def test_a_fresh_norm_in_evaluation_is_the_identity():
    x = torch.randn(3, 4)
    assert torch.allclose(BatchNorm(4, eps=1e-8).eval()(x), x, atol=1e-6)


@pytest.mark.parametrize("sizes", [(11,), (4, 4, 3), (1, 7, 2, 1)])
def test_statistics_are_those_of_the_split_however_it_is_batched(sizes):
    model = tiny_model("bn")
    wrapped = model.head.wrapped
    calibrate(model, batches(*sizes))
    with torch.no_grad():
        raw = torch.cat([wrapped(model.encode(b)).mean for b in batches(*[1] * N)]).double()
    assert torch.allclose(model.head.norm.mean.double(), raw.mean(0), atol=1e-6)
    assert torch.allclose(model.head.norm.variance.double(), raw.var(0, correction=0), rtol=1e-5)


def test_law_of_bn_over_the_train_split():
    model = tiny_model("bn", {"bn": {"gamma": 0.7, "eps": 1e-2}})
    with torch.no_grad():
        model.head.shift.copy_(torch.tensor([0.5, -1.0, 0.0, 2.0]))
    calibrate(model, batches(4, 4, 3))
    v, hat = model.head.norm.variance, means_hat(model)
    assert torch.allclose(hat.mean(0), model.head.shift, atol=1e-5)
    assert torch.allclose(hat.var(0, correction=0), 0.49 * v / (v + 1e-2), rtol=1e-4)


def test_law_of_bn_scale_over_the_train_split():
    # E[mean^2] + E[sigma^2] = 1 per dimension, also in evaluation
    model = tiny_model("bn_scale")
    with torch.no_grad():
        model.head.theta.copy_(torch.tensor([0.5, -1.0, 0.0, 2.0]))
    calibrate(model, batches(4, 4, 3))
    model.eval()
    with torch.no_grad():
        q = model.posterior(next(batches(N)))
    assert torch.allclose(q.mean.mean(0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(q.mean.square().mean(0) + q.logvar.exp().mean(0), torch.ones(4), atol=1e-4)


def test_evaluation_does_not_depend_on_the_company_in_a_batch():
    model = tiny_model("bn")
    calibrate(model, batches(5, 6))
    alone = means_hat(model)
    with torch.no_grad():
        together = model.posterior(next(batches(N))).mean
    assert torch.allclose(alone, together, atol=1e-5)
    model.train()
    assert not torch.allclose(model.posterior(next(batches(3))).mean, alone[:3], atol=1e-2)


def test_a_second_calibration_starts_from_nothing():
    model, again = tiny_model("bn"), tiny_model("bn")
    calibrate(model, batches(3))
    calibrate(model, batches(5, 6))
    calibrate(again, batches(5, 6))
    assert torch.equal(model.head.norm.mean, again.head.norm.mean)
    assert torch.equal(model.head.norm.variance, again.head.norm.variance)


class NoiseInTraining(nn.Module):
    """Corrupts what the encoder reads, and draws random numbers in any mode."""

    def forward(self, batch):
        torch.rand(3)
        assert not self.training, "the encoder's noise is for training"
        return batch


def test_modes_and_random_state_are_as_before():
    model = tiny_model("bn")
    model.encoder_noise = NoiseInTraining()
    model.train()
    model.decoder.eval()
    before = [m.training for m in model.modules()]
    state = torch.random.get_rng_state()
    calibrate(model, batches(5, 6))
    assert [m.training for m in model.modules()] == before
    assert torch.equal(torch.random.get_rng_state(), state)


def test_training_leaves_the_population_statistics_alone():
    model = tiny_model("bn")
    model.posterior(next(batches(5)))
    assert torch.equal(model.head.norm.mean, torch.zeros(4))
    assert torch.equal(model.head.norm.variance, torch.ones(4))


def test_a_pass_that_fails_changes_nothing():
    def broken():
        yield from batches(4)
        raise KeyboardInterrupt

    model = tiny_model("bn")
    calibrate(model, batches(5, 6))
    before = model.head.norm.mean.clone()
    with pytest.raises(KeyboardInterrupt):
        calibrate(model, broken())
    assert torch.equal(model.head.norm.mean, before)
    assert model.training
    means_hat(model)  # no longer collects
    assert torch.equal(model.head.norm.mean, before)


def test_no_sentence_is_an_error():
    with pytest.raises(DataError, match="sentences"):
        calibrate(tiny_model("bn"), iter(()))


def test_a_model_without_statistics_reads_no_batch():
    def untouchable():
        raise AssertionError("read")
        yield

    model = tiny_model("vanilla")
    assert not needs_calibration(model)
    calibrate(model, untouchable())
    assert needs_calibration(tiny_model("bn"))
    assert isinstance(BatchNorm(2), Calibrated)


def test_the_checkpoint_carries_the_statistics():
    model, other = tiny_model("bn"), tiny_model("bn", seed=1)
    calibrate(model, batches(5, 6))
    other.load_state_dict(model.state_dict())
    assert torch.equal(means_hat(other), means_hat(model))

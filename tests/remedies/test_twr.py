"""Laws of timestep-wise regularisation: weights of the steps, the average, and evaluation as ever."""

import math

import pytest
import torch
from support import clock, make_terms, split_of, tiny_batch, tiny_model
from torch import nn

from vaecli.core.errors import UsageError
from vaecli.corpus.types import collate
from vaecli.model.encoder import Encoding
from vaecli.model.posterior import DiagonalGaussian, PosteriorHead, gaussian_kl
from vaecli.model.prior import StandardNormal
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.shared.timestep import TimestepGaussian, TimestepHead, step_weights
from vaecli.remedies.twr import TWR


class Given(PosteriorHead):
    """Features as the mean, unit variance, so that the KL is mean^2 / 2."""

    def forward(self, encoding):
        return DiagonalGaussian(encoding.features, torch.zeros_like(encoding.features))


def encoding(rows, steps):
    """Given states of one dimension; the features are those after the last step."""
    states, steps = torch.tensor(rows).unsqueeze(-1), torch.tensor(steps)
    return Encoding(states[torch.arange(len(steps)), steps - 1], states, steps)


def test_average_by_hand():
    # KLs 1/2, 2, 9/2 of means 1, 2, 3: mean 7/3. The second sentence has two steps, 8 and 0: 4; then padding
    e = encoding([[1.0, 2.0, 3.0], [4.0, 0.0, math.nan]], [3, 2])
    q = TimestepHead(Given(), 1.0)(e)
    assert q.step_kl.flatten().tolist() == pytest.approx([7 / 3, 4.0])
    assert q.mean.flatten().tolist() == [3.0, 0.0]


def test_last_two_thirds_by_hand():
    # round(2/3 * 3) = 2 steps: (2 + 9/2) / 2 = 3.25; of 2 steps round(4/3) = 1, the last: 0
    e = encoding([[1.0, 2.0, 3.0], [4.0, 0.0, math.nan]], [3, 2])
    assert TimestepHead(Given(), 2 / 3)(e).step_kl.flatten().tolist() == pytest.approx([3.25, 0.0])


@pytest.mark.parametrize("portion", [0.01, 0.25, 0.5, 0.75, 1.0])
def test_weights_are_equal_and_sum_to_1_over_the_last_steps(portion):
    steps = torch.tensor([1, 2, 5, 8])
    weights = step_weights(steps, 9, portion)
    assert torch.allclose(weights.sum(1), torch.ones(4, dtype=weights.dtype))
    for row, n in zip(weights.tolist(), steps.tolist(), strict=True):
        count = max(1, round(portion * n))
        assert row == pytest.approx([0.0] * (n - count) + [1 / count] * count + [0.0] * (9 - n))


def test_one_step_is_the_vae():
    q = TimestepHead(Given(), 1.0)(encoding([[2.0, math.nan]], [1]))
    assert torch.equal(q.step_kl, q.kl(StandardNormal(1)))


def test_the_last_step_alone_is_the_vae():
    model, batch = tiny_model("twr", {"twr": {"portion": 1e-3}}), tiny_batch(5)
    terms = raw_terms(model, batch)
    new = TWR().objective(terms, clock())
    assert torch.allclose(new.kl, terms.kl, atol=1e-7)
    vanilla = tiny_model("vanilla")
    assert torch.allclose(new.kl, vanilla.posterior(batch).kl(vanilla.prior), atol=1e-7)


def test_a_posterior_shared_by_all_steps_is_the_vae():
    # a head without weights gives N(0, I) at each step
    model = tiny_model("twr")
    for parameter in model.head.parameters():
        nn.init.zeros_(parameter)
    terms = raw_terms(model, tiny_batch(5))
    assert torch.equal(TWR().objective(terms, clock()).kl, torch.zeros(5, 4))


def test_the_average_is_that_of_the_prefixes():
    # step t of a sentence is the last step of its first t symbols: <s>, <s> 4, <s> 4 5, <s> 4 5 </s>
    model = tiny_model("twr")
    batch = collate(split_of([4, 5]), torch.arange(1))
    q = model.posterior(batch)
    kls = []
    for t in range(1, 5):
        states, _ = model.encoder.lstm(model.encoder.embedding(batch.tokens[:, :t]))
        last = model.head.wrapped(Encoding(states[:, -1], states, torch.tensor([t])))
        kls.append(gaussian_kl(last.mean, last.logvar))
    assert torch.allclose(q.step_kl, torch.stack(kls).mean(0), atol=1e-7)


def test_padding_changes_nothing():
    model = tiny_model("twr")
    alone = model.posterior(collate(split_of([4, 5]), torch.arange(1)))
    padded = model.posterior(collate(split_of([4, 5], [6] * 9), torch.arange(2)))
    assert torch.allclose(padded.step_kl[:1], alone.step_kl, atol=1e-7)
    assert torch.allclose(padded.mean[:1], alone.mean, atol=1e-7)


def test_evaluation_reports_the_kl_of_the_z_that_is_used():
    mine, vanilla, batch = tiny_model("twr").eval(), tiny_model("vanilla").eval(), tiny_batch(5)
    q = mine.posterior(batch)
    assert type(q) is DiagonalGaussian
    torch.manual_seed(0)
    terms = raw_terms(mine, batch)
    torch.manual_seed(0)
    expected = raw_terms(vanilla, batch)
    assert torch.equal(terms.kl, expected.kl)
    assert torch.equal(terms.nll, expected.nll)


def test_z_and_the_reconstruction_are_those_of_the_last_step():
    mine, vanilla, batch = tiny_model("twr"), tiny_model("vanilla"), tiny_batch(5)
    torch.manual_seed(0)
    new = make_method("twr").objective(raw_terms(mine, batch), clock())
    torch.manual_seed(0)
    expected = raw_terms(vanilla, batch)
    assert torch.equal(new.z, expected.z)
    assert torch.equal(new.nll, expected.nll)
    assert not torch.allclose(new.kl, expected.kl)


def test_the_kl_weight_acts_on_the_average():
    method = make_method("linear_anneal+twr")
    terms = raw_terms(method.build(tiny_model().shape, 0), tiny_batch(5))
    new = method.objective(terms, clock(5))
    assert 0 < new.kl_weight < 1
    expected = (new.nll + new.kl_weight * terms.context.posterior.step_kl.sum(-1)).mean()
    assert new.loss.item() == pytest.approx(expected.item(), rel=1e-6)


def test_posteriors_of_several_batches_join():
    parts = [TimestepGaussian(*torch.randn(3, n, 2)) for n in (2, 3)]
    assert TimestepGaussian.cat(parts).step_kl.shape == (5, 2)


def test_statistics_of_the_batch_are_refused():
    with pytest.raises(UsageError, match=r"'bn' and 'twr'.*'posterior'"):
        make_method("bn+twr")


def test_another_posterior_is_refused():
    with pytest.raises(UsageError, match=r"'twr' needs the posteriors of all encoder steps, got DiagonalGaussian"):
        TWR().objective(make_terms(), clock())


@pytest.mark.parametrize("portion", [0.0, 1.1])
def test_portions_outside_0_1_are_refused(portion):
    with pytest.raises(UsageError, match=r"twr\.portion"):
        make_method("twr", {"twr": {"portion": portion}})

"""Laws of Scale-VAE: what the decoder reads has one spread, and by how much its true KL exceeds the trained one."""

import pytest
import torch
from remedies.figures import check_figures
from support import clock, tiny_batch, tiny_model, tiny_split

from vaecli.core.errors import UsageError
from vaecli.corpus.types import collate
from vaecli.model.calibration import calibrate
from vaecli.model.encoder import Encoding
from vaecli.model.posterior import GaussianHead
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.scale import ScaleHead, ScaleVAE


def test_two_sentences_by_hand():
    # means 1 and 3: std 1 (biased), f = s = 2, read as 2 and 6; logvar 0: trained KL 1/2 and 9/2, true 2 and 18
    head = ScaleHead(GaussianHead(1, 1), 1, 2.0, 1e-12)
    with torch.no_grad():
        head.wrapped.mean.weight.fill_(1.0)
        head.wrapped.logvar.weight.zero_()
    features = torch.tensor([[1.0], [3.0]])
    q = head(Encoding(features, features.unsqueeze(1), torch.ones(2, dtype=torch.int64)))
    assert q.mean.flatten().tolist() == pytest.approx([2.0, 6.0])
    assert q.unscaled.flatten().tolist() == [1.0, 3.0]


@pytest.mark.parametrize("deviation", [0.5, 1.0, 3.0])
def test_the_means_that_are_read_have_the_deviation_in_training_and_on_the_train_split(deviation):
    model = tiny_model("scale", {"scale": {"deviation": deviation}})
    q = model.posterior(tiny_batch(8))
    torch.testing.assert_close(q.mean.std(0, correction=0), torch.full((4,), deviation))
    split = tiny_split(40)
    calibrate(model, [collate(split, torch.arange(40))])
    model.eval()
    means = model.posterior(collate(split, torch.arange(40))).mean
    torch.testing.assert_close(means.std(0, correction=0), torch.full((4,), deviation))


def test_the_true_kl_exceeds_the_trained_one_by_the_scaling():
    model = tiny_model("scale", init_range=1.0)
    raw = raw_terms(model, tiny_batch(8))
    trained, q = ScaleVAE().objective(raw, clock()), raw.context.posterior
    factor = q.mean / q.unscaled
    torch.testing.assert_close(raw.kl - trained.kl, (factor.square() - 1) * q.unscaled.square() / 2)
    assert (factor.max(0).values - factor.min(0).values).abs().max() < 1e-3  # one factor for all sentences


def test_sentences_keep_their_order_and_the_mean_is_not_centred():
    model = tiny_model("scale", init_range=1.0)
    q = model.posterior(tiny_batch(8))
    assert torch.equal(q.mean.argsort(0), q.unscaled.argsort(0))
    torch.testing.assert_close(
        q.mean.mean(0) / q.mean.std(0, correction=0), q.unscaled.mean(0) / q.unscaled.std(0, correction=0)
    )


def test_figures_are_of_the_posterior_that_is_read():
    model = tiny_model("scale", init_range=1.0)
    calibrate(model, [collate(tiny_split(60, seed=5), torch.arange(60))])
    assert check_figures(model)["kl"] > 0.5 * 4 * 1.0  # Z s^2 / 2 from the means alone


def test_shrinking_the_means_lowers_the_trained_kl_and_nothing_else():
    model, batch = tiny_model("scale", init_range=1.0), tiny_batch(8)
    torch.manual_seed(0)
    before = ScaleVAE().objective(raw_terms(model, batch), clock())
    with torch.no_grad():
        model.head.wrapped.mean.weight.mul_(0.01)
    torch.manual_seed(0)
    after = ScaleVAE().objective(raw_terms(model, batch), clock())
    torch.testing.assert_close(after.nll, before.nll, atol=1e-3, rtol=0)
    assert after.kl.sum() < before.kl.sum()


@pytest.mark.parametrize("other", ["mog", "semi_amortized", "vmf", "free_bits"])
def test_what_changes_prior_posterior_or_kl_is_refused(other):
    with pytest.raises(UsageError, match="can't be composed"):
        make_method(f"scale+{other}")

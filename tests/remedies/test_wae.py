"""Laws of the Wasserstein autoencoder: no KL, and lambda MMD^2 against the prior."""

import pytest
import torch
from support import clock, make_terms, tiny_batch, tiny_model

from vaecli.core.errors import UsageError
from vaecli.model.posterior import DiagonalGaussian
from vaecli.model.prior import Prior
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.info_mmd import InfoMMD
from vaecli.remedies.wae import WAE


def terms(n=8, **more):
    generator = torch.Generator().manual_seed(0)
    q = DiagonalGaussian(torch.randn(n, 3, generator=generator), torch.randn(n, 3, generator=generator))
    return make_terms(nll=torch.rand(n, generator=generator), posterior=q, **more)


class Fixed(Prior):
    """Samples 1 and 3 whatever the noise, so that the statistic can be worked out by hand."""

    def sample(self, noise):
        return torch.tensor([[1.0], [3.0]])

    def log_prob(self, z):
        return torch.zeros(z.shape[:-1])


def test_loss_by_hand():
    # z = 0, 2 against 1, 3, h = 1: within exp(-2) = 0.1353353 twice, between (3 exp(-1/2) + exp(-9/2)) / 4 = 0.4576752
    # twice: MMD^2 = -0.6446799 (the U-statistic may be negative). Times 10, and nll 1 and 4: 2.5 - 6.446799
    q = DiagonalGaussian(torch.tensor([[0.0], [2.0]]), torch.zeros(2, 1))
    t = make_terms(nll=[1.0, 4.0], posterior=q, prior=Fixed(1))
    assert WAE(scaling=10, kernel="rbf").objective(t, clock()).loss.item() == pytest.approx(-3.946799, abs=1e-5)


def test_lambda_zero_is_the_reconstruction_alone():
    t = terms()
    assert WAE(scaling=0).objective(t, clock()).loss.item() == pytest.approx(t.nll.mean().item())


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_it_is_info_mmd_at_alpha_1(kernel):
    t, losses = terms(), []
    for remedy in (WAE(scaling=7, kernel=kernel), InfoMMD(alpha=1, scaling=7, kernel=kernel)):
        torch.manual_seed(0)
        losses.append(remedy.objective(t, clock()).loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_no_kl_is_left_whatever_the_posterior():
    far = DiagonalGaussian(torch.full((2, 3), 9.0), torch.full((2, 3), -20.0))
    new = WAE().objective(make_terms(posterior=far), clock())
    assert torch.equal(new.kl, torch.zeros(2, 3))
    assert new.kl_weight == 0


def test_the_divergence_moves_the_encoder():
    model, batch = tiny_model("wae"), tiny_batch(6)
    torch.manual_seed(0)
    raw = raw_terms(model, batch)
    WAE(scaling=1).objective(raw, clock()).extra.mean().backward()
    assert model.head.mean.weight.grad.abs().sum() > 0
    assert model.decoder.output.weight.grad is None


def test_kl_weights_and_kl_functionals_are_refused():
    for other in ("linear_anneal", "free_bits"):
        with pytest.raises(UsageError, match="can't be composed"):
            make_method(f"wae+{other}")


def test_a_normalised_posterior_composes():
    method = make_method("bn+wae")
    model = method.build(tiny_model().shape, 0)
    assert torch.isfinite(method.objective(raw_terms(model, tiny_batch(6)), clock()).loss)


def test_negative_lambda_is_refused():
    with pytest.raises(UsageError, match=r"wae\.scaling"):
        make_method("wae", {"wae": {"scaling": -1}})

"""Laws of mu-forcing: the spread, the weight at which it turns, the KL it ensures."""

import pytest
import torch
from support import clock, make_terms, tiny_batch, tiny_model

from vaecli.core.errors import UsageError
from vaecli.model.posterior import DiagonalGaussian
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.mu_forcing import MuForcing, hinge, spread


def terms_of(mean, **context):
    return make_terms(posterior=DiagonalGaussian(mean, torch.zeros_like(mean)), **context)


def test_spread_and_hinge_by_hand():
    # means (0, 0) and (2, 4): centre (1, 2), both 1 + 4 = 5 from it, half of the mean 2.5; margin 3 leaves 0.5
    mean = torch.tensor([[0.0, 0.0], [2.0, 4.0]])
    assert spread(mean).item() == pytest.approx(2.5)
    assert hinge(mean, 3.0).item() == pytest.approx(0.5)
    assert MuForcing().objective(terms_of(mean), clock()).extra.tolist() == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("name", ["bn", "du", "scale"])
def test_means_of_one_spread_leave_it_nothing_to_force(name):
    """bn: Z gamma^2 / 2 whatever the encoder does, so the hinge is a constant; such a pair is refused."""
    model, batch = tiny_model(name, init_range=0.5).train(), tiny_batch(8)
    mean = raw_terms(model, batch).context.posterior.mean
    gradients = torch.autograd.grad(hinge(mean, 50.0), list(model.head.parameters()), allow_unused=True)
    assert max(g.abs().max().item() for g in gradients if g is not None) < 1e-5
    if name == "bn":
        assert spread(mean).item() == pytest.approx(mean.size(1) * 0.6**2 / 2, rel=1e-5)
    with pytest.raises(UsageError, match=f"'mu_forcing' needs posterior means that training can move apart.*'{name}'"):
        make_method(f"{name}+mu_forcing")


def test_a_shift_of_all_means_is_no_spread():
    mean = torch.randn(5, 3)
    assert spread(mean + 7).item() == pytest.approx(spread(mean).item(), rel=1e-3)
    assert spread(torch.full((5, 3), 7.0)).item() == 0


def test_a_satisfied_margin_is_the_vae():
    mean = torch.tensor([[-3.0, 0.0], [3.0, 0.0]], requires_grad=True)  # spread 4.5
    terms = terms_of(mean)
    new = MuForcing().objective(terms, clock())
    assert torch.equal(new.loss, terms.loss)
    new.loss.backward()
    torch.testing.assert_close(mean.grad, mean.detach() / 2)  # of the KL alone, mean / B


def test_a_margin_of_zero_is_the_vae():
    terms = terms_of(torch.randn(4, 3))
    assert torch.equal(MuForcing(margin=0).objective(terms, clock()).loss, terms.loss)


@pytest.mark.parametrize(("weight", "kl_weight"), [(2.0, 1.0), (1.0, 1.0), (1.0, 0.4), (0.5, 1.0)])
def test_below_the_margin_the_centred_means_feel_the_difference_of_the_weights(weight, kl_weight):
    mean = (0.1 * torch.randn(6, 3, dtype=torch.float64)).requires_grad_()
    terms = terms_of(mean, kl_weight=kl_weight)
    MuForcing(weight=weight).objective(terms, clock()).loss.backward()
    centre = mean.detach().mean(0)
    # along mean - m: (beta - w) (mean - m) / B, nothing at beta = w; along m the KL's own pull beta m / B
    expected = ((kl_weight - weight) * (mean.detach() - centre) + kl_weight * centre) / 6
    torch.testing.assert_close(mean.grad, expected)


def test_where_the_hinge_rests_the_kl_is_at_least_the_margin():
    torch.manual_seed(0)
    for margin in (1.0, 3.0, 8.0):
        mean = torch.randn(16, 4)
        mean = mean * (margin / spread(mean)).sqrt()
        assert hinge(mean, margin).item() == pytest.approx(0, abs=1e-5)
        kl = DiagonalGaussian(mean, torch.randn(16, 4)).kl(tiny_model().prior).sum(-1).mean()
        assert kl.item() >= margin - 1e-5


def test_one_sentence_has_no_spread_and_no_pull():
    mean = torch.tensor([[1.0, 2.0]], requires_grad=True)
    hinge(mean, 3.0).backward()
    assert mean.grad.tolist() == [[0.0, 0.0]]


def test_it_adds_to_what_others_add_and_leaves_the_kl_weight():
    terms = terms_of(torch.zeros(2, 3)).add(torch.tensor(7.0))
    new = make_method("beta+mu_forcing").objective(terms, clock())
    assert new.extra.tolist() == [13.0, 13.0]  # 7 + 2 * 3
    assert new.kl_weight == 0.4
    assert new.kl is terms.kl


def test_the_hinge_reaches_the_encoder():
    model = tiny_model("mu_forcing")
    MuForcing().objective(raw_terms(model, tiny_batch(4)), clock()).extra.mean().backward()
    assert model.head.mean.weight.grad.abs().sum() > 0
    assert model.head.logvar.weight.grad is None or model.head.logvar.weight.grad.abs().sum() == 0

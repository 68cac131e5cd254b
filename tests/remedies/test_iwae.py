"""Laws of the importance-weighted objective: the ELBO at K = 1, falling in K, -log p(x) with the true posterior."""

import math

import pytest
import torch
from remedies.multisample import NLL, toy_terms
from support import clock, tiny_batch, tiny_model

from vaecli.core.errors import UsageError
from vaecli.corpus.types import repeat_batch
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.iwae import IWAE
from vaecli.remedies.shared.multisample import neg_bound, sampled_losses


def losses(terms, samples):
    bound = IWAE(samples=samples).objective(terms, clock())
    assert bound.kl_weight == 1.0
    return bound.nll + bound.kl.sum(-1) + bound.extra


def test_a_bound_by_hand():
    # weights 1/2 and 1/8: -log(5/16) = 1.1631508
    assert neg_bound(torch.tensor([[0.5], [0.125]]).log()).item() == pytest.approx(1.1631508, abs=1e-6)


@pytest.mark.parametrize("samples", [1, 2, 7])
def test_with_the_true_posterior_every_sample_says_log_p_x(samples):
    terms = toy_terms(50)
    assert losses(terms, samples).tolist() == pytest.approx([NLL] * 50, abs=1e-6)


def test_it_falls_with_k_towards_log_p_x():
    terms = toy_terms(40_000, mean=-0.5, variance=1.0)
    bounds = {k: losses(terms, k).detach() for k in (1, 2, 8, 64)}
    means = [bounds[k].mean().item() for k in (1, 2, 8, 64)]
    assert means == sorted(means, reverse=True)
    assert means[-1] == pytest.approx(NLL, abs=0.02)
    # K = 1 is the -ELBO: E (z - 1)^2 / 2 = (1.5^2 + 1) / 2 and KL = 0.5^2 / 2
    error = bounds[1].std().item() / math.sqrt(40_000)
    assert means[0] == pytest.approx(1.625 + 0.125, abs=5 * error)


def test_one_sample_is_the_bound_at_the_sample_of_the_vanilla_terms():
    model = tiny_model("iwae", init_range=1.0)
    terms = raw_terms(model, tiny_batch(4))
    q, z = terms.context.posterior, terms.z
    ratio = q.log_prob(z.unsqueeze(0))[0] - model.prior.log_prob(z)
    torch.testing.assert_close(losses(terms, 1), terms.nll + ratio)


def test_samples_are_decoded_together_as_one_by_one():
    model, batch, z = tiny_model(init_range=1.0), tiny_batch(4), torch.randn(3, 4, 4)
    terms = raw_terms(model, batch)
    torch.testing.assert_close(sampled_losses(terms, z), model.nll(z, batch))
    assert sampled_losses(terms, z[:0]).shape == (0, 4)
    assert repeat_batch(batch, 3).size == 12


def test_the_gradient_reaches_encoder_and_decoder():
    model = tiny_model("iwae")
    IWAE(samples=3).objective(raw_terms(model, tiny_batch(4)), clock()).loss.backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("other", ["iaf", "mog", "bn", "semi_amortized"])
def test_it_takes_any_posterior_with_a_density(other):
    method = make_method(f"iwae+{other}", {"iwae": {"samples": 2}, "semi_amortized": {"steps": 1}})
    model = method.build(tiny_model(latent_size=4).shape, 0)
    assert method.objective(raw_terms(model, tiny_batch(4)), clock()).loss.isfinite()


@pytest.mark.parametrize("other", ["ae", "free_bits", "beta", "dreg", "ciwae"])
def test_what_weighs_or_replaces_the_kl_is_refused(other):
    with pytest.raises(UsageError, match="can't be composed"):
        make_method(f"iwae+{other}")

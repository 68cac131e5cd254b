"""Laws of DI-VAE: information by entropies, its ceiling, an exact marginal against the bounds, one-hot samples."""

import itertools
import math

import pytest
import torch
from remedies.figures import check_figures
from support import clock, scoring, tiny_batch, tiny_model, tiny_split

from vaecli.core.errors import UsageError
from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.columns.iw import importance_weighted_nll
from vaecli.model.categorical import CategoricalPosterior, Classes, UniformClasses, gumbel, kl_to_uniform
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.di import DIVAE, batch_prior_kl

SMALL = {"di": {"variables": 2, "classes": 3}}


def posterior_of(probabilities, variables=1):
    p = torch.tensor(probabilities, dtype=torch.float64)
    return CategoricalPosterior(p, p.log(), Classes(variables, p.shape[1] // variables, 1.0))


def test_two_sentences_by_hand():
    # q = (3/4, 1/4) and (1/4, 3/4): the mean is uniform, KL 0; each has KL log 2 - H(1/4) = 0.1308120 = I
    q = posterior_of([[0.75, 0.25], [0.25, 0.75]])
    assert batch_prior_kl(q).tolist() == pytest.approx([0.0], abs=1e-12)
    assert kl_to_uniform(q.log_probs).tolist() == pytest.approx([0.1308120] * 2, abs=1e-6)


def test_the_kl_of_the_elbo_is_the_trained_one_plus_the_information():
    model = tiny_model("di", SMALL, init_range=2.0)
    raw = raw_terms(model, tiny_batch(8))
    trained = DIVAE(**SMALL["di"]).objective(raw, clock())
    p = raw.context.posterior.layout.split(raw.context.posterior.mean)
    entropy = -(p * p.log()).sum(-1).mean(0)
    mean = p.mean(0)
    information = -(mean * mean.log()).sum(-1) - entropy
    torch.testing.assert_close(raw.kl.mean(0), trained.kl.mean(0) + information)
    assert trained.kl.shape == raw.kl.shape == (8, 2)


def test_the_ceiling_of_the_rate_is_m_log_c():
    sure = posterior_of([[1.0 - 2e-12, 1e-12, 1e-12] * 2], variables=2)
    assert sure.kl(UniformClasses(sure.layout)).sum().item() == pytest.approx(2 * math.log(3), abs=1e-9)
    layout = Classes(20, 10, 1.0)
    assert -UniformClasses(layout).log_prob(torch.zeros(1, 200)).item() == pytest.approx(46.0517019, abs=1e-4)


def every_code(layout):
    codes = itertools.product(range(layout.classes), repeat=layout.variables)
    return torch.stack([torch.nn.functional.one_hot(torch.tensor(c), layout.classes).flatten() for c in codes]).float()


def test_the_bounds_hold_the_exact_marginal():
    model = tiny_model("di", SMALL, init_range=0.7).eval()
    split, codes = tiny_split(6), every_code(model.prior.layout)
    batch = tiny_batch(split=split)
    with torch.no_grad():
        joint = torch.stack([-model.nll(code.expand(6, -1), batch) for code in codes]).double()
    exact = math.log(len(codes)) - joint.logsumexp(0)  # -log sum_z p(x|z) / C^M
    terms = elbo_terms(model, scoring(split))
    with torch.no_grad():
        q = terms.posterior
        inside = torch.stack([(q.log_prob(c.expand(1, 6, -1).double())[0]).exp() for c in codes])
        elbo = (inside * (joint - inside.clamp_min(1e-300).log() - math.log(len(codes)))).sum(0)
    assert (-elbo >= exact - 1e-9).all()
    bound = importance_weighted_nll(model, scoring(split), terms.posterior, 20_000)
    assert (bound - exact).abs().max() < 0.02
    assert torch.allclose(inside.sum(0), torch.ones(6, dtype=torch.float64))


def test_samples_are_one_hot_with_the_right_frequencies_and_a_gradient():
    q = posterior_of([[0.2, 0.3, 0.5]])
    z = q.sample(torch.randn(50_000, 1, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    assert set(z.unique().tolist()) == {0.0, 1.0}
    assert (z.sum(-1) == 1).all()
    # standard deviation sqrt(0.25 / 50000) = 0.0022
    assert z.mean((0, 1)).tolist() == pytest.approx([0.2, 0.3, 0.5], abs=0.012)
    logits = torch.zeros(1, 3, requires_grad=True)
    soft = CategoricalPosterior(logits.softmax(-1), logits.log_softmax(-1), Classes(1, 3, 0.5))
    noise = torch.randn(1, 1, 3)
    sample = soft.sample(noise)
    assert set(sample.detach().unique().tolist()) == {0.0, 1.0}
    sample[..., 0].sum().backward()
    # that of y = softmax((log q + g) / T) at T = 1/2: d y_0 / d logit_j = 2 y_0 (1[j = 0] - y_j)
    y = (2 * (gumbel(noise)[0] - math.log(3))).softmax(-1)
    torch.testing.assert_close(logits.grad, 2 * y[:, :1] * (torch.tensor([[1.0, 0.0, 0.0]]) - y))


def test_the_noise_is_gumbel():
    # the mean is Euler's constant and the variance pi^2 / 6
    g = gumbel(torch.randn(400_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    assert g.mean().item() == pytest.approx(0.5772157, abs=0.011)
    assert g.var().item() == pytest.approx(math.pi**2 / 6, abs=0.03)
    assert gumbel(torch.tensor([-8.5, 8.5])).isfinite().all()


def test_the_prior_is_uniform():
    z = UniformClasses(Classes(2, 3, 1.0)).sample(torch.randn(30_000, 6, generator=torch.Generator().manual_seed(0)))
    assert z.mean(0).tolist() == pytest.approx([1 / 3] * 6, abs=0.015)


def test_figures_obey_the_laws():
    values = check_figures(tiny_model("di", SMALL, init_range=2.0))
    assert values["kl"] <= 2 * math.log(3)
    check_figures(tiny_model("di"))


@pytest.mark.parametrize("decoder", ["lstm", "lstm_output"])
def test_the_decoder_is_of_the_kind_that_the_settings_name(decoder):
    model = tiny_model("di", SMALL, decoder=decoder)
    assert type(model.decoder) is type(tiny_model(decoder=decoder).decoder)
    assert model.decoder.latent_size == 6
    assert raw_terms(model, tiny_batch(4)).loss.isfinite()


def test_others_see_the_size_of_the_codes():
    for other in ("bow", "critic", "skip", "cnn", "slvae", "coupled", "historyless"):
        method = make_method(f"di+{other}", SMALL)
        model = method.build(tiny_model().shape, 0)
        assert model.latent_size == model.prior.latent_size == 6
        assert method.objective(raw_terms(model, tiny_batch(4)), clock()).loss.isfinite()
    with pytest.raises(UsageError, match="can't be composed"):
        make_method("di+free_bits")

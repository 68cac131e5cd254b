import pytest
import torch
from support import clock, tiny_batch, tiny_model

from vaecli.core.errors import UsageError
from vaecli.model.posterior import PointMass
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.ae import AE


def terms_of(method, hyper=None, seed=0, batch=None):
    model = tiny_model(method, hyper)
    torch.manual_seed(seed)
    return model, make_method(method, hyper).objective(raw_terms(model, batch or tiny_batch(5)), clock())


def test_the_code_is_the_mean_whatever_the_noise():
    _, first = terms_of("ae", seed=0)
    _, second = terms_of("ae", seed=1)
    assert isinstance(first.context.posterior, PointMass)
    assert torch.equal(first.z, first.context.posterior.mean)
    assert torch.equal(first.loss, second.loss)


def test_loss_is_the_nll_alone():
    _, terms = terms_of("ae")
    assert torch.equal(terms.loss, terms.nll.mean())
    assert terms.kl_weight == 0.0


def test_there_is_no_variance_to_learn():
    model, terms = terms_of("ae")
    terms.loss.backward()
    names = [name for name, _ in model.named_parameters()]
    assert not [name for name in names if "logvar" in name]
    assert all(p.grad is not None for _, p in model.named_parameters())
    assert model.head.mean.weight.grad.abs().sum() > 0


def test_is_the_vae_of_kl_weight_zero_with_its_variance_at_zero():
    # the sampled form z = mean + sigma noise at sigma = exp(-50) is the same number in float32
    batch = tiny_batch(5)
    vae, ae = tiny_model("vanilla"), tiny_model("ae")
    posterior = vae.posterior(batch)
    narrow = type(posterior)(posterior.mean, torch.full_like(posterior.mean, -100.0))
    z = narrow.sample(torch.randn(1, 5, 4)).squeeze(0)
    torch.testing.assert_close(vae.nll(z, batch), raw_terms(ae, batch).nll)


def test_starts_equal_to_the_vae():
    ae, vae = tiny_model("ae", seed=2), tiny_model("vanilla", seed=2)
    theirs = dict(vae.named_parameters())
    for name, parameter in ae.named_parameters():
        assert torch.equal(parameter, theirs[name]), name
    assert theirs.keys() - dict(ae.named_parameters()).keys() == {"head.logvar.weight"}


def test_undefined_figures_have_reasons():
    assert set(AE.undefined) == {
        "kl",
        "neg_elbo",
        "iw_nll",
        "iw_samples",
        "ppl_elbo",
        "ppl_iw",
        "ppl_word",
        "marginal_kl",
    }


@pytest.mark.parametrize("other", ["beta", "cyclical", "free_bits", "bn", "lm"])
def test_composes_with_nothing_on_the_kl_or_the_posterior(other):
    with pytest.raises(UsageError, match="can't be composed"):
        make_method(f"ae+{other}")


def test_composes_with_word_dropout():
    model, terms = terms_of("ae+word_dropout", {"word_dropout": {"rate": 1.0}})
    _, plain = terms_of("ae")
    assert torch.equal(terms.z, plain.z)
    assert not torch.equal(terms.nll, plain.nll)
    assert type(model.input_noise).__name__ == "UnknownWords"

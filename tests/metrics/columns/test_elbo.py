import math

import pytest
import torch
from metrics.toys import linear_gaussian
from support import scoring, split_of, tiny_model, tiny_split

from vaecli.corpus.batches import evaluation_batches
from vaecli.corpus.types import collate, repeat_batch
from vaecli.metrics import inference
from vaecli.metrics import scoring as scoring_module
from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.inference import sampled_nll
from vaecli.metrics.noise import sentence_noise


def run(model, split, batch_size=64, rec_samples=1, seed=0):
    return elbo_terms(model, scoring(split, batch_size, seed), rec_samples)


def same(first, second):
    return (
        torch.allclose(first.rec, second.rec, atol=1e-5)
        and torch.allclose(first.kl, second.kl, atol=1e-6)
        and torch.allclose(first.posterior.mean, second.posterior.mean, atol=1e-6)
        and torch.allclose(first.z, second.z, atol=1e-6)
    )


def test_closed_forms_of_the_linear_gaussian():
    # x = 3, q = N(1.5, 1/2): rec = log(2 pi) / 2 + ((3 - 1.5)^2 + 1/2) / 2 = 0.9189 + 1.375 = 2.2939,
    # KL = (2.25 + 0.5 - log 0.5 - 1) / 2 = 1.2216.
    model, split = linear_gaussian([3.0])
    terms = run(model, split, rec_samples=40_000)
    assert terms.kl.item() == pytest.approx(1.2216, abs=1e-4)
    assert terms.rec.item() == pytest.approx(2.2939, abs=0.03)  # its standard error is 0.0055
    # q is the true posterior, so the bound is tight: -log N(3; 0, 2) = log(4 pi) / 2 + 9 / 4 = 3.5155.
    assert terms.neg_elbo.item() == pytest.approx(0.5 * math.log(4 * math.pi) + 2.25, abs=0.03)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_batch_size_does_not_matter(batch_size):
    # Sentences of one to six words: alone there is no padding, together there is.
    model, split = tiny_model(), tiny_split(11)
    assert same(run(model, split, batch_size), run(model, split, 11))


def test_order_of_batches_does_not_matter(monkeypatch):
    model, split = tiny_model(), tiny_split(11)
    expected = run(model, split, 3)
    monkeypatch.setattr(
        scoring_module, "evaluation_batches", lambda s, b: [i.flip(0) for i in evaluation_batches(s, b)][::-1]
    )
    assert same(run(model, split, 3), expected)


def test_terms_are_in_the_order_of_the_split():
    # Sentences of equal words but unlike length: the longer one has more to pay.
    model = tiny_model()
    terms = run(model, split_of([5] * 6, [5], [5] * 3))
    assert terms.rec[0] > terms.rec[2] > terms.rec[1]


def test_figures_are_of_the_model_and_its_own_posterior():
    model, split = tiny_model().eval(), tiny_split(5)
    batch = collate(split, torch.arange(5))
    terms = run(model, split)
    with torch.no_grad():
        posterior = model.posterior(batch)
        assert torch.allclose(terms.kl.float(), posterior.kl(model.prior), atol=1e-6)
        assert torch.allclose(terms.rec.float(), model.nll(terms.z.float(), batch), atol=1e-5)
    noise = (terms.z - terms.posterior.mean) / (0.5 * terms.posterior.logvar).exp()
    assert noise.std() > 0.5  # z is sampled, not the mean


def test_more_samples_average_over_codes():
    model, split = tiny_model(init_range=1.0), tiny_split(5)
    batch = collate(split, torch.arange(5))
    terms = run(model, split, rec_samples=3)
    noise = sentence_noise(0, "rec", torch.arange(5), 3, 4)
    with torch.no_grad():
        z = terms.posterior.sample(noise).float()
        by_hand = sum(model.eval().nll(one, batch) for one in z) / 3
    assert torch.allclose(terms.rec.float(), by_hand, atol=1e-5)
    assert torch.allclose(terms.z.float(), z[0])


def test_dropout_and_word_noise_are_off():
    # A model in training mode with heavy dropout is measured as if there were none.
    noisy, quiet = tiny_model(embedding_dropout=0.9, output_dropout=0.9), tiny_model()
    split = tiny_split(6)
    assert same(run(noisy.train(), split), run(quiet, split))


def test_sampled_nll_is_the_nll_of_each_code(monkeypatch):
    monkeypatch.setattr(inference, "TOKEN_BUDGET", 100)
    model, split = tiny_model().eval(), tiny_split(4)
    batch = collate(split, torch.arange(4))
    z = torch.randn(7, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.no_grad():
        nll = sampled_nll(model, z, batch)
        assert nll.dtype == torch.float64
        assert torch.allclose(nll.float(), model.nll(z.float(), batch), atol=1e-5)


def test_repeated_batch_is_the_collation_of_repeated_places():
    split = tiny_split(4)
    places = torch.tensor([2, 0, 3])
    repeated, expected = repeat_batch(collate(split, places), 3), collate(split, places.repeat(3))
    for name in ("tokens", "lengths", "index", "rows"):
        assert torch.equal(getattr(repeated, name), getattr(expected, name)), name


def test_language_model_and_deterministic_code_have_no_kl():
    split = tiny_split(5)
    lm = run(tiny_model("lm"), split)
    assert (lm.kl, lm.posterior, lm.z) == (None, None, None)
    assert torch.equal(lm.neg_elbo, lm.rec)
    ae = run(tiny_model("ae"), split)
    assert (ae.kl, ae.neg_elbo) == (None, None)
    assert torch.equal(ae.z, ae.posterior.mean)

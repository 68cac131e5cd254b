"""Laws of consistency regularisation: copies without corruption give two vanilla losses, and the KL between them."""

import math
from dataclasses import replace

import pytest
import torch
from support import clock, split_of, tiny_batch, tiny_model

from vaecli.corpus.types import collate
from vaecli.model.posterior import DiagonalGaussian
from vaecli.objective import raw_terms
from vaecli.remedies.consistency import Consistency, posterior_divergence


def test_the_divergence_by_hand():
    # KL(N(1, 1) || N(0, 4)) = log 2 + (1 + 1) / 8 - 1/2 = 0.4431472, in two dimensions twice
    one = DiagonalGaussian(torch.ones(1, 2), torch.zeros(1, 2))
    other = DiagonalGaussian(torch.zeros(1, 2), torch.full((1, 2), math.log(4)))
    assert posterior_divergence(one, other).tolist() == pytest.approx([0.8862944])
    assert posterior_divergence(one, one).tolist() == [0.0]


def terms_of(model, batch, seed=0, kl_weight=1.0, **hyper):
    torch.manual_seed(0)
    raw = replace(raw_terms(model, batch), kl_weight=kl_weight)
    torch.manual_seed(seed)
    return raw, Consistency(**hyper).objective(raw, clock())


def test_without_corruption_it_is_two_vanilla_losses():
    model, batch = tiny_model("consistency", init_range=1.0), tiny_batch(4)
    raw, terms = terms_of(model, batch, rate=0.0, weight=5.0)
    # a second sample of the same posterior: equal KL, another reconstruction, equal in the mean over samples
    nll = torch.stack([raw_terms(model, batch).nll for _ in range(400)])
    second = torch.stack([terms_of(model, batch, seed, rate=0.0)[1].extra - raw.kl.sum(-1) for seed in range(400)])
    error = (nll.var(0) + second.var(0)).div(400).sqrt()
    assert ((nll.mean(0) - second.mean(0)).abs() < 5 * error).all()
    assert terms.kl is raw.kl


def test_the_second_bound_is_of_the_copy_or_of_the_sentence():
    # all words but one go, so that copies are of one word, whose nll is far smaller
    model = tiny_model("consistency")
    batch = collate(split_of([4, 5, 6, 7, 8, 9], [9, 8, 7, 6, 5, 4]), torch.arange(2))
    copy = terms_of(model, batch, rate=1.0, weight=0.0)[1].extra
    sentence = terms_of(model, batch, rate=1.0, weight=0.0, target="sentence")[1].extra
    assert (copy < 0.5 * sentence).all()


def test_the_kl_weight_is_that_of_both_bounds():
    model, batch = tiny_model("consistency", init_range=1.0), tiny_batch(4)
    without, half, whole = (terms_of(model, batch, kl_weight=w, rate=0.3)[1].extra for w in (0.0, 0.5, 1.0))
    torch.testing.assert_close(whole - half, half - without)
    assert (whole > without).all()


def test_both_posteriors_feel_the_divergence():
    model, batch = tiny_model("consistency", init_range=1.0), tiny_batch(4)
    raw, terms = terms_of(model, batch, rate=0.5, weight=1.0)
    _, free = terms_of(model, batch, rate=0.5, weight=0.0)
    assert (terms.extra > free.extra).any()
    (terms.extra - raw.extra).mean().backward()
    assert model.head.mean.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(("without", "left"), [({"kl"}, ["nll"]), ({"nll"}, []), ({"nll", "kl"}, [])])
def test_a_phase_without_the_kl_or_the_decoder_has_none_of_the_copy_either(without, left):
    model, batch = tiny_model("consistency", init_range=1.0), tiny_batch(4)
    raw, whole = terms_of(model, batch, rate=0.0, weight=0.0)
    torch.manual_seed(0)
    terms = Consistency(rate=0.0, weight=0.0).objective(raw, replace(clock(), without=frozenset(without)))
    # without corruption the copy's posterior is the sentence's own
    kl = raw.kl.sum(-1)
    expected = {"nll": whole.extra - kl, "kl": kl}
    torch.testing.assert_close(terms.extra, sum((expected[name] for name in left), torch.zeros(4)))

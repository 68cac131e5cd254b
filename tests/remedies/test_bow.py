"""Laws of the bag-of-words loss: words only, in any order, from z alone."""

import math

import pytest
import torch
from support import VOCABULARY_SIZE, clock, make_terms, split_of, tiny_batch, tiny_model, tiny_shape
from torch import nn

from vaecli.core.errors import UsageError
from vaecli.corpus.types import collate
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.bow import BOW, bag_of_words_nll


def batch_of(*sentences):
    return collate(split_of(*sentences), torch.arange(len(sentences)))


def test_uniform_logits_by_hand():
    # 12 types: log 12 a word; sentences of 3, 1 and 2 words, </s> and padding not counted
    value = bag_of_words_nll(torch.zeros(3, 12), batch_of([4, 5, 6], [7], [8, 8]))
    assert value.tolist() == pytest.approx([3 * math.log(12), math.log(12), 2 * math.log(12)], rel=1e-6)


def test_given_probabilities_by_hand():
    # p(4) = 1/2, p(5) = 1/4, the rest share 1/4: the words 4 5 4 have 2 log 2 + log 4 = 4 log 2 = 2.7725887
    p = torch.full((1, 12), 0.025)
    p[0, 4], p[0, 5] = 0.5, 0.25
    assert bag_of_words_nll(p.log(), batch_of([4, 5, 4])).item() == pytest.approx(2.7725887, abs=1e-6)


def test_order_does_not_matter_but_counts_do():
    logits = torch.randn(1, 12)
    one, two, three = (bag_of_words_nll(logits, batch_of(s)) for s in ([4, 5, 6, 6], [6, 4, 6, 5], [4, 5, 6, 5]))
    assert one.item() == pytest.approx(two.item())
    assert one.item() != pytest.approx(three.item())


def test_padding_changes_nothing():
    logits = torch.randn(2, 12)
    alone = bag_of_words_nll(logits[:1], batch_of([4, 5]))
    padded = bag_of_words_nll(logits, batch_of([4, 5], [6] * 9))
    assert padded[0].item() == pytest.approx(alone.item(), rel=1e-6)


def test_neither_the_end_of_the_sentence_nor_padding_is_predicted():
    logits = torch.zeros(1, 12, requires_grad=True)
    bag_of_words_nll(logits, batch_of([4, 4])).sum().backward()
    # gradient 2 p - counts: only word 4 is pulled up, the 11 others down by 2/12
    expected = torch.full((1, 12), 2 / 12)
    expected[0, 4] -= 2
    assert torch.allclose(logits.grad, expected)


def test_weight_zero_is_the_vae_and_the_weight_is_a_factor():
    model = tiny_model("bow")
    torch.manual_seed(0)
    terms = raw_terms(model, tiny_batch(4))
    assert torch.equal(BOW(weight=0).objective(terms, clock()).loss, terms.loss)
    one, three = (BOW(weight=w).objective(terms, clock()) for w in (1, 3))
    assert torch.equal(one.extra, bag_of_words_nll(model.aux["bow"](terms.z), terms.context.batch))
    assert torch.allclose(three.extra, 3 * one.extra)
    assert one.kl is terms.kl


def test_it_sees_z_and_nothing_else():
    # equal z give equal logits, so two sentences of the same words in another order have the same loss
    model = tiny_model("bow")
    batch = batch_of([4, 5, 6], [6, 5, 4])
    terms = make_terms(kl=torch.zeros(2, 4), z=torch.ones(2, 4), batch=batch, aux=dict(model.aux.items()))
    first, second = BOW().objective(terms, clock()).extra
    assert first.item() == pytest.approx(second.item(), rel=1e-6)


def test_the_gradient_reaches_the_encoder_and_the_network_but_not_the_decoder():
    model = tiny_model("bow")
    BOW().objective(raw_terms(model, tiny_batch(4)), clock()).extra.mean().backward()
    assert model.encoder.lstm.weight_ih_l0.grad.abs().sum() > 0
    assert all(p.grad.abs().sum() > 0 for p in model.aux["bow"].parameters())
    assert model.decoder.output.weight.grad is None


def test_the_network_is_one_tanh_layer_of_the_given_width():
    network = make_method("bow", {"bow": {"hidden": 9}}).build(tiny_shape(), 0).aux["bow"]
    kinds = [type(layer) for layer in network]
    assert kinds == [nn.Linear, nn.Tanh, nn.Linear]
    assert network[0].weight.shape == (9, 4)
    assert network[2].weight.shape == (VOCABULARY_SIZE, 9)
    assert BOW().hidden == 400


def test_the_rest_starts_as_in_vanilla():
    vanilla = dict(tiny_model("vanilla", seed=5).named_parameters())
    mine = dict(tiny_model("bow", seed=5).named_parameters())
    assert {name.split(".")[:2] == ["aux", "bow"] for name in set(mine) - set(vanilla)} == {True}
    assert all(torch.equal(mine[name], vanilla[name]) for name in vanilla)


def test_ranges():
    for field, value in (("weight", -1), ("hidden", 0)):
        with pytest.raises(UsageError, match=rf"bow\.{field}"):
            make_method("bow", {"bow": {field: value}})

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import clock, make_terms, tiny_batch, tiny_model

from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.free_bits import FreeBits, free_bits

MODES = ("dimension", "group", "sentence", "batch")


def value(kl, target, mode):
    return free_bits(kl, target, mode).sum(-1).mean().item()


def gradient(kl, target, mode):
    kl = kl.clone().requires_grad_()
    free_bits(kl, target, mode).sum(-1).mean().backward()
    return kl.grad


# kl = [[1, 5], [2, 1]], target 5, so lambda = 2.5 for each of 2 dimensions
KL = torch.tensor([[1.0, 5.0], [2.0, 1.0]])


@pytest.mark.parametrize(
    ("mode", "expected", "moved"),
    [
        # max with 2.5: [[2.5, 5], [2.5, 2.5]], sums 7.5 and 5, mean 6.25; one entry of two sentences is above
        ("dimension", 6.25, [[0, 0.5], [0, 0]]),
        # means 1.5 and 3, max with 2.5: 2.5 + 3 = 5.5; the second dimension is above, 1/2 from each sentence
        ("group", 5.5, [[0, 0.5], [0, 0.5]]),
        # sums 6 and 3, max with 5: 6 and 5, mean 5.5; the first sentence is above
        ("sentence", 5.5, [[0.5, 0.5], [0, 0]]),
        # mean of 6 and 3 is 4.5, below 5
        ("batch", 5.0, [[0, 0], [0, 0]]),
    ],
)
def test_by_hand(mode, expected, moved):
    assert value(KL, 5.0, mode) == expected
    assert gradient(KL, 5.0, mode).tolist() == moved


def test_batch_above_the_target_is_vanilla():
    # mean 4.5 is above 4: the plain KL and its gradient, 1/2 everywhere
    assert value(KL, 4.0, "batch") == 4.5
    assert torch.equal(gradient(KL, 4.0, "batch"), torch.full((2, 2), 0.5))


@pytest.mark.parametrize("mode", MODES)
def test_target_zero_is_vanilla(mode):
    assert value(KL, 0.0, mode) == 4.5
    assert torch.equal(gradient(KL, 0.0, mode), torch.full((2, 2), 0.5))


@pytest.mark.parametrize("mode", MODES)
def test_huge_target_leaves_no_gradient_of_the_kl(mode):
    assert value(KL, 1000.0, mode) == pytest.approx(1000)
    assert not gradient(KL, 1000.0, mode).any()


sizes = st.tuples(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 5), st.floats(0, 12))


def draw(seed, sentences, dimensions):
    return torch.rand(sentences, dimensions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 4


@given(sizes)
def test_jensen_ordering(case):
    seed, sentences, dimensions, target = case
    kl = draw(seed, sentences, dimensions)
    by = {mode: value(kl, target, mode) for mode in MODES}
    slack = 1e-9
    assert by["dimension"] >= by["group"] - slack
    assert by["dimension"] >= by["sentence"] - slack
    assert by["group"] >= by["batch"] - slack
    assert by["sentence"] >= by["batch"] - slack
    assert by["batch"] >= max(kl.sum(-1).mean().item(), target) - slack


@given(sizes)
def test_one_dimension_makes_dimension_and_sentence_equal(case):
    seed, sentences, _, target = case
    kl = draw(seed, sentences, 1)
    assert torch.equal(free_bits(kl, target, "dimension"), free_bits(kl, target, "sentence"))
    assert torch.equal(free_bits(kl, target, "group"), free_bits(kl, target, "batch"))


@given(sizes)
def test_one_sentence_makes_group_and_dimension_equal(case):
    seed, _, dimensions, target = case
    kl = draw(seed, 1, dimensions)
    assert torch.equal(free_bits(kl, target, "group"), free_bits(kl, target, "dimension"))
    assert torch.equal(free_bits(kl, target, "batch"), free_bits(kl, target, "sentence"))


def test_kl_that_does_not_factorise_has_the_whole_target():
    kl = torch.tensor([[3.0], [9.0]])
    assert free_bits(kl, 8.0, "dimension").tolist() == [[8.0], [9.0]]


@pytest.mark.parametrize("mode", MODES)
def test_composes_with_a_kl_weight(mode):
    # nll 1, K by the hand-worked table, weight 0.4
    terms = make_terms(kl=KL, nll=[1.0, 1.0])
    hyper = {"free_bits": {"mode": mode, "target": 5.0}, "beta": {"beta": 0.4}}
    loss = make_method("beta+free_bits", hyper).objective(terms, clock()).loss
    expected = {"dimension": 6.25, "group": 5.5, "sentence": 5.5, "batch": 5.0}[mode]
    assert loss.item() == pytest.approx(1 + 0.4 * expected)


def gradients(method, hyper, batch):
    model = tiny_model(method, hyper, seed=2)
    torch.manual_seed(0)
    make_method(method, hyper).objective(raw_terms(model, batch), clock()).loss.backward()
    return {name: p.grad for name, p in model.named_parameters()}


def test_a_huge_target_trains_like_kl_weight_zero():
    batch = tiny_batch(6)
    free = gradients("free_bits", {"free_bits": {"target": 1e6}}, batch)
    none = gradients("beta", {"beta": {"beta": 0.0}}, batch)
    assert free.keys() == none.keys()
    for name, grad in free.items():
        torch.testing.assert_close(grad, none[name], msg=name)


def test_defaults_are_the_published_ones():
    assert FreeBits().hyper() == {"mode": "dimension", "target": 4.0}
    with pytest.raises(ValueError, match="mode"):
        FreeBits(mode="word")

"""Losses of many samples, with a softmax over shared words, against the whole softmax in float64."""

import math

import pytest
import torch
from support import fast_only

from vaecli.kernels import shared_output
from vaecli.kernels.output import OutputLayer
from vaecli.kernels.shared_output import TOLERANCE, pays, shared_nll, systematic_draw

SAMPLES, POSITIONS, SIZE, TYPES = 64, 12, 16, 6_000


def exact_nll(states, targets, weight):
    log_p = torch.log_softmax(states.double() @ weight.double().T, -1)
    return -log_p.gather(-1, targets.expand(states.shape[0], -1).unsqueeze(-1)).squeeze(-1)


def example(spread, seed=0, samples=SAMPLES, types=TYPES, alike=2.0):
    """States around a mean of their own at each position, and weights as peaked as those of a trained model."""
    g = torch.Generator().manual_seed(seed)
    weight = torch.randn(types, SIZE, generator=g)
    mean = alike * torch.randn(POSITIONS, SIZE, generator=g) / math.sqrt(SIZE) * 2
    states = mean + spread * torch.randn(samples, POSITIONS, SIZE, generator=g)
    targets = torch.randint(0, types, (POSITIONS,), generator=g)
    return states, targets, torch.arange(POSITIONS), weight


@pytest.fixture
def counted(monkeypatch):
    """How many positions were scored with all words."""
    seen = []
    real = shared_output.linear_cross_entropy
    monkeypatch.setattr(shared_output, "linear_cross_entropy", lambda *a: (seen.append(1), real(*a))[1])
    return seen


def test_a_word_is_drawn_with_exactly_its_probability():
    # Over K starts evenly on [0, 1), K p of them take a word of probability p, give or take one.
    inclusion = torch.tensor([[0.25, 1.0, 0.5, 0.05, 0.7, 1.0, 1e-3]])
    starts = torch.arange(4000) / 4000
    drawn = systematic_draw(inclusion.expand(4000, -1), starts)
    assert torch.allclose(drawn.double().mean(0), inclusion[0].double(), atol=1.01 / 4000)
    assert set(drawn.sum(1).tolist()) == {3, 4}  # of 3.501 in all: a systematic draw doesn't vary more


def test_a_draw_worked_by_hand():
    # Running sums from 0.5: 0.9, 1.3, 2.3, 2.7 pass the integers 1 and 2 at the second and third word.
    drawn = systematic_draw(torch.tensor([[0.4, 0.4, 1.0, 0.4]]), torch.tensor([0.5]))
    assert drawn.tolist() == [[False, True, True, False]]


def test_two_words_worked_by_hand():
    # Both words are drawn. h = (0, 2 ln 3), w = (0, 1): logits (0, 0) and (0, 2 ln 3), so p(second) = 1/2 and 9/10.
    states = torch.tensor([0.0, 2 * math.log(3)]).view(2, 1, 1)
    nll = shared_nll(states, torch.tensor([1]), torch.tensor([0]), torch.tensor([[0.0], [1.0]]))
    assert nll.flatten().tolist() == pytest.approx([math.log(2), math.log(10 / 9)], abs=1e-6)


def test_samples_that_are_alike_are_exact():
    states, targets, places, weight = example(0.0)
    nll = shared_nll(states, targets, places, weight)
    assert torch.allclose(nll.double(), exact_nll(states, targets, weight), atol=2e-5)


@fast_only
def test_the_error_is_of_second_order(counted):
    errors = []
    for spread in (0.1, 0.05, 0.025):
        states, targets, places, weight = example(spread)
        nll = shared_nll(states, targets, places, weight)
        errors.append((nll.double() - exact_nll(states, targets, weight)).square().mean().sqrt().item())
    assert not counted
    assert errors[0] < 0.005
    # A quarter at half the distance; without the first-order term it would be half.
    assert errors[0] / errors[1] > 3
    assert errors[1] / errors[2] > 3


@fast_only
def test_errors_average_out_over_positions():
    differences = []
    for seed in range(20):
        states, targets, places, weight = example(0.15, seed)
        differences.append(shared_nll(states, targets, places, weight).double() - exact_nll(states, targets, weight))
    means = torch.stack(differences).mean(1).flatten()
    assert means.std() > 1e-5  # there is an error to average out
    assert means.mean().abs() < 3 * means.std() / math.sqrt(len(means))


@fast_only
def test_positions_that_samples_disagree_on_are_scored_with_all_words(counted):
    states, targets, places, weight = example(0.05)
    far = torch.randn(SAMPLES, SIZE, generator=torch.Generator().manual_seed(1)) * 3
    states[:, 4] = far  # samples with nothing in common: their mean says little about any of them
    nll = shared_nll(states, targets, places, weight)
    assert len(counted) == 1
    assert torch.allclose(nll[:, 4].double(), exact_nll(states, targets, weight)[:, 4], atol=1e-4)


def test_the_farthest_sample_is_never_off_by_more_than_the_tolerance():
    for spread in (0.2, 0.5, 1.0):
        states, targets, places, weight = example(spread)
        farthest = (states - states.mean(0)).norm(dim=2).argmax(0)
        error = shared_nll(states, targets, places, weight).double() - exact_nll(states, targets, weight)
        assert error[farthest, torch.arange(POSITIONS)].abs().max() <= TOLERANCE + 1e-4


@pytest.fixture
def drawn(monkeypatch):
    """The words drawn at each position, of all calls in turn."""
    seen = []
    real = shared_output.systematic_draw
    monkeypatch.setattr(shared_output, "systematic_draw", lambda *a: (seen.extend(real(*a)), real(*a))[1])
    return seen


# A product's rounding, some 1e-6 of a logit, depends on its shape and on the machine. Where the running sum of
# probabilities passes an integer that close to a word's end, the rounding decides whether that word or its neighbour
# is drawn. Either draw is as good: their estimates differ by less than either is off (0.0006, at most 0.005).


@fast_only
@pytest.mark.parametrize("positions", [1, 5])
def test_blocks_do_not_matter(positions, monkeypatch, drawn):
    arguments = example(0.1)
    whole = shared_nll(*arguments)
    monkeypatch.setattr(shared_output, "BLOCK_ELEMENTS", positions * TYPES)
    difference = (shared_nll(*arguments) - whole).abs().amax(0)
    assert len(drawn) == 2 * POSITIONS
    alike = torch.tensor([bool((a == b).all()) for a, b in zip(drawn[:POSITIONS], drawn[POSITIONS:], strict=True)])
    assert alike.sum() >= POSITIONS / 2
    assert difference[alike].max() < 1e-5
    assert difference.max() < 2e-3


@fast_only
@pytest.mark.parametrize("seed", range(4))
def test_rounding_makes_no_estimate_worse(seed, drawn):
    states, targets, places, weight = example(0.1, seed)
    expected = exact_nll(states, targets, weight)
    one, other = (shared_nll(states, targets, places, w) for w in (weight, weight * (1 + 2e-7)))
    assert any(bool((a != b).any()) for a, b in zip(drawn[:POSITIONS], drawn[POSITIONS:], strict=True))
    assert (one - other).abs().max() < 2e-3
    errors = [(nll - expected).square().mean().sqrt().item() for nll in (one, other)]
    assert errors[1] == pytest.approx(errors[0], rel=0.1)


@fast_only
def test_in_bf16_it_is_no_worse_than_all_words_in_bf16():
    states, targets, places, weight = example(0.1)
    expected = exact_nll(states, targets, weight)
    layer = OutputLayer(SIZE, TYPES)
    layer.weight.data.copy_(weight)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        shared = shared_nll(states, targets, places, layer.weight)
        whole = layer.nll(states.flatten(0, 1), targets.repeat(SAMPLES)).view(SAMPLES, POSITIONS)
    assert (shared - expected).square().mean() < (whole - expected).square().mean()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_stays_so(value):
    states, targets, places, weight = example(0.1)
    states[3, 5, 2] = value
    nll = shared_nll(states, targets, places, weight)
    assert not nll[3, 5].isfinite()
    others = torch.arange(POSITIONS) != 5
    assert torch.allclose(nll[:, others].double(), exact_nll(states, targets, weight)[:, others], atol=0.05)


def test_few_samples_or_words_do_not_share():
    assert pays(32, 10_000)
    assert not pays(31, 10_000)
    assert not pays(500, 2_000)

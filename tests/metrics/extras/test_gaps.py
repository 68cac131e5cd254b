import json
import math
from statistics import fmean

import pytest
import torch
from metrics.blocks import block_input
from metrics.toys import linear_gaussian, true_nll
from support import scoring, tiny_model, tiny_split

from vaecli.corpus.types import collate
from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.extras.gaps import GAP_COLUMNS, gaps_block, measure_gaps, sample_sentences
from vaecli.metrics.extras.gradients import neg_elbo
from vaecli.model.posterior import DiagonalGaussian

NUMBERS = [0.1 * n - 2 for n in range(40)]


def kl_to_truth(x, slope, scale):
    """KL(N(ax, s^2) || N(x/2, 1/2)) = (s^2 / .5 + ((a - .5) x)^2 / .5 - 1 - log(s^2 / .5)) / 2."""
    return 0.5 * (scale**2 / 0.5 + ((slope - 0.5) * x) ** 2 / 0.5 - 1 - math.log(scale**2 / 0.5))


def test_gaps_of_the_linear_gaussian():
    """log p(x) - L[q] = KL(q || p(z|x)); the truth is Gaussian, so all of it is amortisation."""
    slope, scale = 0.9, 0.4
    model, split = linear_gaussian(NUMBERS, slope, scale)
    terms = elbo_terms(model, scoring(split))
    gaps = measure_gaps(model, scoring(split, 16), terms.posterior, 20).by_name
    truth = fmean(kl_to_truth(x, slope, scale) for x in NUMBERS)
    # mean x^2 = .05^2 + .01 (40^2 - 1) / 12 = 1.335: (.32 + .16 * 1.335 / .5 - 1 - log .32) / 2 = (-.2528 + 1.1394) / 2
    assert truth == pytest.approx(0.4433, abs=5e-5)
    # codes of 50 samples: the noise of a gap of a sentence is about .1, of the mean of 40 about .02
    assert float(gaps["amortisation_gap"].mean()) == pytest.approx(truth, abs=0.04)
    assert float(gaps["inference_gap"].mean()) == pytest.approx(truth, abs=0.04)
    assert float(gaps["approximation_gap"].mean()) == pytest.approx(0, abs=0.02)
    assert torch.allclose(gaps["inference_gap"], gaps["amortisation_gap"] + gaps["approximation_gap"])


def test_the_true_posterior_has_no_gap_and_its_bound_is_exact():
    model, split = linear_gaussian(NUMBERS)
    gaps = gaps_block(block_input(model, split, iw_samples=10))
    for name in ("amortisation_gap", "approximation_gap", "inference_gap"):
        assert abs(gaps.values[name]) < 0.05, name  # noise of about .6 / sqrt(50 * 40)
    assert gaps.details["iw_nll_best"] == pytest.approx(fmean(map(true_nll, NUMBERS)), abs=2e-3)
    for name, gap in (("neg_elbo", "inference_gap"), ("neg_elbo_best", "approximation_gap")):
        assert gaps.details[name] - gaps.details["iw_nll_best"] == pytest.approx(gaps.values[gap], abs=1e-9)


def test_the_best_gaussian_beats_the_encoder_of_a_real_decoder():
    model, split = tiny_model(init_range=1.0), tiny_split(30)
    gaps = gaps_block(block_input(model, split))
    assert gaps.values["amortisation_gap"] > 4 * gaps.values["amortisation_gap_se"]
    assert gaps.details["neg_elbo"] > gaps.details["neg_elbo_best"] > gaps.details["iw_nll_best"]
    assert json.loads(json.dumps(gaps.details)) == gaps.details


def test_no_influence_of_the_batch_size_and_the_same_at_every_call():
    model, split = tiny_model(init_range=1.0), tiny_split(12)
    one, same, other = (gaps_block(block_input(model, split, batch_size=b)).values for b in (3, 3, 12))
    assert one == same
    assert one == pytest.approx(other, abs=1e-3)


def test_parameters_modes_and_generators_are_left_as_they_are():
    model, split = tiny_model().train(), tiny_split(6)
    weights = [p.detach().clone() for p in model.parameters()]
    before = torch.get_rng_state()
    gaps_block(block_input(model, split))
    assert torch.equal(torch.get_rng_state(), before)
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert all(torch.equal(p, w) for p, w in zip(model.parameters(), weights, strict=True))


def test_a_sample_of_sentences_is_of_the_seed_and_in_order():
    split = tiny_split(50)
    part = sample_sentences(split, 10, 3)
    every = [split.sentence(n) for n in range(50)]
    places = iter(every)
    assert len(part) == 10
    assert all(part.sentence(n) in places for n in range(10))  # in the split's order: the iterator only goes on
    assert [part.sentence(n) for n in range(10)] == [sample_sentences(split, 10, 3).sentence(n) for n in range(10)]
    assert sample_sentences(split, 50, 3) is split
    gaps = gaps_block(block_input(tiny_model(), split, sentences=7))
    assert gaps.details["sentences"] == 7


@pytest.mark.parametrize(("method", "why"), [("lm", "language model"), ("ae", "PointMass")])
def test_other_posteriors_have_no_gaps_and_say_why(method, why):
    gaps = gaps_block(block_input(tiny_model(method), tiny_split(4), method=method))
    assert gaps.values == dict.fromkeys(GAP_COLUMNS)
    assert why in gaps.details["reason"]


def test_a_prior_without_a_closed_form_is_measured_from_samples():
    class Sampled(DiagonalGaussian):
        def kl(self, prior):
            return None

    model, split = linear_gaussian(NUMBERS, 0.9, 0.4)
    exact = DiagonalGaussian(torch.tensor(NUMBERS, dtype=torch.float64).unsqueeze(1) * 0.9, torch.zeros(40, 1) - 1.8)
    sampled = Sampled(exact.mean, exact.logvar)

    batch = collate(split, torch.arange(40))
    noise = torch.randn(4000, 40, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.no_grad():
        bounds = [neg_elbo(model, model.prior, q, batch, noise) for q in (exact, sampled)]
    assert torch.allclose(*bounds, atol=0.1)  # (z^2 - eps^2) / 2 of 4,000 samples: .02 a sentence
    assert not torch.equal(*bounds)

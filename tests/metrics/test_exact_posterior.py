"""The model's own posterior by quadrature: closed forms, densities of awkward shapes, and a grid that is much finer."""

import math

import pytest
import torch
from metrics.toys import linear_gaussian, true_nll
from support import scoring, tiny_model, tiny_split

from vaecli.core.errors import UsageError
from vaecli.metrics.exact_posterior import LARGEST, exact_posterior, quadrature, reach
from vaecli.metrics.inference import evaluation_mode, sampled_nll
from vaecli.model.prior import StandardNormal
from vaecli.model.tilted_normal import TiltedNormal
from vaecli.remedies import make_method
from vaecli.testing.tiny import tiny_shape


def gaussian(mean, deviation):
    """The log density of N(mean, deviation^2) for (B,) means and deviations, at (S, B) values."""
    return lambda z, rows: -0.5 * ((z - mean[rows]) / deviation[rows]).square() - deviation[rows].log()


def test_a_decoder_that_is_gaussian_in_z_has_the_posterior_of_the_textbook():
    """p(x|z) = N(x; z, 1) and p(z) = N(0, 1) make p(z|x) = N(x/2, 1/2) and p(x) = N(x; 0, 2)."""
    numbers = [-7.0, -1.0, 0.0, 0.3, 2.5, 11.0]
    model, split = linear_gaussian(numbers)
    posterior = exact_posterior(model, scoring(split, batch_size=4))
    assert posterior.mean == pytest.approx([x / 2 for x in numbers], abs=1e-10)
    assert posterior.variance == pytest.approx([0.5] * 6, abs=1e-10)
    assert posterior.log_evidence == pytest.approx([-true_nll(x) for x in numbers], abs=1e-10)
    assert (posterior.change < 1e-4).all()


def test_narrow_and_wide_densities():
    mean = torch.tensor([0.0, 3.21, -17.77, 0.1, 5.0], dtype=torch.float64)
    deviation = torch.tensor([1.0, 0.04, 0.05, 2.0, 0.2], dtype=torch.float64)
    posterior = quadrature(gaussian(mean, deviation), 5)
    assert posterior.mean == pytest.approx(mean, abs=1e-8)
    assert posterior.variance.sqrt() == pytest.approx(deviation, rel=1e-7)
    assert posterior.log_evidence == pytest.approx([0.5 * math.log(2 * math.pi)] * 5, abs=1e-8)


def test_two_modes_far_apart():
    """Weights 3 : 1 at -6 and 8 with deviation 0.5: the mean lies where neither has mass."""

    def two(z, rows):
        first = math.log(3) - 2 * (z + 6).square()
        return torch.logaddexp(first, -2 * (z - 8).square())

    posterior = quadrature(two, 2)
    assert posterior.mean == pytest.approx([(3 * -6 + 8) / 4] * 2, abs=1e-8)
    assert posterior.variance == pytest.approx([0.25 + 14**2 * 3 / 16] * 2, abs=1e-7)


def test_only_sentences_that_still_move_are_refined():
    asked = []

    def joint(z, rows):
        asked.append(rows.tolist())
        ripples = torch.where(rows == 1, 3.0, 0.0) * torch.sin(8 * z)
        return -0.5 * z.square() + ripples

    posterior = quadrature(joint, 3, tolerance=1e-6)
    assert asked[:3] == [[0, 1, 2]] * 3
    assert set(map(tuple, asked[3:])) == {(1,)}
    z = torch.linspace(-LARGEST, LARGEST, 400_001, dtype=torch.float64)
    share = (-0.5 * z.square() + 3 * torch.sin(8 * z)).softmax(0)
    assert posterior.mean == pytest.approx([0.0, float((share * z).sum()), 0.0], abs=1e-7)
    assert (posterior.change < 1e-6).all()


def wide_grid(model, split):
    """The mean and log p(x) of each sentence from nodes 0.005 apart up to 120, and the prior's mass there."""
    z = torch.linspace(-120, 120, 48_001, dtype=torch.float64).view(-1, 1, 1)
    how, mean, evidence = scoring(split), torch.zeros(len(split)), torch.zeros(len(split))
    with evaluation_mode(model, how.device):
        for index, batch in how.batches(1):
            joint = (model.prior.log_prob(z) - sampled_nll(model, z, batch)).flatten()
            evidence[index] = (joint.logsumexp(0) + math.log(0.005)).float()
            mean[index] = (joint.softmax(0) * z.flatten()).sum().float()
    return mean, evidence


@pytest.mark.parametrize("tau", [15.0, 25.0, 40.0])
def test_a_prior_far_from_0_is_integrated_where_it_is(tau):
    hyper = {"tilted": {"tau": tau}}
    model, split = make_method("tilted", hyper).build(tiny_shape(1, init_range=0.3), 3).double(), tiny_split(3)
    posterior = exact_posterior(model, scoring(split))
    mean, evidence = wide_grid(model, split)
    assert posterior.log_evidence == pytest.approx(evidence, abs=1e-4)
    assert posterior.mean == pytest.approx(mean, abs=1e-3)


def test_a_mixture_that_has_moved_is_integrated_where_it_is():
    model, split = make_method("mog").build(tiny_shape(1, init_range=0.3), 3).double(), tiny_split(3)
    with torch.no_grad():
        model.prior.mean.copy_(torch.linspace(-45, 45, len(model.prior.mean)).unsqueeze(1))
    posterior = exact_posterior(model, scoring(split))
    mean, evidence = wide_grid(model, split)
    assert posterior.log_evidence == pytest.approx(evidence, abs=1e-4)
    assert posterior.mean == pytest.approx(mean, abs=1e-3)


@pytest.mark.parametrize(("prior", "ends"), [(StandardNormal(1), 20), (TiltedNormal(1, 5.0), 20)])
def test_usual_priors_are_integrated_as_far_as_in_the_paper(prior, ends):
    assert reach(prior) == ends


@pytest.mark.parametrize("method", ["vanilla", "skip", "bn", "mog"])
def test_the_adaptive_rule_agrees_with_a_grid_of_four_thousand_steps(method):
    model = make_method(method).build(tiny_shape(1, init_range=2.0), 3).double()
    split = tiny_split(12)
    usual, refined = (exact_posterior(model, scoring(split, batch_size=5), tolerance) for tolerance in (1e-4, 1e-7))
    z = torch.linspace(-LARGEST, LARGEST, 4_001, dtype=torch.float64).view(-1, 1, 1)
    how = scoring(split)
    with evaluation_mode(model, how.device):
        for index, batch in how.batches(1):
            joint = model.prior.log_prob(z) - sampled_nll(model, z, batch)
            share = joint.softmax(0)
            mean = float((share * z[:, :, 0]).sum())
            n = int(index)
            assert float(refined.mean[n]) == pytest.approx(mean, abs=1e-9)
            assert float(usual.mean[n]) == pytest.approx(mean, abs=1e-4)
            assert float(refined.log_evidence[n]) == pytest.approx(float(joint.logsumexp(0)) + math.log(1e-2), abs=1e-9)


def test_batches_do_not_matter_and_the_model_stays_as_it_was():
    model, split = tiny_model(latent_size=1, init_range=1.0, output_dropout=0.5), tiny_split(20)
    state = torch.get_rng_state()
    one, other = (exact_posterior(model, scoring(split, batch_size=size)) for size in (3, 20))
    assert one.mean == pytest.approx(other.mean, abs=1e-5)  # the decoder is in float32
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)


def test_a_decoder_that_ignores_z_leaves_the_prior():
    model = tiny_model(latent_size=1)
    with torch.no_grad():
        model.decoder.initial.weight.zero_()
        model.decoder.lstm.weight_ih_l0[:, -1] = 0
    posterior = exact_posterior(model, scoring(tiny_split(5)))
    assert posterior.mean == pytest.approx([0.0] * 5, abs=1e-6)
    assert posterior.variance == pytest.approx([1.0] * 5, abs=1e-5)


def test_more_dimensions_are_refused():
    with pytest.raises(UsageError, match=r"a latent size of 1 \(model.latent_size\), got 4"):
        exact_posterior(tiny_model(), scoring(tiny_split(3)))

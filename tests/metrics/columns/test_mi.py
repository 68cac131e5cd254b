import math
import subprocess
import sys
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from vaecli.metrics.ceilings import batch_ceiling
from vaecli.metrics.columns import mi
from vaecli.metrics.columns.mi import against_all, batch_mutual_information, batch_order, mutual_information
from vaecli.model.flow import Flow, FlowPosterior
from vaecli.model.posterior import DiagonalGaussian, PointMass
from vaecli.model.prior import StandardNormal


def gaussian(n, slope, scale, seed=0, sizes=1):
    """q(z|x) = N(slope x, scale^2) for n draws of x ~ N(0, I), with a sample of each."""
    generator = torch.Generator().manual_seed(seed)
    x, noise = torch.randn(2, n, sizes, generator=generator, dtype=torch.float64)
    posterior = DiagonalGaussian(slope * x, torch.full_like(x, 2 * math.log(scale)))
    return posterior, posterior.sample(noise.unsqueeze(0))[0]


def test_known_mutual_information_of_gaussians():
    # z = 2x + noise / 2: I = log(1 + 4 / 0.25) / 2 = log(17) / 2 = 1.4166. The pointwise information of a Gaussian
    # pair has variance rho^2 = 16 / 17, so the standard error at N = 4000 is sqrt(0.9412 / 4000) = 0.01534.
    information = mutual_information(*gaussian(4000, 2.0, 0.5))
    assert information.standard_error == pytest.approx(0.01534, rel=0.1)
    assert abs(information.value - 1.4166) < 3 * 0.01534


def test_it_adds_over_independent_dimensions():
    # Three times log(1 + 1) / 2 = 1.0397; the mixture of 4000 is still far from its ceiling of 8.29.
    information = mutual_information(*gaussian(4000, 1.0, 1.0, sizes=3))
    assert abs(information.value - 1.5 * math.log(2)) < 4 * information.standard_error


def test_standard_error_is_the_spread_over_splits():
    estimates = [mutual_information(*gaussian(150, 1.0, 1.0, seed=s)) for s in range(200)]
    spread = torch.tensor([f.value for f in estimates]).std()
    claimed = sum(f.standard_error for f in estimates) / len(estimates)
    assert claimed == pytest.approx(float(spread), rel=0.15)  # a standard deviation of 200 values is known to 5 %


@pytest.mark.parametrize("n", [2, 7, 1000])
def test_identical_posteriors_carry_exactly_nothing(n):
    one = torch.linspace(-3, 2, 5, dtype=torch.float64)
    posterior = DiagonalGaussian(one.repeat(n, 1), (0.3 * one).repeat(n, 1))
    z = posterior.sample(torch.randn(1, n, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64))[0]
    assert mutual_information(posterior, z).terms.abs().max() < 1e-12
    assert abs(batch_mutual_information(posterior, z, 0)) < 1e-12


def test_separated_posteriors_reach_the_ceiling():
    mean = 100.0 * torch.arange(40, dtype=torch.float64).unsqueeze(1)
    posterior = DiagonalGaussian(mean, torch.zeros_like(mean))
    information = mutual_information(posterior, mean + 0.5)
    assert information.ceiling == math.log(40)
    assert information.value == pytest.approx(math.log(40), abs=1e-12)
    assert information.standard_error == pytest.approx(0, abs=1e-12)
    # Batches of 32 and 8: (32 log 32 + 8 log 8) / 40 = (110.904 + 16.636) / 40 = 3.1885.
    assert batch_mutual_information(posterior, mean + 0.5, 0) == pytest.approx(3.1885, abs=1e-4)
    assert batch_ceiling(40) == pytest.approx(3.1885, abs=1e-4)


def test_it_never_exceeds_log_n():
    posterior, z = gaussian(300, 5.0, 0.01)
    assert mutual_information(posterior, z).terms.max() <= math.log(300)
    assert batch_mutual_information(posterior, z, 0) <= math.log(32)


def clusters(order):
    """Two far clusters of 500 sentences each, in the given order of the file: log 2 = 0.693 nats."""
    mean = torch.zeros(1000, 1, dtype=torch.float64)
    mean[500:] = 50.0
    return DiagonalGaussian(mean[order], torch.zeros_like(mean)), mean[order]


class Rounded(DiagonalGaussian):
    """Densities that every call rounds anew, by 0.001 of 1e10, as the inverse of a degenerate flow does."""

    calls: ClassVar[int] = 0

    def _densities(self, *shape: int) -> Tensor:
        Rounded.calls += 1
        densities = torch.full(shape, 1e10 - 1e7 * Rounded.calls, dtype=torch.float64)
        densities[..., 0] += 1_000.0  # so that e^1000 is beyond float64, and the term is computed again
        return densities

    def pairwise_log_prob(self, z):
        return self._densities(len(z), len(self.mean))

    def batchwise_log_prob(self, z, size):
        return self._densities(len(z) // size, size, size)


def test_it_never_exceeds_log_n_where_each_call_rounds_otherwise():
    """The first of 4 sentences tells log 4, and the others log 4 less 1,000 each: the first is so much likelier."""
    mean = torch.zeros(4, 1, dtype=torch.float64)
    posterior, expected = Rounded(mean, mean), math.log(4) - 750.0
    assert mutual_information(posterior, mean).value == pytest.approx(expected)
    assert batch_mutual_information(posterior, mean, 0, size=4) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_batches_are_random_sentences_whatever_the_order_of_the_file(seed):
    """Neighbours of a sorted file are all alike: batches of them would see 0.02 nats of the 0.693."""
    for order in (torch.arange(1000), torch.randperm(1000, generator=torch.Generator().manual_seed(seed))):
        # of 32 sentences k are in the first cluster, k ~ B(32, 1/2): E[entropy of k/32] = log 2 - 1/64 = 0.677
        assert batch_mutual_information(*clusters(order), seed) == pytest.approx(0.677, abs=0.02)
    assert mutual_information(*clusters(torch.arange(1000))).value == pytest.approx(math.log(2))


def test_a_code_of_the_length_counts_in_mi_batch():
    """Four lengths, a quarter of the sentences each, log 4 = 1.386 nats: batches of one length would see none of it."""
    mean = 50.0 * (torch.arange(1000) // 250).double().unsqueeze(1)
    posterior = DiagonalGaussian(mean, torch.zeros_like(mean))
    # a multinomial's entropy is too low by (4 - 1) / (2 * 32) = 0.047
    assert batch_mutual_information(posterior, mean, 0) == pytest.approx(math.log(4) - 0.047, abs=0.02)
    one_length = [DiagonalGaussian(part, torch.zeros_like(part)) for part in mean.split(250)]
    assert all(abs(batch_mutual_information(q, q.mean, 0)) < 1e-12 for q in one_length)


def test_batches_belong_to_the_seed():
    assert sorted(batch_order(50, 0).tolist()) == list(range(50))
    assert batch_order(50, 0).tolist() == batch_order(50, 0).tolist() != batch_order(50, 1).tolist()


def test_kl_is_mutual_information_plus_marginal_kl():
    posterior, z = gaussian(200, 1.5, 0.7, sizes=4)
    prior = StandardNormal(4)
    information = mutual_information(posterior, z)
    sampled_kl = posterior.log_prob(z.unsqueeze(0))[0] - prior.log_prob(z)
    assert torch.allclose(information.terms + information.marginal_kl_terms(prior, z), sampled_kl, atol=1e-10)


@pytest.mark.parametrize("logvar", [-20.0, -36.0, -60.0])
def test_posteriors_narrower_than_rounding_keep_every_digit(logvar):
    """Sentence 1 is 0 once more, 3 is half a deviation beside 2: products of squares are off by up to 1e12 nats."""
    _, mean = gaussian(100, 2.0, 0.5, sizes=4)
    mean[1], mean[3] = mean[0], mean[2] + 0.5 * math.exp(logvar / 2)
    posterior = DiagonalGaussian(mean, torch.full_like(mean, logvar))
    z = posterior.sample(torch.randn(1, 100, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64))[0]
    own = posterior.log_prob(z.unsqueeze(0))[0]
    information = mutual_information(posterior, z)
    assert information.terms[:2].tolist() == pytest.approx([math.log(50)] * 2)
    assert information.terms[4:].tolist() == pytest.approx([math.log(100)] * 96)
    assert math.log(50) < float(information.terms[2:4].mean()) < math.log(100)
    sampled_kl = own - StandardNormal(4).log_prob(z)
    torch.testing.assert_close(information.terms + information.marginal_kl_terms(StandardNormal(4), z), sampled_kl)
    assert batch_mutual_information(posterior, z, 0) == pytest.approx(batch_ceiling(100), abs=0.1)


def test_marginal_kl_of_a_matching_aggregate_is_zero():
    # x ~ N(0, 1), q = N(0.6 x, 0.8^2): q(z) = N(0, 0.36 + 0.64) = p(z), though KL(q(z|x) || p(z)) is not 0.
    posterior, z = gaussian(4000, 0.6, 0.8)
    terms = mutual_information(posterior, z).marginal_kl_terms(StandardNormal(1), z)
    assert abs(terms.mean()) < 0.01
    assert posterior.kl(StandardNormal(1)).mean() > 0.2  # log(1 / 0.8) = 0.223


def test_chunks_of_any_size_give_the_same_terms(monkeypatch):
    posterior, z = gaussian(50, 1.0, 0.5, sizes=3)
    whole = mutual_information(posterior, z).terms
    monkeypatch.setattr(mi, "CHUNK_ELEMENTS", 170)  # 3 rows of 50 at a time
    assert torch.allclose(mutual_information(posterior, z).terms, whole, atol=1e-12)


def test_deterministic_codes_have_the_entropy_of_the_codes():
    # Codes a a b c: 2/4 log 2 + 2/4 log 4 = 0.34657 + 0.69315 = 1.03972.
    codes = torch.tensor([[0.0, 1.0], [0.0, 1.0], [1.0, 1.0], [2.0, 0.0]], dtype=torch.float64)
    assert mutual_information(PointMass(codes), codes).value == pytest.approx(1.03972, abs=1e-5)


def test_a_single_sentence_carries_nothing_and_has_no_standard_error():
    information = mutual_information(*gaussian(1, 1.0, 1.0))
    assert (information.value, information.ceiling, information.standard_error) == (0.0, 0.0, None)


MEMORY = """
import resource, torch
from vaecli.metrics.columns.mi import mutual_information
from vaecli.model.posterior import DiagonalGaussian
mean = torch.randn(6000, 4, dtype=torch.float64)
posterior, peak = DiagonalGaussian(mean, mean), lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
mutual_information(DiagonalGaussian(mean[:50], mean[:50]), mean[:50])
before = peak()
mutual_information(posterior, mean)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory in Linux's units")
def test_memory_is_bounded_by_a_chunk():
    # All 6000 x 6000 densities would take 275 MB; a chunk takes 8 MB, and a few are held at a time.
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100


def replicated(n, slope, scale, times):
    """Mean of `value` over splits of n sentences, and its standard error."""
    estimates = torch.tensor([mutual_information(*gaussian(n, slope, scale, seed=s)).value for s in range(times)])
    return float(estimates.mean()), float(estimates.std()) / math.sqrt(times)


def test_it_is_too_low_in_expectation_and_less_so_with_more_sentences():
    # A bound from below for any N (Poole et al. 2019, the bound of InfoNCE): I = log(17) / 2 = 1.4166 from both sizes.
    few, few_error = replicated(20, 2.0, 0.5, 400)
    more, more_error = replicated(200, 2.0, 0.5, 200)
    assert few + 5 * few_error < more - 5 * more_error
    assert more < 1.4166 + 3 * more_error
    assert few == pytest.approx(1.4166 - 0.14, abs=0.03)


def test_its_bias_is_minus_chi_squared_over_two_n():
    # z = x + noise: E[q(z|x) / q(z)] = 1 / (1 - rho^2) = 2, so chi^2 = 1 and the bias at N = 40 is -1 / 80 = -0.0125.
    mean, error = replicated(40, 1.0, 1.0, 4000)
    assert error < 0.002
    assert abs(mean - 0.5 * math.log(2) + 1 / 80) < 4 * error
    assert mean < 0.5 * math.log(2) - 3 * error  # the bias is there


@pytest.mark.parametrize(("slope", "scale"), [(2.0, 0.5), (0.3, 0.4)])
def test_marginal_kl_of_a_known_aggregate(slope, scale):
    # q(z) = N(0, v), v = slope^2 + scale^2: KL(N(0, v) || N(0, 1)) = (v - 1 - log v) / 2 in each of 2 dimensions.
    posterior, z = gaussian(6000, slope, scale, sizes=2)
    terms = mutual_information(posterior, z).marginal_kl_terms(StandardNormal(2), z)
    v = slope**2 + scale**2
    error = float(terms.std()) / math.sqrt(len(terms))
    # what mi is too low by, this is too high by: chi^2 / 2N, chi^2 = (1 / (1 - rho^2))^2 - 1 = (v / scale^2)^2 - 1
    bias = ((v / scale**2) ** 2 - 1) / 12_000
    assert abs(float(terms.mean()) - (v - 1 - math.log(v)) - bias) < 4 * error + bias


def test_the_ceiling_holds_the_estimate_down_and_the_marginal_kl_up():
    # I = 3 log(1 + 400) / 2 = 8.99 nats of 200 sentences: at most log 200 = 5.30, and the rest stands in marginal_kl
    posterior, z = gaussian(200, 2.0, 0.1, sizes=3)
    information = mutual_information(posterior, z)
    assert 0.95 * math.log(200) < information.value <= math.log(200)
    sampled_kl = posterior.log_prob(z.unsqueeze(0))[0] - StandardNormal(3).log_prob(z)
    marginal = float(information.marginal_kl_terms(StandardNormal(3), z).mean())
    assert marginal >= float(sampled_kl.mean()) - math.log(200)
    # q(z) = N(0, 4.01)^3, so the truth is 3 (4.01 - 1 - log 4.01) / 2 = 2.43
    assert marginal > 2.43 + 2


def bent(scale, sentences=60, size=6):
    """A Gaussian bent by a flow of weights of the given size, with a sample of each sentence."""
    generator = torch.Generator().manual_seed(0)
    flow, base = Flow(size, 3, 20).double(), gaussian(sentences, 0.6, 0.8, sizes=size)[0]
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.normal_(std=scale, generator=generator)
        posterior = FlowPosterior(base.mean, base.mean, base.logvar, flow)
        return posterior, posterior.sample(torch.randn(1, sentences, size, generator=generator, dtype=torch.float64))[0]


def test_that_of_a_mild_flow_is_that_by_its_own_densities():
    posterior, z = bent(0.3)
    information, direct = mutual_information(posterior, z), against_all(posterior, z)
    torch.testing.assert_close(information.terms, direct.terms, atol=1e-9, rtol=0)
    torch.testing.assert_close(information.log_posterior, direct.log_posterior, atol=1e-9, rtol=0)
    prior = StandardNormal(6)
    torch.testing.assert_close(
        information.marginal_kl_terms(prior, z), direct.marginal_kl_terms(prior, z), atol=1e-9, rtol=0
    )
    order, direct_batches = batch_order(60, 0), []
    for index in order.split(32):
        part = posterior.map(lambda t, index=index: t[index])
        direct_batches.append(against_all(part, z[index]).terms)
    assert batch_mutual_information(posterior, z, 0) == pytest.approx(float(torch.cat(direct_batches).mean()), abs=1e-9)


def test_no_flow_moves_it_however_steep():
    posterior, z = bent(20.0)
    start = posterior.start_of(z)
    expected = mutual_information(posterior.start, start.z)
    assert 0.5 < expected.value < math.log(60)
    assert mutual_information(posterior, z).value == expected.value
    assert batch_mutual_information(posterior, z, 0) == batch_mutual_information(posterior.start, start.z, 0)
    # of another copy of the posterior, which knows no sample, what the first one knew is told
    copied = posterior.map(torch.clone)
    assert mutual_information(copied, z, start).value == expected.value
    assert abs(against_all(copied, z).value - expected.value) > 0.4  # no digit of the inverse is right, on any machine
    # and what is left of the sampled KL is the distance of q(z) from the prior
    information, prior = mutual_information(posterior, z), StandardNormal(6)
    torch.testing.assert_close(
        information.terms + information.marginal_kl_terms(prior, z),
        posterior.log_prob(z.unsqueeze(0))[0] - prior.log_prob(z),
    )

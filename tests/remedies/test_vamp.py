"""Laws of a prior made of the encoder's own posteriors at learned pseudo-inputs."""

import copy
import math

import pytest
import torch
from pydantic import ValidationError
from remedies.figures import check_figures
from support import split_of, tiny_batch, tiny_model
from torch import nn

from vaecli.core.errors import UsageError
from vaecli.corpus.types import collate
from vaecli.metrics.columns.mi import mutual_information
from vaecli.metrics.inference import evaluation_mode, infer, wide_prior
from vaecli.model.parameter_groups import group_parameters
from vaecli.model.posterior import DiagonalGaussian
from vaecli.model.prior import StandardNormal
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.vamp import Vamp, mixture_log_prob, table_name
from vaecli.testing.tiny import clock

CPU = torch.device("cpu")
COMPOSITIONS = ["vamp", "bn+vamp", "bn_scale+vamp", "delta+vamp", "du+vamp", "iaf+vamp", "pooling+vamp"]


def vamp(method="vamp", components=5, length=4, **model):
    """A tiny model whose q(z|x) differ from one another."""
    return tiny_model(method, {"vamp": {"components": components, "length": length}}, init_range=1.0, **model)


@torch.no_grad()
def prior_at(model, means, logvars):
    """Sets the head so that the pseudo-inputs have exactly these (K, Z) means and log variances."""
    head = model.prior.reader[1]
    seen = {}
    handle = head.register_forward_pre_hook(lambda module, args: seen.update(features=args[0].features))
    model.prior.components(torch.float32)
    handle.remove()
    for linear, wanted in ((head.mean, means), (head.logvar, logvars)):
        solved = torch.linalg.lstsq(seen["features"].double(), torch.tensor(wanted, dtype=torch.float64)).solution
        linear.weight.copy_(solved.T)
    return model.prior


@torch.no_grad()
def put_sentences(model, sentences):
    """Makes each pseudo-input the word vectors of one of the (K, L) sentences, ``<s>`` and ``</s>`` included."""
    words = model.encoder.get_parameter(table_name(model.encoder))
    model.prior.inputs.weight[1:] = words[sentences].flatten(0, 1)


def equal_length_batch():
    return collate(split_of([4, 5, 6], [7, 8, 9], [10, 11, 4], [5, 5, 9]), torch.arange(4))


def test_log_prob_by_hand():
    # (N(0; 1, 1) + N(0; -2, 4)) / 2 = (.241971 + .5 x .241971) / 2 = .181478, whose log is -1.706620
    prior = prior_at(vamp(components=2, latent_size=1), [[1.0], [-2.0]], [[0.0], [math.log(4)]])
    assert prior.log_prob(torch.zeros(1)).item() == pytest.approx(-1.706620, abs=1e-5)


def test_one_component_is_one_posterior():
    prior = prior_at(vamp(components=1, latent_size=2), [[0.5, -1.0]], [[0.2, -0.4]])
    z = torch.randn(7, 2)
    single = DiagonalGaussian(torch.tensor([[0.5, -1.0]]), torch.tensor([[0.2, -0.4]]))
    torch.testing.assert_close(prior.log_prob(z), single.log_prob(z.unsqueeze(1)).squeeze(1), atol=1e-5, rtol=1e-5)


def test_where_all_posteriors_are_one_the_kl_is_0():
    model = vamp()
    with torch.no_grad():
        model.head.mean.weight.zero_()
        model.head.logvar.weight.zero_()
    terms = raw_terms(model, tiny_batch(8))
    torch.testing.assert_close(terms.kl, torch.zeros(8, 1), atol=1e-6, rtol=0)
    torch.testing.assert_close(model.prior.log_prob(terms.z), StandardNormal(4).log_prob(terms.z))


def test_the_density_integrates_to_1():
    prior = prior_at(vamp(components=3, latent_size=1), [[1.0], [-2.0], [0.3]], [[0.0], [1.0], [-2.0]])
    grid = torch.linspace(-15, 15, 20001, dtype=torch.float64).unsqueeze(1)
    with torch.no_grad():
        mass = torch.trapezoid(prior.log_prob(grid).exp(), grid[:, 0])
    assert mass.item() == pytest.approx(1, abs=1e-9)


def test_samples_have_the_moments_of_the_mixture():
    means, logvars = [[1.0], [-2.0], [0.3]], [[0.0], [1.0], [-2.0]]
    prior = prior_at(vamp(components=3, latent_size=1), means, logvars)
    n = 200_000
    with torch.no_grad():
        z = prior.sample(torch.randn(n, prior.noise_size, generator=torch.Generator().manual_seed(0)))
    each = [(m[0], math.exp(v[0])) for m, v in zip(means, logvars, strict=True)]
    mean = sum(m for m, _ in each) / 3
    variance = sum(v + m * m for m, v in each) / 3 - mean**2
    assert z.mean().item() == pytest.approx(mean, abs=5 * math.sqrt(variance / n))
    assert z.var().item() == pytest.approx(variance, rel=0.02)
    # the masses of a region far to the left, where one component lies alone
    left = 1 / 3 * 0.5 * (1 + math.erf((-3 + 2) / math.sqrt(2 * math.e)))
    assert (z < -3).double().mean().item() == pytest.approx(left, abs=5 * math.sqrt(left / n))


def test_the_first_number_of_the_noise_chooses_the_component():
    # Phi(-9) * 3 is below 1, Phi(0) * 3 = 1.5, and Phi(9) is 1 in float64, which is the last component's too
    means = [[1.0], [-2.0], [0.3]]
    prior = prior_at(vamp(components=3, latent_size=1), means, [[0.0]] * 3)
    with torch.no_grad():
        z = prior.sample(torch.tensor([[-9.0, 0.0], [0.0, 0.0], [9.0, 0.0]]))
    torch.testing.assert_close(z, torch.tensor(means), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("method", COMPOSITIONS)
def test_pseudo_inputs_that_are_the_sentences_make_the_aggregate_posterior(method):
    # p(z) = (1/B) sum_b q(z|x_b): then log q(z|x) - log p(z) is each sentence's term of the mutual information
    model, batch = vamp(method, components=4, length=5), equal_length_batch()
    put_sentences(model, batch.tokens)
    with evaluation_mode(model, CPU):
        q, prior = infer(model, batch, seed=0), wide_prior(model)
        z = q.sample(torch.randn(1, 4, q.noise_size, dtype=torch.float64))[0]
        kl = q.log_prob(z.unsqueeze(0))[0] - prior.log_prob(z)
        torch.testing.assert_close(kl, mutual_information(q, z).terms, atol=1e-5, rtol=1e-5)


def steep_flow(model):
    """Steps of the flow that stretch by up to 7.4, of which an inverse in float32 keeps no digit."""
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(5)
        for step in model.head.flow.steps:
            nn.init.normal_(step.outer.weight)
            nn.init.normal_(step.outer.bias)
    return model


@pytest.mark.parametrize("method", ["iaf+vamp", "iaf+iwae+vamp", "iaf+info_kl+vamp"])
def test_of_a_flow_that_the_components_share_no_inverse_is_taken(method, monkeypatch):
    """Its log determinant cancels: the KL is that before the flow. By the inverse it was off by any number of nats."""
    model, batch = steep_flow(vamp(method, latent_size=8)), tiny_batch(8)
    monkeypatch.setattr("vaecli.model.flow.Flow.inverse", lambda self, z: pytest.fail("an inverse was taken"))
    terms = raw_terms(model, batch)
    start = terms.context.posterior.start_of(terms.z).z
    own = terms.context.posterior.base.log_prob(start.unsqueeze(0)).squeeze(0)
    aggregate = mixture_log_prob(model.prior.components(torch.float32).base, start)
    torch.testing.assert_close(terms.kl.squeeze(1), own - aggregate, atol=1e-3, rtol=1e-4)
    wanted, parameters = (own - aggregate).mean(), [*model.prior.parameters(), *model.head.parameters()]
    for one, other in zip(gradients(terms.kl.mean(), parameters), gradients(wanted, parameters), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)
    trained = make_method(method, {}).objective(terms, clock())
    assert trained.loss.isfinite()
    trained.loss.backward()
    check_figures(model)


def gradients(value, parameters):
    return torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True, materialize_grads=True)


def test_a_prior_that_is_held_still_has_the_gradient_of_its_density_by_the_code():
    """As in the inner steps of `lagging`: the flow that has drawn the code moves, that of the prior doesn't."""
    model, batch = vamp("iaf+vamp").double(), tiny_batch(8)
    head = [p for p in model.head.parameters()]
    values = {}
    for known in (True, False):
        model.prior.requires_grad_(False)
        torch.manual_seed(0)
        q = model.posterior(batch, model.encode(batch))
        z = q.sample(torch.randn(1, 8, q.noise_size).double()).squeeze(0)
        value = model.prior.log_prob_from(z, lambda z=z, q=q: q.start_of(z)) if known else model.prior.log_prob(z)
        values[known] = (value, *gradients(value.sum(), head))
    for one, other in zip(*values.values(), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("method", ["vamp", "bn+vamp", "bn_scale+vamp", "pooling+vamp"])
def test_in_training_it_is_normalised_with_the_batch(method):
    # the same law in training mode: with statistics of its own, or the population's, bn would move the components
    model, batch = vamp(method, components=4, length=5), equal_length_batch()
    put_sentences(model, batch.tokens)
    terms = raw_terms(model, batch)
    expected = mutual_information(terms.context.posterior, terms.z).terms
    torch.testing.assert_close(terms.kl[:, 0], expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("method", ["bn+vamp", "du+vamp"])
def test_reading_pseudo_inputs_leaves_statistics_and_modes(method):
    model, batch = vamp(method), tiny_batch(8)
    raw_terms(model, batch)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    norm = model.head.norm
    last = norm._last
    model.prior.log_prob(torch.zeros(3, 4))
    assert norm._last is last
    assert not norm.held
    assert all(module.training for module in model.modules())
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_the_gradient_reaches_pseudo_inputs_and_encoder():
    model = vamp()
    wanted = [model.prior.inputs.weight, model.head.mean.weight, model.encoder.lstm.weight_hh_l0]
    for gradient in torch.autograd.grad(model.prior.log_prob(torch.ones(3, 4)).sum(), wanted):
        assert gradient.abs().sum() > 0
    inputs = torch.autograd.grad(model.prior.log_prob(torch.ones(3, 4)).sum(), wanted[0])[0]
    assert (inputs[1:].abs().sum(1) > 0).all()  # every vector of every pseudo-input
    assert inputs[0].abs().sum() == 0  # the padding


def test_pseudo_inputs_follow_a_number_of_the_gradient():
    model = vamp(components=2, length=3)
    z, row = torch.randn(5, 4, dtype=torch.float64), 2
    model.double()
    weight = model.prior.inputs.weight
    exact = torch.autograd.grad(model.prior.log_prob(z).sum(), weight)[0][row, 1].item()
    step, values = 1e-6, []
    for sign in (1, -1):
        with torch.no_grad():
            weight[row, 1] += sign * step
            values.append(model.prior.log_prob(z).sum().item())
            weight[row, 1] -= sign * step
    assert exact == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-5)


def test_without_a_gradient_to_pseudo_inputs_there_is_none_to_the_encoder():
    model = vamp()
    model.prior.requires_grad_(False)
    z = torch.zeros(2, 4, requires_grad=True)
    model.prior.log_prob(z).sum().backward()
    assert z.grad.abs().sum() > 0
    assert all(p.grad is None for p in model.parameters())


def test_it_holds_the_models_own_encoder_and_owns_pseudo_inputs_only():
    for method in COMPOSITIONS:
        model = vamp(method)
        assert model.prior.reader == (model.encoder, model.head)
        assert [name for name, _ in model.prior.named_parameters()] == ["inputs.weight"]
        mine = {id(p) for p in group_parameters(model, "decoder")}
        assert id(model.prior.inputs.weight) in mine
        assert not mine & {id(p) for p in model.encoder.parameters()}


def test_a_copy_of_the_model_reads_with_its_own_encoder():
    model = copy.deepcopy(vamp())
    assert model.prior.reader[0] is model.encoder
    assert model.prior.reader[1] is model.head


@pytest.mark.parametrize("method", COMPOSITIONS)
def test_the_wide_copy_is_the_prior(method):
    model = vamp(method)
    with evaluation_mode(model, CPU):
        z = torch.randn(6, 4)
        wide = wide_prior(model).log_prob(z.double())
        assert wide.dtype == torch.float64
        torch.testing.assert_close(wide.float(), model.prior.log_prob(z), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("method", [*COMPOSITIONS, "semi_amortized+vamp", "lagging+vamp", "denoising+vamp"])
def test_figures_obey_the_laws(method):
    check_figures(vamp(method))


def test_pseudo_inputs_start_by_the_rule_of_words():
    model = tiny_model("vamp", embedding_init_range=0.1)
    assert model.prior.inputs.weight.abs().max() <= 0.1
    assert model.prior.inputs.weight.std() > 0.03


def test_the_prior_moves_onto_the_posterior():
    # with codes held still and far from 0, learning the pseudo-inputs alone lowers the KL
    model, batch = vamp(components=8, length=7), tiny_batch(8)
    with torch.no_grad():
        model.head.logvar.weight.zero_()
        model.head.mean.weight.mul_(15)
    optimiser = torch.optim.Adam(model.prior.parameters(), lr=0.1)
    torch.manual_seed(0)
    losses = []
    for _ in range(100):
        optimiser.zero_grad()
        kl = raw_terms(model, batch).kl.mean()
        kl.backward()
        optimiser.step()
        losses.append(kl.item())
    assert sum(losses[-10:]) / 10 < math.log(8) + 0.5  # no more than which of 8 sentences it is
    assert losses[0] > 2 * math.log(8)


def test_an_encoder_without_one_table_of_words_is_refused():
    for encoder in (nn.Linear(2, 2), nn.ModuleList([nn.Embedding(3, 2), nn.Embedding(3, 2)])):
        with pytest.raises(UsageError, match="one table of word embeddings"):
            table_name(encoder)


@pytest.mark.parametrize("wrong", [{"components": 0}, {"components": 1001}, {"length": 1}, {"length": 101}])
def test_ranges(wrong):
    with pytest.raises(ValidationError):
        Vamp(**wrong)

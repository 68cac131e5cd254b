"""Laws of the flow posterior in a model: vanilla at the start, exact densities in every figure after."""

import math

import pytest
import torch
from remedies.figures import check_figures
from support import tiny_batch, tiny_model, tiny_split

from vaecli.config import EvaluationConfig
from vaecli.core.errors import UsageError
from vaecli.metrics.measure import evaluate
from vaecli.model.encoder import Encoding
from vaecli.model.posterior import PointMass, PosteriorHead
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.critic import self_scores
from vaecli.remedies.iaf import FlowHead
from vaecli.remedies.shared.aggregate import sentence_information
from vaecli.training.early_watch import look_at


def bent_model(method="iaf", scale=0.3, **model):
    """A model whose flow is far from the identity."""
    built = tiny_model(method, {"iaf": {"hidden": 8, "flows": 3}}, init_range=1.0, **model)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        built.head.wrapped.mean.weight.mul_(4)  # spread the codes, so that there is some information
        for parameter in built.head.flow.parameters():
            parameter.normal_(std=scale, generator=generator)
    return built


def test_it_starts_as_vanilla():
    model, vanilla, batch = tiny_model("iaf", seed=3), tiny_model("vanilla", seed=3), tiny_batch(6)
    torch.manual_seed(0)
    mine = raw_terms(model, batch)
    torch.manual_seed(0)
    theirs = raw_terms(vanilla, batch)
    torch.testing.assert_close(mine.z, theirs.z)
    torch.testing.assert_close(mine.nll, theirs.nll)
    torch.testing.assert_close(model.posterior(batch).mean, vanilla.posterior(batch).mean)
    q, prior = mine.context.posterior, mine.context.prior
    expected = vanilla.posterior(batch).log_prob(mine.z.unsqueeze(0))[0] - prior.log_prob(mine.z)
    torch.testing.assert_close(mine.kl[:, 0], expected)
    assert q.kl(prior) is None


@pytest.mark.parametrize("method", ["iaf", "iaf+mog", "iaf+pooling"])
def test_figures_obey_the_laws(method):
    values = check_figures(bent_model(method))
    assert values["mi"] > 0.1


def test_sampled_kl_is_mutual_information_plus_marginal_kl():
    config = EvaluationConfig(iw_samples=0)
    values = evaluate(bent_model(), tiny_split(50), config, seed=0, device=torch.device("cpu")).values
    assert values["kl"] == pytest.approx(values["mi"] + values["marginal_kl"], abs=1e-9)


def test_figures_of_a_flow_that_training_has_thrown_out_are_in_their_bounds():
    config = EvaluationConfig(iw_samples=2)
    values = evaluate(bent_model(scale=20.0), tiny_split(50), config, seed=0, device=torch.device("cpu")).values
    mild = evaluate(bent_model(), tiny_split(50), config, seed=0, device=torch.device("cpu")).values
    # the start of both is one Gaussian
    assert [values[name] for name in ("mi", "mi_batch")] == pytest.approx([mild["mi"], mild["mi_batch"]], abs=1e-9)
    assert 0 < values["mi_batch"] <= values["mi"] <= math.log(50)
    assert values["kl"] == pytest.approx(values["mi"] + values["marginal_kl"])
    assert 0 <= values["au"] <= 4


def test_a_look_at_an_update_is_one_at_the_flow_that_made_its_codes():
    model = bent_model()
    terms = raw_terms(model, tiny_batch(8))
    before = look_at(terms).mi
    with torch.no_grad():
        for parameter in model.head.flow.parameters():
            parameter.mul_(50)  # the update
    assert look_at(terms).mi == before


@pytest.mark.parametrize("steep", [False, True])
def test_the_information_that_others_train_on_takes_no_inverse(steep):
    model = bent_model(scale=20.0 if steep else 0.3)
    terms = raw_terms(model, tiny_batch(8))
    q, z = terms.context.posterior, terms.z
    information = sentence_information(q, z)
    torch.testing.assert_close(information, sentence_information(q.start, q.start_of(z).z))
    torch.testing.assert_close(
        self_scores(q, z).diagonal().float(), q.log_prob(z.unsqueeze(0))[0], atol=1e-4, rtol=1e-4
    )
    if not steep:  # where the inverse has its digits, it agrees, gradients included
        direct = sentence_information(q, z.clone())
        torch.testing.assert_close(information, direct, atol=1e-4, rtol=1e-4)
        weights = [*model.head.parameters()]
        gradients = [torch.autograd.grad(t.sum(), weights, retain_graph=True) for t in (information, direct)]
        torch.testing.assert_close(*gradients, atol=1e-3, rtol=1e-3)


def test_figures_do_not_depend_on_the_batch_size():
    model, split = bent_model(), tiny_split(30)
    figures = []
    for size in (1, 13):
        config = EvaluationConfig(iw_samples=4, batch_size=size)
        values = evaluate(model, split, config, seed=0, device=torch.device("cpu")).values
        figures.append({name: value for name, value in values.items() if value is not None})
    assert figures[0] == pytest.approx(figures[1], rel=1e-5, abs=1e-5)


def test_evaluation_forms_no_gradients_and_leaves_the_flow_alone():
    model = bent_model()
    evaluate(model, tiny_split(6), EvaluationConfig(iw_samples=2), seed=0, device=torch.device("cpu"))
    assert all(p.requires_grad and p.grad is None and p.dtype == torch.float32 for p in model.parameters())


def test_the_mean_in_evaluation_is_that_of_the_samples():
    model, batch = bent_model(scale=0.3).eval(), tiny_batch(4)
    with torch.no_grad():
        q = model.posterior(batch)
        z = q.sample(torch.randn(20_000, 4, 4, generator=torch.Generator().manual_seed(1)))
    # 128 fixed noises against 20000: within five standard errors of the former
    assert ((z.mean(0) - q.mean).abs() < 5 * z.std(0) / math.sqrt(128)).all()


def test_a_flow_fits_what_a_gaussian_cannot():
    # KL(q || N(0, C)), unit variances and correlation 0.9, is -log(1 - 0.81) / 2 = 0.83 for the best diagonal q, whose
    # variances are 1 - 0.81, and 0 for a flow
    torch.manual_seed(0)
    model = tiny_model("iaf", {"iaf": {"hidden": 8}}, latent_size=2)
    target = torch.distributions.MultivariateNormal(torch.zeros(2), torch.tensor([[1.0, 0.9], [0.9, 1.0]]))
    optimiser = torch.optim.Adam(model.head.parameters(), lr=0.03)
    batch = tiny_batch(8)
    for _ in range(150):
        optimiser.zero_grad()
        q = model.posterior(batch)
        z = q.sample(torch.randn(16, 8, 2))
        kl = (q.log_prob(z) - target.log_prob(z)).mean()
        kl.backward()
        optimiser.step()
    assert kl.item() < 0.3


def test_what_needs_a_gaussian_is_refused_and_free_bits_are_not():
    for other in ("beta_tc", "dg", "wae_s"):
        with pytest.raises(UsageError, match=r"needs a diagonal Gaussian posterior, which 'iaf' takes away"):
            make_method(f"iaf+{other}")
    with pytest.raises(UsageError, match=r"'bn' and 'iaf'"):
        make_method("bn+iaf")
    assert make_method("iaf+free_bits").name == "free_bits+iaf"


def test_another_posterior_is_refused_by_name():
    class Point(PosteriorHead):
        def forward(self, encoding):
            return PointMass(encoding.features)

    x = torch.ones(2, 3)
    with pytest.raises(UsageError, match=r"'iaf' needs a diagonal Gaussian.*PointMass"):
        FlowHead(Point(), 3, 2, 5)(Encoding(x, x.unsqueeze(1), torch.ones(2, dtype=torch.int64)))

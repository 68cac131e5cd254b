"""Laws of the implicit VAE: the dual form at 0, at the log ratio and below it, and a nu with updates of its own."""

import math

import pytest
import torch
from support import clock, tiny_batch, tiny_model, tiny_split
from torch import nn

from vaecli.config import EvaluationConfig
from vaecli.core.errors import UsageError
from vaecli.metrics.measure import evaluate, validation_mutual_information
from vaecli.model.implicit import ImplicitPosterior, RatioNetwork, Sampler, dual
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.ivae import IVAE
from vaecli.testing.changes import after_updates, session_of


def test_the_dual_form_by_hand():
    # nu = 2 at the code, log 3 and log 5 at two samples of the prior: 2 - 4 + 1 = -1
    at_prior = torch.tensor([[3.0], [5.0]]).log()
    assert dual(torch.tensor([2.0]), at_prior).tolist() == pytest.approx([-1.0], abs=1e-6)


def test_it_is_0_at_nu_0():
    assert dual(torch.zeros(7), torch.zeros(3, 7)).tolist() == [0.0] * 7


def log_ratio(z):
    """log N(z; 1, 1/4) - log N(z; 0, 1)."""
    return math.log(2) - 2 * (z - 1).square() + z.square() / 2


@pytest.mark.parametrize(("shift", "tight"), [(0.0, True), (0.5, False), (-1.0, False)])
def test_the_log_ratio_recovers_the_kl_of_a_gaussian_and_any_other_nu_is_below(shift, tight):
    # KL(N(1, 1/4) || N(0, 1)) = (1/4 + 1 - 1 + log 4) / 2 = 0.8181472
    torch.manual_seed(0)
    q, p = 1 + 0.5 * torch.randn(400_000, dtype=torch.float64), torch.randn(400_000, dtype=torch.float64)
    terms = dual(log_ratio(q) + shift, (log_ratio(p) + shift).unsqueeze(0))
    value, error = terms.mean().item(), terms.std().item() / math.sqrt(400_000)
    if tight:
        assert value == pytest.approx(0.8181472, abs=5 * error)
    else:
        assert value < 0.8181472 - 5 * error


def test_the_posterior_estimates_it_at_its_nu():
    class GaussianRatio(RatioNetwork):
        def forward(self, features, z):
            return log_ratio(z.squeeze(-1))

    class Affine(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.tensor(0.5))

        def forward(self, seen):
            return 1 + self.weight * seen[..., 1:]

    sampler = Sampler(Affine().double(), 1, GaussianRatio(1, 1, 2), fresh=True)
    q = ImplicitPosterior(torch.ones(20_000, 1).double(), torch.zeros(20_000, 1).double(), sampler)
    torch.manual_seed(0)
    z = q.sample(torch.randn(1, 20_000, 1, dtype=torch.float64))[0]
    kl = q.kl_estimate(tiny_model(latent_size=1).prior, z)
    assert kl.mean().item() == pytest.approx(0.8181472, abs=5 * kl.std().item() / math.sqrt(20_000))


def test_the_model_doesn_t_move_nu_and_nu_doesn_t_move_the_model():
    model = tiny_model("ivae", init_range=1.0)
    raw_terms(model, tiny_batch(4)).loss.backward()
    assert all(p.grad is None for p in model.aux["ivae"].parameters())
    assert model.head.network[0].weight.grad.abs().sum() > 0


def test_nu_learns_the_ratio_of_codes_that_stand_still():
    session = session_of(IVAE(updates=400, learning_rate=0.01))
    with torch.no_grad():
        session.model.head.network[2].bias.fill_(1.0)  # all codes near 1
    before = raw_terms(session.model, tiny_batch(4)).kl.mean().item()
    for group in session.optimizers.values():
        for parameters in group.param_groups:
            parameters["lr"] = 0.0
    after_updates(session, session.step, 1)
    session.model.eval()
    after = raw_terms(session.model, tiny_batch(4)).kl.mean().item()
    assert abs(before) < 0.5
    assert after > 1.0


def test_what_has_no_density_has_no_bounds_and_no_information():
    model = tiny_model("ivae", init_range=1.0)
    config = EvaluationConfig(iw_samples=5, rec_samples=1, batch_size=8)
    where = {"seed": 0, "device": torch.device("cpu")}
    values = evaluate(model, tiny_split(20), config, **where).values
    assert {"rec", "au"} <= {name for name, value in values.items() if value is not None}
    assert all(
        values[name] is None for name in ("kl", "neg_elbo", "iw_nll", "mi", "marginal_kl", "mi_batch", "mi_ceiling")
    )
    assert validation_mutual_information(model, tiny_split(20), config, **where) == 0.0
    with pytest.raises(UsageError, match="no density"):
        model.posterior(tiny_batch(4)).log_prob(torch.zeros(1, 4, 4))


def test_codes_depend_on_the_noise_and_the_sentence():
    model = tiny_model("ivae", init_range=1.0).eval()
    q = model.posterior(tiny_batch(4))
    z = q.sample(torch.randn(2_000, 4, 4, generator=torch.Generator().manual_seed(0)))
    assert z.std(0).min() > 1e-3
    assert (z.mean(0) - q.mean).abs().max() < 6 * z.std(0).max() / math.sqrt(128)


@pytest.mark.parametrize("other", ["critic", "iwae", "mim", "bn", "lagging", "mi_constraint"])
def test_what_needs_a_density_is_refused(other):
    with pytest.raises(UsageError, match="can't be composed"):
        make_method(f"ivae+{other}")


def test_a_schedule_weighs_the_dual_form():
    method = make_method("beta+ivae", {"beta": {"beta": 0.25}})
    model = method.build(tiny_model().shape, 0)
    terms = raw_terms(model, tiny_batch(4))
    torch.testing.assert_close(method.objective(terms, clock()).loss, (terms.nll + 0.25 * terms.kl.squeeze(1)).mean())

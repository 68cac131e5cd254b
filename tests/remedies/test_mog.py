"""Laws of a mixture prior: the sampled KL, and that it is learned with the decoder."""

import math

import pytest
import torch
from pydantic import ValidationError
from remedies.figures import check_figures
from support import tiny_batch, tiny_model

from vaecli.model.parameter_groups import group_parameters
from vaecli.objective import raw_terms
from vaecli.remedies.mog import MoG


def test_kl_is_the_log_ratio_at_the_sample():
    model = tiny_model("mog", init_range=1.0)
    terms = raw_terms(model, tiny_batch(8))
    assert terms.kl.shape == (8, 1)
    q = terms.context.posterior
    expected = q.log_prob(terms.z.unsqueeze(0))[0] - model.prior.log_prob(terms.z)
    torch.testing.assert_close(terms.kl[:, 0], expected)


def test_one_component_has_the_figures_of_vanilla_up_to_the_sampling_of_the_kl():
    mine = check_figures(tiny_model("mog", {"mog": {"components": 1}}, init_range=1.0))
    vanilla = check_figures(tiny_model(init_range=1.0))
    for name in ("rec", "iw_nll", "mi", "marginal_kl", "au"):
        assert mine[name] == pytest.approx(vanilla[name], abs=1e-6), name
    assert mine["kl"] != vanilla["kl"]
    assert abs(mine["kl"] - vanilla["kl"]) < 5 * math.hypot(mine["kl_se"], vanilla["kl_se"])


@pytest.mark.parametrize("method", ["mog", "bn+mog", "delta+mog", "du+mog", "mog+pooling"])
def test_figures_obey_the_laws(method):
    check_figures(tiny_model(method, {"mog": {"components": 5}}, init_range=1.0))


def test_the_prior_moves_onto_the_posterior():
    # with the codes' distribution fixed, learning the prior alone lowers the KL to near the mutual information
    model, batch = tiny_model("mog", {"mog": {"components": 8}}, init_range=1.0), tiny_batch(8)
    with torch.no_grad():
        model.head.logvar.weight.zero_()  # unit variances, and means far from 0
        model.head.mean.weight.mul_(8)
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


def test_it_is_trained_with_the_decoder():
    model = tiny_model("mog")
    in_group = {id(p) for p in group_parameters(model, "decoder")}
    assert all(id(p) in in_group for p in model.prior.parameters())
    assert len(list(model.prior.parameters())) == 3


@pytest.mark.parametrize("components", [0, 1001])
def test_there_is_a_component_at_least(components):
    with pytest.raises(ValidationError):
        MoG(components=components)

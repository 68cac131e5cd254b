"""Laws of the vMF-VAE: a KL that is the same whatever is learned, and figures in the sphere's own measure."""

import pytest
import torch
from remedies.figures import check_figures
from support import clock, tiny_batch, tiny_model, tiny_shape

from vaecli.core.errors import UsageError
from vaecli.model.von_mises_fisher import vmf_kl
from vaecli.objective import raw_terms
from vaecli.remedies import make_method


def test_kl_is_one_constant_without_a_gradient():
    model = tiny_model("vmf", {"vmf": {"kappa": 30.0}}, latent_size=32)
    terms = raw_terms(model, tiny_batch(8))
    assert terms.kl.shape == (8, 1)
    assert terms.kl.flatten().tolist() == pytest.approx([7.2126] * 8, abs=1e-4)
    assert not terms.kl.requires_grad
    torch.testing.assert_close(terms.z.norm(dim=-1), torch.ones(8))


@pytest.mark.parametrize("kappa", [1.0, 13.0, 500.0])
def test_figures_obey_the_laws(kappa):
    values = check_figures(tiny_model("vmf", {"vmf": {"kappa": kappa}}, init_range=1.0))
    assert values["kl"] == pytest.approx(vmf_kl(kappa, 4))
    assert values["kl_se"] == pytest.approx(0)
    # sampled against the same prior, whose density is with respect to area like that of q: at most a variance of
    # (Z - 1) / 2 = 1.5 a sentence, over 60 of them five standard errors of 0.16
    assert values["mi"] + values["marginal_kl"] == pytest.approx(values["kl"], abs=0.8)


def test_the_direction_of_the_features_is_the_mean():
    model, batch = tiny_model("vmf"), tiny_batch()
    features = model.head.mean(model.encode(batch).features)
    q = model.posterior(batch)
    torch.testing.assert_close(q.direction, features / features.norm(dim=-1, keepdim=True))


def test_the_mean_starts_as_in_vanilla_and_there_is_no_logvar():
    model, vanilla = tiny_model("vmf", seed=3), dict(tiny_model("vanilla", seed=3).named_parameters())
    mine = dict(model.named_parameters())
    assert vanilla.keys() - mine.keys() == {"head.logvar.weight"}
    assert mine.keys() <= vanilla.keys()
    assert all(torch.equal(mine[n], vanilla[n]) for n in mine)
    assert not any("table" in key for key in model.state_dict())


def test_a_kl_weight_changes_nothing_that_is_learned():
    batch, grads = tiny_batch(8), []
    for method in ("vmf", "beta+vmf"):
        built = make_method(method, {"beta": {"beta": 0.1}})
        model = built.build(tiny_shape(), 0)
        torch.manual_seed(0)
        built.objective(raw_terms(model, batch), clock()).loss.backward()
        grads.append([p.grad for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))


@pytest.mark.parametrize("other", ["free_bits", "bn", "beta_tc", "mi_constraint"])
def test_what_needs_a_kl_to_shape_is_refused(other):
    with pytest.raises(UsageError, match="can't be composed"):
        make_method(f"vmf+{other}")


def test_one_dimension_is_refused():
    with pytest.raises(UsageError, match=r"latent_size is 1"):
        tiny_model("vmf", latent_size=1)

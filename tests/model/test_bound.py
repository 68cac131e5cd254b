import ast
from functools import partial
from pathlib import Path

import pytest
import torch
from support import tiny_batch, tiny_model

import vaecli
from vaecli.model.bound import bound_terms
from vaecli.model.posterior import DiagonalGaussian
from vaecli.model.prior import StandardNormal


def test_terms_by_hand():
    # KL of N(2, 1) from N(0, 1) is 2; the nll of the two samples is 2 z^2, 8 and 18 at z = 2 and 3, 13 on average
    q, prior = DiagonalGaussian(torch.tensor([[2.0]]), torch.zeros(1, 1)), StandardNormal(1)
    one = bound_terms(q, prior, torch.tensor([[2.0]]), lambda z: 2 * z.square().sum(-1))
    assert (one.nll.item(), one.kl.item(), one.total.item()) == (8, 2, 10)
    two = bound_terms(q, prior, torch.tensor([[[2.0]], [[3.0]]]), lambda z: 2 * z.square().sum(-1))
    assert (two.nll.item(), two.kl.item(), two.total.item()) == (13, 2, 15)


@pytest.mark.parametrize("method", ["vanilla", "iaf", "vamp", "mog", "vmf"])
def test_several_samples_are_the_mean_of_single_ones(method):
    model, batch = tiny_model(method, init_range=0.8).double().eval(), tiny_batch(5)
    with torch.no_grad():
        q = model.posterior(batch)
        z = q.sample(torch.randn(3, 5, q.noise_size, dtype=torch.float64))
        nll = partial(model.nll, batch=batch)
        single = torch.stack([bound_terms(q, model.prior, code, nll).total for code in z])
        assert torch.allclose(bound_terms(q, model.prior, z, nll).total, single.mean(0))


def test_a_code_without_a_density_has_no_kl():
    model, batch = tiny_model("ae").eval(), tiny_batch(2)
    q = model.posterior(batch)
    assert bound_terms(q, model.prior, q.mean, partial(model.nll, batch=batch)).kl is None


def test_nothing_else_puts_a_kl_beside_a_likelihood():
    """Only the assembly, and the measure of the KL that a remedy steers by, ask for the KL at a sample."""
    package = Path(vaecli.__file__).parent
    users = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name) and node.id == "kl_divergence"
    }
    assert users == {"model/bound.py", "remedies/shared/feedback.py"}

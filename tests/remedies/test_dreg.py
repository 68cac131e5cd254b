"""Laws of the doubly reparameterised gradient: its expectation is that of the plain one, with less noise."""

import pytest
import torch
from remedies.multisample import toy_terms
from support import clock, tiny_batch, tiny_model

from vaecli.model.flow import Flow
from vaecli.objective import raw_terms
from vaecli.remedies import dreg
from vaecli.remedies.dreg import DReG
from vaecli.remedies.iwae import IWAE


def encoder_gradients(remedy, b, **toy):
    """(2, b) gradients by each copy's own mean and logvar."""
    terms = toy_terms(b, **toy)
    torch.manual_seed(1)
    remedy.objective(terms, clock()).loss.backward()
    q = terms.context.posterior
    return torch.stack([q.mean.grad, q.logvar.grad]).squeeze(-1) * b


@pytest.mark.parametrize("samples", [1, 2, 10])
def test_it_is_unbiased_against_the_plain_gradient(samples):
    toy = {"mean": -0.3, "variance": 0.9}
    plain, double = (encoder_gradients(remedy(samples=samples), 40_000, **toy) for remedy in (IWAE, DReG))
    error = ((plain.var(1) + double.var(1)) / 40_000).sqrt()
    assert ((plain.mean(1) - double.mean(1)).abs() < 5 * error).all()
    assert plain.mean(1).abs().max() > 3 * error.max()  # there is a gradient to agree on


def test_with_the_true_posterior_it_has_no_noise_at_all():
    assert encoder_gradients(DReG(samples=5), 200).abs().max() < 1e-6
    assert encoder_gradients(IWAE(samples=5), 200).std() > 0.1


def test_one_copy_by_hand():
    # K = 1, q = N(m, 1) at m = 0, z = e: log w = -(z - 1)^2 / 2 - z^2 / 2 + (z - m)^2 / 2 with m fixed in the density:
    # d log w / dz = (1 - z) - z + z = 1 - z, so the loss has the gradient z - 1 by m
    terms = toy_terms(5, mean=0.0, variance=1.0)
    DReG(samples=1).objective(terms, clock()).loss.backward()
    assert (terms.context.posterior.mean.grad * 5).flatten().tolist() == pytest.approx((terms.z - 1).flatten().tolist())


def test_the_value_is_that_of_iwae():
    for terms in (toy_terms(30, mean=-0.5, variance=1.0), raw_terms(tiny_model("dreg", init_range=1.0), tiny_batch(4))):
        values = []
        for remedy in (IWAE(samples=4), DReG(samples=4)):
            torch.manual_seed(1)
            values.append(remedy.objective(terms, clock()).loss)
        torch.testing.assert_close(*values)


@pytest.mark.parametrize("method", ["dreg+iaf", "dreg+iaf+vamp", "dreg+flow_prior+iaf"])
def test_of_a_flow_it_takes_no_inverse_and_has_the_gradients_of_it(method, monkeypatch):
    batch, grads, losses = tiny_batch(4), [], []
    for known in (False, True):
        model = tiny_model(method, init_range=0.5).double()
        torch.manual_seed(0)
        terms = raw_terms(model, batch)
        torch.manual_seed(1)
        remedy = DReG(samples=3)
        if known:
            monkeypatch.setattr(Flow, "inverse", None)
        else:
            monkeypatch.setattr(dreg, "joined_start", lambda posterior, draws: None)
        losses.append(remedy.objective(terms, clock()).loss)
        losses[-1].backward()
        grads.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
        monkeypatch.undo()
    torch.testing.assert_close(*losses)
    assert grads[0].keys() == grads[1].keys()
    assert any("flow" in name and g.abs().max() > 1e-6 for name, g in grads[0].items())
    for name, gradient in grads[0].items():
        torch.testing.assert_close(gradient, grads[1][name], msg=lambda text, name=name: f"{name}: {text}")


def test_the_decoder_has_the_gradient_of_iwae():
    model, grads = tiny_model("dreg", init_range=1.0), []
    for remedy in (IWAE(samples=4), DReG(samples=4)):
        model.zero_grad()
        torch.manual_seed(0)
        terms = raw_terms(model, tiny_batch(4))
        torch.manual_seed(1)
        remedy.objective(terms, clock()).loss.backward()
        grads.append(model.decoder.output.weight.grad.clone())
    torch.testing.assert_close(*grads, atol=1e-6, rtol=1e-4)

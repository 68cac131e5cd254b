import pytest
import torch
from pydantic import ValidationError
from support import clock, make_terms, tiny_batch, tiny_model

from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.beta import Beta


def test_beta_one_is_vanilla_bit_for_bit():
    batch = tiny_batch(8)
    losses, gradients = [], []
    for method, hyper in (("vanilla", None), ("beta", {"beta": {"beta": 1.0}})):
        model = tiny_model(method, hyper, seed=3)
        torch.manual_seed(0)
        loss = make_method(method, hyper).objective(raw_terms(model, batch), clock()).loss
        loss.backward()
        losses.append(loss)
        gradients.append(model.encoder.lstm.weight_ih_l0.grad)
    assert torch.equal(*losses)
    assert torch.equal(*gradients)


def test_loss_by_hand_and_linear_in_beta():
    # nll (2, 4) has mean 3, kl (1 + 2, 3 + 4) has mean 5: 3 + 5 beta; at the default 0.4 it is 5
    terms = make_terms(kl=[[1.0, 2.0], [3.0, 4.0]], nll=[2.0, 4.0])
    assert torch.isclose(Beta().objective(terms, clock()).loss, torch.tensor(5.0))
    for beta in (0.0, 0.5, 1.0, 2.0):
        assert torch.isclose(Beta(beta=beta).objective(terms, clock()).loss, torch.tensor(3 + 5 * beta))


def test_constant_over_training():
    assert {Beta().objective(make_terms(), clock(step)).kl_weight for step in (0, 1, 39)} == {0.4}


def test_negative_is_refused():
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        Beta(beta=-0.1)

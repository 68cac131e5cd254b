"""Laws of the coupled VAE: the range of the distance, who feels it, and a twin that is no part of the model."""

import pytest
import torch
from support import clock, tiny_batch, tiny_model

from vaecli.objective import raw_terms
from vaecli.remedies.coupled import Coupled, initial_state, matching


def test_one_distance_by_hand():
    # Z = 1, d^2 = 2: C = 0.2, 0.4, 1, 2, 4, 10, 20, so C / (C + 2) = 1/11 + 1/6 + 1/3 + 1/2 + 2/3 + 5/6 + 10/11 = 3.5
    value = matching(torch.tensor([[1.0, 1.0]]), torch.zeros(1, 2), 1)
    assert value.item() == pytest.approx(-3.5, abs=1e-6)


def test_it_is_minus_7_where_both_are_one_and_goes_to_0_far_apart():
    state = torch.randn(5, 3)
    assert matching(state, state, 4).tolist() == pytest.approx([-7.0] * 5)
    far = [matching(state, state + shift, 4).mean().item() for shift in (0.1, 1.0, 10.0, 1e3)]
    assert far == sorted(far)
    assert far[0] > -7
    assert -1e-3 < far[-1] < 0


def terms_of(model, **hyper):
    torch.manual_seed(0)
    return Coupled(**hyper).objective(raw_terms(model, tiny_batch(4)), clock())


def test_the_distance_doesn_t_move_the_twin_but_moves_encoder_and_decoder():
    model = tiny_model("coupled")
    terms_of(model, reconstruction=0.0).extra.mean().backward()
    assert all(p.grad is None or not p.grad.any() for p in model.aux["coupled"].parameters())
    assert model.decoder.initial.weight.grad.abs().sum() > 0
    assert model.head.mean.weight.grad.abs().sum() > 0


def test_the_twin_s_reconstruction_moves_the_twin_and_the_shared_encoder_alone():
    model = tiny_model("coupled")
    terms_of(model, match=0.0).extra.mean().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.aux["coupled"].parameters())
    assert model.encoder.lstm.weight_ih_l0.grad.abs().sum() > 0
    assert model.decoder.output.weight.grad is None
    assert not model.head.mean.weight.grad.any()


def test_the_twin_reconstructs_as_the_decoder_does_with_the_same_weights():
    model = tiny_model("coupled")
    twin, batch = model.aux["coupled"], tiny_batch(4)
    twin.decoder.load_state_dict(model.decoder.state_dict())
    code = twin.mean(model.encode(batch).features)
    torch.testing.assert_close(terms_of(model, match=0.0).extra, model.nll(code, batch))


def test_the_terms_add_up_each_by_its_factor():
    model = tiny_model("coupled")
    torch.manual_seed(0)
    raw = raw_terms(model, tiny_batch(4))
    twin = model.aux["coupled"]
    code = twin.mean(raw.context.encoding.features)
    distance = matching(initial_state(model.decoder, raw.z), initial_state(twin.decoder, code), 4)
    nll, both = terms_of(model, match=0.0).extra, terms_of(model, reconstruction=3.0, match=0.5).extra
    torch.testing.assert_close(both, 3 * nll + 0.5 * distance)
    assert (both < 3 * nll).all()  # D is below 0: near the twin is better


def test_factors_of_zero_are_the_vae_and_the_twin_starts_apart():
    model = tiny_model("coupled", seed=3)
    assert terms_of(model, reconstruction=0.0, match=0.0).extra.abs().sum() == 0
    vanilla = dict(tiny_model(seed=3).named_parameters())
    mine = dict(model.named_parameters())
    assert all(torch.equal(mine[name], vanilla[name]) for name in vanilla)
    assert not torch.equal(model.aux["coupled"].decoder.output.weight, model.decoder.output.weight)


def test_a_decoder_without_an_initial_state_is_compared_by_its_code():
    model, z = tiny_model("cnn+coupled"), torch.randn(3, 4)
    assert initial_state(model.decoder, z) is z
    assert initial_state(tiny_model().decoder, z).shape == (3, 7)
    assert terms_of(model).loss.isfinite()

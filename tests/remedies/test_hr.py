"""Laws of holistic regularisation: hidden and cell states of every step, and the average of their KLs."""

import math

import pytest
import torch
from support import clock, split_of, tiny_batch, tiny_model

from vaecli.core.errors import UsageError
from vaecli.corpus.types import collate
from vaecli.model.encoder import Encoding
from vaecli.model.posterior import DiagonalGaussian, gaussian_kl
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.hr import CellLSTMEncoder


def test_one_step_by_hand():
    # one unit, all input weights 0 and biases (i, f, g, o) = (0, 0, log 3 / 2, 0): gates i = o = 1/2 and g = tanh(log 3
    # / 2) = 1/2, so c_1 = 1/4 and h_1 = tanh(1/4) / 2 = 0.1224593; then c_2 = 1/2 * 1/4 + 1/4 = 3/8
    encoder = CellLSTMEncoder(12, 2, 1)
    with torch.no_grad():
        for parameter in encoder.lstm.parameters():
            parameter.zero_()
        encoder.lstm.bias_ih_l0[2] = math.log(3) / 2
    states = encoder(collate(split_of([4]), torch.arange(1))).states
    assert states[0, 0].tolist() == pytest.approx([0.1224593, 0.25], abs=1e-6)
    assert states[0, 1, 1].item() == pytest.approx(0.375)


def test_hidden_states_are_those_of_the_plain_encoder_and_cells_those_of_the_lstm():
    mine, vanilla, batch = tiny_model("hr", seed=3), tiny_model("vanilla", seed=3), tiny_batch(5)
    encoding, plain = mine.encode(batch), vanilla.encode(batch)
    assert encoding.features.shape == (5, 12)
    assert torch.allclose(encoding.states[..., :6], plain.states, atol=1e-6)
    assert torch.allclose(encoding.features[:, :6], plain.features, atol=1e-6)
    assert torch.equal(encoding.steps, plain.steps)
    for b, n in enumerate(batch.lengths.tolist()):
        _, (_, c) = vanilla.encoder.lstm(vanilla.encoder.embedding(batch.tokens[b : b + 1, : n + 1]))
        assert torch.allclose(encoding.features[b, 6:], c.flatten(), atol=1e-6)


def test_the_term_is_the_average_over_all_steps():
    model = tiny_model("hr")
    batch = collate(split_of([4, 5], [6, 7, 8, 9]), torch.arange(2))
    encoding, q = model.encode(batch), model.posterior(batch)
    for b, n in enumerate(encoding.steps.tolist()):
        states = encoding.states[b, :n]
        each = model.head.wrapped(Encoding(states, states.unsqueeze(1), torch.ones(n, dtype=torch.int64)))
        assert torch.allclose(q.step_kl[b], gaussian_kl(each.mean, each.logvar).mean(0), atol=1e-7)
    new = make_method("hr").objective(raw_terms(model, batch), clock())
    assert torch.allclose(new.kl, q.step_kl)


def test_padding_changes_nothing():
    model = tiny_model("hr")
    alone = model.posterior(collate(split_of([4, 5]), torch.arange(1)))
    padded = model.posterior(collate(split_of([4, 5], [6] * 9), torch.arange(2)))
    assert torch.allclose(padded.step_kl[:1], alone.step_kl, atol=1e-7)
    assert torch.allclose(padded.mean[:1], alone.mean, atol=1e-7)


def test_cell_states_matter():
    model, batch = tiny_model("hr"), tiny_batch(4)
    before = model.posterior(batch).mean
    with torch.no_grad():
        model.head.wrapped.mean.weight[:, 6:].zero_()
    assert not torch.allclose(model.posterior(batch).mean, before)


def test_evaluation_reports_the_kl_of_the_z_that_is_used():
    model, batch = tiny_model("hr").eval(), tiny_batch(5)
    q = model.posterior(batch)
    assert type(q) is DiagonalGaussian
    assert torch.equal(raw_terms(model, batch).kl, gaussian_kl(q.mean, q.logvar))


def test_it_composes_with_what_changes_neither_states_nor_head():
    method = make_method("bow+denoising+hr+linear_anneal+slvae+word_dropout")
    model = method.build(tiny_model().shape, 0)
    assert torch.isfinite(method.objective(raw_terms(model, tiny_batch(5)), clock(5)).loss)


def test_statistics_of_the_batch_and_the_other_form_are_refused():
    for other in ("bn", "twr"):
        with pytest.raises(UsageError, match="can't be composed"):
            make_method(f"hr+{other}")

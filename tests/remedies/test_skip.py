"""Laws of the skip connection: z reaches the logits without the LSTM, and without the connection it is vanilla."""

import torch
from support import clock, tiny_batch, tiny_model, tiny_shape

from vaecli.corpus.types import BOS
from vaecli.model.decoding import greedy
from vaecli.objective import raw_terms
from vaecli.remedies import make_method


def test_logits_by_hand():
    # W rows [h part 0 | z part]: word 0 gets 2 z_1 - z_2, word 1 gets 3 z_2; z = (0.5, -1): 1 + 1 = 2 and -3
    model = make_method("skip").build(tiny_shape(2), 0)
    weight = model.decoder.output.weight
    with torch.no_grad():
        weight.zero_()
        weight[0, 7:] = torch.tensor([2.0, -1.0])
        weight[1, 7:] = torch.tensor([0.0, 3.0])
        states = model.decoder.hidden(torch.tensor([[0.5, -1.0]]), torch.tensor([[BOS, 5, 6]]))
        logits = model.decoder.output.logits(states)
    assert states.shape == (1, 3, 9)
    assert torch.allclose(logits[0, :, 0], torch.tensor(2.0))
    assert torch.allclose(logits[0, :, 1], torch.tensor(-3.0))
    assert (logits[0, :, 2:] == 0).all()


def as_vanilla(model, vanilla):
    """The skip model with vanilla's weights and a connection of zero."""
    state = dict(vanilla.state_dict())
    state["decoder.output.weight"] = torch.cat([state["decoder.output.weight"], torch.zeros(12, 4)], 1)
    model.load_state_dict(state)
    return model


def test_a_connection_of_zero_is_vanilla():
    vanilla, batch = tiny_model(), tiny_batch(6)
    losses = []
    for model in (vanilla, as_vanilla(tiny_model("skip"), vanilla)):
        torch.manual_seed(0)
        losses.append(make_method("skip").objective(raw_terms(model, batch), clock()).nll)
    assert torch.allclose(*losses, rtol=1e-5)


def test_z_reaches_the_logits_past_a_dead_lstm():
    skip, vanilla = tiny_model("skip"), tiny_model()
    inputs, z = tiny_batch(3).inputs, torch.randn(3, 4)
    for model, moved in ((skip, True), (vanilla, False)):
        for parameter in [*model.decoder.lstm.parameters(), *model.decoder.initial.parameters()]:
            torch.nn.init.zeros_(parameter)
        logits = [model.decoder.output.logits(model.decoder.hidden(code, inputs)) for code in (z, z + 1)]
        assert torch.allclose(*logits) is not moved


def test_z_is_not_dropped():
    model = tiny_model("skip", output_dropout=0.9)
    z = torch.randn(2, 4)
    states = model.decoder.hidden(z, tiny_batch(2).inputs)
    assert torch.equal(states[..., 7:], z.unsqueeze(1).expand(-1, states.shape[1], -1))
    assert (states[..., :7] == 0).any()


def test_all_but_the_output_layer_starts_as_in_vanilla():
    mine, vanilla = (dict(tiny_model(m, seed=3).named_parameters()) for m in ("skip", "vanilla"))
    assert mine.keys() == vanilla.keys()
    assert [n for n in mine if not torch.equal(mine[n], vanilla[n])] == ["decoder.output.weight"]


def test_generation_uses_the_connection():
    # only z_1 -> word 5 counts: z_1 > 0 says 5 at every place, z_1 < 0 never
    model = tiny_model("skip").eval()
    with torch.no_grad():
        model.decoder.output.weight.zero_()
        model.decoder.output.weight[5, 7] = 1.0
    sentences = greedy(model.decoder, torch.tensor([[2.0, 0, 0, 0], [-2.0, 0, 0, 0]]), 3)
    assert sentences[0].words == [5, 5, 5]
    assert 5 not in sentences[1].words

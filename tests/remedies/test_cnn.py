"""Laws of the convolutional decoder: causal, with a receptive field that is exactly what the dilations say."""

import math

import pytest
import torch
from support import clock, split_of, tiny_batch, tiny_model, tiny_shape, tiny_split

from vaecli.config import EvaluationConfig
from vaecli.corpus.types import BOS, collate
from vaecli.metrics.measure import evaluate
from vaecli.model.convolution import FILTER, ConvolutionalDecoder, ResidualBlock
from vaecli.model.decoding import greedy
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.cnn import CNN, DILATIONS


def receptive_field(dilations):
    """Inputs that a state sees, the present one included: ``1 + sum_i (FILTER - 1) d_i``."""
    return 1 + (FILTER - 1) * sum(dilations)


def test_published_receptive_fields():
    # 1 + 2 (1 + 2 + 4) = 15, 1 + 2 * 31 = 63, 1 + 2 * 62 = 125, 1 + 2 * 93 = 187
    assert [receptive_field(DILATIONS[size]) for size in ("scnn", "mcnn", "lcnn", "vlcnn")] == [15, 63, 125, 187]


def test_block_by_hand():
    # one channel, dilation 2, all weights 1 and biases 0: step t is x_t + x_t + x_(t-2) + x_(t-4), what is missing 0
    block = ResidualBlock(2, 2)
    with torch.no_grad():
        for conv in (block.down, block.filter, block.up):
            conv.weight.fill_(1)
            conv.bias.zero_()
        block.down.weight[0, 1] = 0
        out = block(torch.tensor([[[1.0, 2, 3, 4, 5], [0, 0, 0, 0, 0]]]))
    assert out[0, 0].tolist() == [1 + 1, 2 + 2, 3 + 3 + 1, 4 + 4 + 2, 5 + 5 + 3 + 1]
    assert out[0, 1].tolist() == [1, 2, 4, 6, 9]


def decoder_of(dilations):
    """With positive weights everywhere, so that no relu hides what reaches a state."""
    torch.manual_seed(0)
    decoder = ConvolutionalDecoder(12, 5, 6, 4, dilations)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.abs_()
    return decoder.double().eval()


@pytest.mark.parametrize("dilations", [(1,), (1, 2), (1, 2, 4), (3, 1)])
@pytest.mark.parametrize("position", [1, 3])
def test_a_word_is_seen_from_its_position_on_for_the_receptive_field(dilations, position):
    decoder, field = decoder_of(dilations), receptive_field(dilations)
    inputs = torch.full((1, position + field + 3), 5)
    inputs[0, 0] = BOS
    other = inputs.clone()
    other[0, position] = 7
    z = torch.ones(1, 4, dtype=torch.float64)
    moved = (decoder.hidden(z, inputs) != decoder.hidden(z, other)).any(-1)[0].nonzero().flatten().tolist()
    assert min(moved) == position
    assert max(moved) == position + field - 1


def test_z_is_at_every_place():
    decoder, inputs = decoder_of((1,)), tiny_batch(3).inputs
    z = torch.rand(3, 4, dtype=torch.float64)
    assert (decoder.hidden(z, inputs) != decoder.hidden(z + 1, inputs)).any(-1).all()


@pytest.mark.parametrize("size", list(DILATIONS))
def test_sizes(size):
    model = tiny_model("cnn", {"cnn": {"size": size}})
    assert [block.filter.dilation[0] for block in model.decoder.blocks] == list(DILATIONS[size])
    assert model.decoder.output.weight.shape == (12, 7)


def test_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="scnn"):
        CNN(size="tiny")


def test_padding_and_company_change_nothing():
    split = split_of([5, 6], [4, 7, 8, 9, 10, 11])
    model = tiny_model("cnn").eval()
    z = torch.randn(2, 4)
    with torch.no_grad():
        together = model.nll(z, collate(split, torch.arange(2)))
        alone = torch.cat([model.nll(z[n : n + 1], collate(split, torch.tensor([n]))) for n in range(2)])
    assert torch.allclose(together, alone, atol=1e-5)


def test_the_initialisation_that_was_asked_for_holds_for_convolutions():
    model = tiny_model("cnn", init_range=0.01)
    weights = [p for n, p in model.decoder.named_parameters() if not n.startswith("embedding")]
    assert max(p.abs().max() for p in weights) <= 0.01
    assert min(p.abs().max() for p in weights) > 0


def test_encoder_and_embeddings_start_as_in_vanilla():
    mine, vanilla = (dict(tiny_model(m, seed=3).named_parameters()) for m in ("cnn", "vanilla"))
    shared = [n for n in vanilla if n in mine]
    assert {"encoder.lstm.weight_hh_l0", "head.mean.weight", "decoder.embedding.weight"} <= set(shared)
    assert all(torch.equal(mine[n], vanilla[n]) for n in shared)


def test_it_trains_evaluates_and_generates():
    method = make_method("cnn+word_dropout")
    model, batch = method.build(tiny_shape(output_dropout=0.2), 0), tiny_batch(8)
    optimiser, losses = torch.optim.Adam(model.parameters(), lr=1e-2), []
    torch.manual_seed(0)
    for step in range(20):
        optimiser.zero_grad()
        losses.append(method.objective(raw_terms(model, batch), clock(step)).loss)
        losses[-1].backward()
        optimiser.step()
    assert losses[-1] < losses[0]
    config = EvaluationConfig(iw_samples=3)
    assert math.isfinite(evaluate(model, tiny_split(9), config, seed=0, device=torch.device("cpu")).values["iw_nll"])
    z = torch.randn(2, 4)
    sentences = greedy(model.eval().decoder, z, 4)
    batch = collate(split_of(*[s.words for s in sentences]), torch.arange(2))
    with torch.no_grad():
        nll = model.nll(z, batch)
    assert torch.allclose(-nll, torch.tensor([s.log_prob for s in sentences]), atol=1e-4)

from dataclasses import replace

import pytest
import torch
from support import VOCABULARY_SIZE, split_of, tiny_batch, tiny_model, tiny_shape, tiny_split

from vaecli.corpus.types import EOS, PAD, collate
from vaecli.model.decoder import LSTMDecoder
from vaecli.model.posterior import DiagonalGaussian, PointMass
from vaecli.model.vae import VAE, Bound, initialise, stable_seed, vanilla_parts
from vaecli.remedies import make_method

LENGTH = 6


@pytest.mark.parametrize("latent_size", [4, 0])
@pytest.mark.parametrize("position", range(LENGTH))
def test_decoder_is_causal(position, latent_size):
    torch.manual_seed(position)
    decoder = LSTMDecoder(VOCABULARY_SIZE, 5, 7, latent_size)
    inputs = torch.randint(4, VOCABULARY_SIZE, (2, LENGTH))
    changed = inputs.clone()
    changed[:, position] = (inputs[:, position] - 3) % (VOCABULARY_SIZE - 4) + 4
    assert not (changed == inputs).all(0)[position]
    z = torch.randn(2, latent_size)
    before, after = decoder.hidden(z, inputs), decoder.hidden(z, changed)
    assert torch.equal(before[:, :position], after[:, :position])
    assert (before[:, position:] != after[:, position:]).any(-1).all()


def test_every_state_of_the_decoder_sees_z():
    decoder = tiny_model().decoder
    inputs = tiny_batch(2).inputs
    z = torch.randn(2, 4)
    assert (decoder.hidden(z, inputs) != decoder.hidden(z + 1, inputs)).any(-1).all()


def test_initial_state_by_hand():
    # c_0 = W z, h_0 = tanh(c_0), and input [embedding; z]: one step of the cell written out
    decoder = tiny_model().decoder
    inputs, z = torch.tensor([[5]]), torch.randn(1, 4)
    c = z @ decoder.initial.weight.T
    lstm = decoder.lstm
    x = torch.cat([decoder.embedding.weight[5].unsqueeze(0), z], 1)
    gates = x @ lstm.weight_ih_l0.T + lstm.bias_ih_l0 + torch.tanh(c) @ lstm.weight_hh_l0.T + lstm.bias_hh_l0
    i, f, g, o = gates.chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    torch.testing.assert_close(decoder.hidden(z, inputs)[:, 0], o.sigmoid() * c.tanh())


def test_z_is_never_dropped():
    decoder = tiny_model(embedding_dropout=0.99).decoder.train()
    with torch.no_grad():
        decoder.embedding.weight.zero_()
    z, inputs = torch.randn(3, 4), tiny_batch(3).inputs
    assert torch.equal(decoder.hidden(z, inputs), decoder.hidden(z, inputs))


def test_padding_changes_nothing():
    short, long = [5, 6], [7, 8, 9, 10, 11, 4]
    model = tiny_model().eval()
    alone = collate(split_of(short), torch.tensor([0]))
    padded = collate(split_of(short, long), torch.arange(2))
    assert (padded.tokens[0] == PAD).sum() == 4
    torch.testing.assert_close(model.posterior(padded).mean[:1], model.posterior(alone).mean)
    torch.testing.assert_close(model.posterior(padded).logvar[:1], model.posterior(alone).logvar)
    z = torch.randn(2, 4)
    torch.testing.assert_close(model.nll(z, padded)[:1], model.nll(z[:1], alone))
    assert model.token_nll(z, padded)[0, 3:].tolist() == [0.0] * 4


def test_token_nll_is_the_cross_entropy_of_the_logits():
    model, batch = tiny_model().eval(), tiny_batch(3)
    z = torch.randn(3, 4)
    log_p = model.decoder.output.logits(model.decoder.hidden(z, batch.inputs)).log_softmax(-1)
    expected = -log_p.gather(2, batch.targets.unsqueeze(2)).squeeze(2) * batch.mask
    torch.testing.assert_close(model.token_nll(z, batch), expected)
    torch.testing.assert_close(model.nll(z, batch), expected.sum(1))


def test_probabilities_of_all_sentences_sum_to_one():
    # over the sentences of no word and of one word, and the beginnings of two words that everything else starts with
    model = tiny_model().eval()
    words = [i for i in range(VOCABULARY_SIZE) if i != EOS]
    sentences = [[], *([a] for a in words), *([a, b] for a in words for b in words)]
    batch = collate(split_of(*sentences), torch.arange(len(sentences)))
    nll = model.token_nll(torch.randn(1, 4).expand(len(sentences), 4), batch).double()
    short = 1 + len(words)
    total = (-nll[:short].sum(1)).exp().sum() + (-nll[short:, :2].sum(1)).exp().sum()
    assert total.item() == pytest.approx(1, abs=1e-5)


def test_nll_takes_several_samples():
    model, batch = tiny_model().eval(), tiny_batch(3)
    z = torch.randn(2, 3, 4)
    torch.testing.assert_close(model.nll(z, batch), torch.stack([model.nll(z[0], batch), model.nll(z[1], batch)]))


def test_the_bound_is_nll_and_kl_of_one_sample():
    model, batch = tiny_model().eval(), tiny_batch(3)
    # almost no variance: the sample is the mean, and KL = (mean^2 + e^-20 + 20 - 1) / 2 summed over 4 dimensions
    mean = torch.randn(3, 4)
    q = DiagonalGaussian(mean, torch.full((3, 4), -20.0))
    expected = model.nll(mean, batch) + (mean.square().sum(1) + 4 * 19) / 2
    torch.testing.assert_close(Bound(model, batch)(q), expected, rtol=1e-4, atol=1e-3)


def test_posterior_is_refined_with_a_bound():
    model, batch = tiny_model().eval(), tiny_batch(3)
    seen = {}

    def refine(posterior, bound):
        seen["bound"] = bound(posterior)
        return posterior.map(torch.zeros_like)

    refined = VAE(replace(vanilla_parts(model.shape)), refine)
    assert not refined.posterior(batch).mean.any()
    assert seen["bound"].shape == (3,)


def test_language_model():
    model = tiny_model("lm")
    assert (model.has_latent, model.latent_size) == (False, 0)
    assert model.decoder.initial is None
    batch = tiny_batch(3)
    assert model.nll(torch.zeros(3, 0), batch).shape == (3,)


def test_parameter_count_by_hand():
    # V = 12, E = 5, encoder 6, decoder 7, Z = 4. encoder: 60 + 4*6*(5 + 6 + 2) = 372; head: 2*6*4 = 48;
    # decoder: 60 + 28 (initial) + 4*7*(5 + 4 + 7 + 2) = 504 + 84 (output) = 676; in all 1096
    assert tiny_model().parameter_count == 1096
    # without a latent variable: 60 + 4*7*(5 + 7 + 2) = 392 + 84 = 536
    assert tiny_model("lm").parameter_count == 536


def test_modules_that_methods_share_start_equal():
    vanilla = dict(tiny_model("vanilla", seed=3).named_parameters())
    for method in ("beta", "ae", "free_bits+linear_anneal", "word_dropout"):
        for name, parameter in tiny_model(method, seed=3).named_parameters():
            assert torch.equal(parameter, vanilla[name]), (method, name)


def test_the_seed_and_the_place_decide_the_start():
    first, again, other = (tiny_model(seed=s).state_dict() for s in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)
    assert not torch.equal(first["encoder.embedding.weight"], first["decoder.embedding.weight"])


def test_stable_seed_is_the_same_on_every_machine():
    assert stable_seed(0, "init", "decoder") == stable_seed("0", "init", "decoder") != stable_seed(1, "init", "decoder")
    assert 0 <= stable_seed("x") < 2**63


def test_initial_ranges_are_obeyed():
    model = tiny_model(init_range=0.01, embedding_init_range=0.1)
    for name, parameter in model.named_parameters():
        largest = parameter.abs().max().item()
        bound = 0.1 if "embedding" in name else 0.01
        assert 0.5 * bound < largest <= bound, name
    assert not model.encoder.embedding.weight[PAD].any()
    assert not model.decoder.embedding.weight[PAD].any()


def test_unset_ranges_leave_torch_s_own_rule():
    model = tiny_model()
    # LSTM: U(-1/sqrt(H), 1/sqrt(H)), H = 6; embeddings N(0, 1)
    assert 0.9 * 6**-0.5 < model.encoder.lstm.weight_hh_l0.abs().max() <= 6**-0.5
    assert model.encoder.embedding.weight.abs().max() > 1
    assert not model.encoder.embedding.weight[PAD].any()


def test_initialise_leaves_the_global_generator_alone():
    model = tiny_model()
    before = torch.random.get_rng_state()
    initialise(model, model.shape.model, 7)
    assert torch.equal(before, torch.random.get_rng_state())


def test_padding_embedding_is_not_trained():
    model, split = tiny_model(), tiny_split(6, 2)
    model.nll(torch.randn(6, 4), collate(split, torch.arange(6))).sum().backward()
    assert not model.decoder.embedding.weight.grad[PAD].any()


def test_a_head_of_another_kind_fits():
    shape = tiny_shape()
    model = make_method("ae").build(shape, 0)
    assert isinstance(model.posterior(tiny_batch(2)), PointMass)

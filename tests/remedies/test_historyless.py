"""Laws of inputless decoding: nothing but z and the position reaches the decoder, in either mode."""

import math

import pytest
import torch
from support import clock, split_of, tiny_batch, tiny_model, tiny_shape

from vaecli.core.errors import UsageError
from vaecli.corpus.types import BOS, EOS, UNK, collate
from vaecli.model.decoding import greedy, sample, sampling_noise, steps_of
from vaecli.model.vae import vanilla_parts
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.historyless import HiddenWords, Historyless


@pytest.mark.parametrize("training", [True, False])
def test_words_by_hand(training):
    # row i of the table is (i, i): <s> 5 6 </s> is read as <s> <unk> <unk> </s>, 1 3 3 2
    words = HiddenWords.from_pretrained(torch.arange(12.0).unsqueeze(1).expand(12, 2).contiguous()).train(training)
    assert words(torch.tensor([[BOS, 5, 6, EOS]]))[0, :, 0].tolist() == [1, UNK, UNK, 2]


@pytest.mark.parametrize("method", ["historyless", "historyless+lm", "historyless+skip"])
@pytest.mark.parametrize("training", [True, False])
def test_logits_depend_on_z_and_position_only(method, training):
    model = tiny_model(method).train(training)
    z = torch.randn(2, model.latent_size)
    first, second = torch.tensor([[BOS, 4, 5, 6], [BOS, 7, 8, 9]]), torch.tensor([[BOS, 6, 4, 5], [BOS, 11, 11, 4]])
    states = model.decoder.hidden(z, first)
    assert torch.equal(states, model.decoder.hidden(z, second))
    assert not torch.allclose(states[:, 1], states[:, 2])
    if model.latent_size:
        assert not torch.allclose(states, model.decoder.hidden(z + 1, first))


def test_vanilla_does_read_its_words():
    model, z = tiny_model("vanilla"), torch.randn(1, 4)
    states = [model.decoder.hidden(z, torch.tensor([[BOS, w]]))[0, 1] for w in (4, 5)]
    assert not torch.allclose(*states)


def loss(method, hyper=None):
    model = tiny_model(method, hyper, seed=1)
    torch.manual_seed(2)
    return make_method(method, hyper).objective(raw_terms(model, tiny_batch(8)), clock()).loss


def test_training_is_word_dropout_at_rate_one():
    assert torch.equal(loss("historyless"), loss("word_dropout", {"word_dropout": {"rate": 1.0}}))


def test_the_parts_start_as_in_vanilla():
    mine, vanilla = (tiny_model(m, seed=4).state_dict() for m in ("historyless", "vanilla"))
    assert mine.keys() == vanilla.keys()
    assert all(torch.equal(mine[name], vanilla[name]) for name in vanilla)


def test_generation_sees_no_words_either():
    model = tiny_model("historyless").eval()
    z = torch.randn(1, 4)
    states = []
    for word in (4, 9):
        steps = steps_of(model.decoder, z)
        steps.hidden(torch.tensor([BOS]))
        states.append(steps.hidden(torch.tensor([word])))
    assert torch.equal(*states)


@pytest.mark.parametrize("decode", [greedy, lambda d, z, n: sample(d, z, sampling_noise(0, torch.arange(3), n))])
def test_what_is_generated_has_the_probability_that_scoring_gives(decode):
    model = tiny_model("historyless").eval()
    z = torch.randn(3, 4)
    sentences = decode(model.decoder, z, 5)
    batch = collate(split_of(*[s.words for s in sentences]), torch.arange(3))
    with torch.no_grad():
        nll = model.nll(z, batch)
    assert torch.allclose(-nll.double(), torch.tensor([s.log_prob for s in sentences]).double(), atol=1e-4)


def test_a_decoder_without_input_and_latent_is_a_unigram_table_by_position():
    # zero output weights: uniform over 12 types, whatever the words: nll = tokens * log 12
    model = tiny_model("historyless+lm")
    torch.nn.init.zeros_(model.decoder.output.weight)
    batch = tiny_batch(5)
    nll = model.nll(torch.zeros(5, 0), batch)
    assert torch.allclose(nll, batch.lengths * math.log(12))


def test_a_decoder_without_embeddings_is_refused():
    parts = vanilla_parts(tiny_shape())
    del parts.decoder.embedding
    with pytest.raises(UsageError, match="'historyless' needs a decoder with word embeddings"):
        Historyless().build(parts)

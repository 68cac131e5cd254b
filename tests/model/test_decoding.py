import itertools
import math

import pytest
import torch
from support import fast_only, split_of, tiny_model
from torch import nn

from vaecli.corpus.types import BOS, EOS, PAD, UNK, collate
from vaecli.kernels.output import OutputLayer
from vaecli.model.decoder import Decoder, LSTMDecoder
from vaecli.model.decoding import Drawing, LSTMSteps, PrefixSteps, beam, greedy, sample, sampling_noise, steps_of

LONGEST = 7


def model_of(method="vanilla", seed=0, scale=4.0, **sizes):
    """A model in evaluation mode whose words depend strongly on z and on one another."""
    model = tiny_model(method, seed=seed, **sizes).eval()
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.mul_(scale)
    return model


def codes(count, size=4, seed=0):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


class Chain(Decoder):
    """p(w_t | w_<t, z) depends on w_{t-1} only, by a table of log probabilities; a Decoder that has no own steps."""

    latent_size = 1

    def __init__(self, table):
        super().__init__()
        table = torch.as_tensor(table, dtype=torch.float64)
        self.embedding = nn.Embedding.from_pretrained(torch.eye(len(table), dtype=torch.float64))
        self.output = OutputLayer(len(table), len(table)).double()
        with torch.no_grad():
            self.output.weight.copy_(table.T)

    def hidden(self, z, inputs):
        return self.embedding(inputs)


def chain(rows, size=6):
    """A table over the words 4, 5, ...: `rows` gives, by previous word, the probabilities of the next."""
    table = torch.full((size, size), -math.inf, dtype=torch.float64)
    for word, following in rows.items():
        for following_word, probability in following.items():
            table[word, following_word] = math.log(probability)
    table[[w for w in range(size) if w not in rows], EOS] = 0
    return Chain(table.clamp(min=-1e4))  # finite, for 0 times -inf is no number in a product


@pytest.mark.parametrize(("method", "size"), [("vanilla", 4), ("lm", 0)])
def test_greedy_is_the_argmax_given_every_prefix(method, size):
    model = model_of(method)
    z = codes(20, size)
    sentences = greedy(model.decoder, z, LONGEST)
    assert len({tuple(s.words) for s in sentences}) > (5 if size else 0)
    for code, sentence in zip(z, sentences, strict=True):
        target = [*sentence.words, EOS]
        for position, word in enumerate(target[:LONGEST]):
            prefix = torch.tensor([[BOS, *target[:position]]])
            logits = model.decoder.output.logits(model.decoder.hidden(code.unsqueeze(0), prefix))[0, -1]
            logits[[PAD, BOS]] = -math.inf
            assert word == int(logits.argmax())


@pytest.mark.parametrize("method", ["vanilla", "historyless", "skip", "cnn"])
@pytest.mark.parametrize("decode", [greedy, beam, lambda d, z, n: sample(d, z, sampling_noise(0, torch.arange(12), n))])
def test_log_prob_is_that_of_the_model(decode, method):
    model = model_of(method, scale=2.0)
    z = codes(12)
    sentences = decode(model.decoder, z, LONGEST)
    batch = collate(split_of(*(s.words for s in sentences)), torch.arange(12))
    torch.testing.assert_close(torch.tensor([-s.log_prob for s in sentences]), model.nll(z, batch))


@fast_only
@pytest.mark.parametrize(("method", "size"), [("vanilla", 4), ("lm", 0)])
def test_carried_states_are_those_of_the_whole_prefix(method, size):
    decoder = model_of(method).decoder
    z = codes(6, size)
    fast, general = steps_of(decoder, z), PrefixSteps(decoder, z)
    assert isinstance(fast, LSTMSteps)
    for position, words in enumerate(torch.randint(4, 12, (5, 6))):
        words = words[: len(fast.z)]
        torch.testing.assert_close(fast.hidden(words), general.hidden(words))
        if position == 1:  # rows swapped, repeated and left out
            for steps in (fast, general):
                steps.pick(torch.tensor([3, 0, 0, 5]))


def test_a_subclass_with_other_states_is_computed_by_its_own_rule():
    class Reversed(LSTMDecoder):
        def hidden(self, z, inputs):
            return -super().hidden(z, inputs)

    torch.manual_seed(0)
    decoder = Reversed(12, 5, 7, 4).eval()
    z = codes(3)
    words = torch.tensor([BOS] * 3)
    expected = decoder.hidden(z, words.unsqueeze(1))[:, 0]
    torch.testing.assert_close(steps_of(decoder, z).hidden(words), expected)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("normalise", [False, True])
def test_a_beam_of_one_is_greedy(seed, normalise):
    model = model_of(seed=seed)
    z = codes(10, seed=seed)
    one = beam(model.decoder, z, LONGEST, size=1, normalise=normalise)
    assert [s.words for s in one] == [s.words for s in greedy(model.decoder, z, LONGEST)]


@pytest.mark.parametrize("normalise", [False, True])
def test_a_wide_beam_finds_the_best_sentence_of_all(normalise):
    # words 3, 4, 5 and at most 3 of them: 1 + 3 + 9 + 27 = 40 sentences, each scored by the model itself
    torch.manual_seed(0)
    decoder = LSTMDecoder(6, 4, 5, 2).double().eval()
    with torch.no_grad():
        decoder.output.weight.mul_(6)
        for parameter in (*decoder.lstm.parameters(), decoder.initial.weight):
            parameter.mul_(3)
    z = 3 * torch.randn(8, 2, dtype=torch.float64)
    every = [list(s) for n in range(4) for s in itertools.product([UNK, 4, 5], repeat=n)]
    batch = collate(split_of(*every), torch.arange(len(every)))
    lengths = torch.tensor([len(s) + 1 for s in every])
    sentences = set()
    for code, sentence in zip(z, beam(decoder, z, 3, size=40, normalise=normalise), strict=True):
        log_prob = -decoder.token_nll(code.expand(len(every), -1), batch.inputs, batch).sum(1)
        best = int((log_prob / lengths if normalise else log_prob).argmax())
        assert sentence.words == every[best]
        assert sentence.log_prob == pytest.approx(float(log_prob[best].detach()))
        sentences.add(tuple(sentence.words))
    assert len(sentences) > 2


def test_a_beam_sees_past_the_most_probable_word():
    # <s> 4 </s> has probability 0.6 * 0.5 = 0.3, <s> 5 </s> has 0.4 * 1 = 0.4
    decoder = chain({BOS: {4: 0.6, 5: 0.4}, 4: {EOS: 0.5, 5: 0.5}, 5: {EOS: 1.0}})
    z = torch.zeros(1, 1)
    (first,) = greedy(decoder, z, 5)
    assert first.words in ([4], [4, 5])
    (best,) = beam(decoder, z, 5, size=2)
    assert best.words == [5]
    assert best.log_prob == pytest.approx(math.log(0.4))


def test_length_normalisation_prefers_the_longer_of_two():
    # </s> at once: log 0.4 = -0.916, a token. 4 5 </s>: log 0.35 = -1.050 over three tokens, -0.350 each.
    # What the table says of words after </s> must not crowd the beam.
    decoder = chain({BOS: {EOS: 0.4, 4: 0.35, 3: 0.25}, 4: {5: 1.0}, 5: {EOS: 1.0}, EOS: {3: 1.0}})
    z = torch.zeros(1, 1)
    assert beam(decoder, z, 5, size=2)[0].words == []
    (sentence,) = beam(decoder, z, 5, size=2, normalise=True)
    assert sentence.words == [4, 5]
    assert sentence.log_prob == pytest.approx(math.log(0.35))


def test_a_sentence_without_end_is_ended_after_the_longest():
    decoder = chain({BOS: {4: 1.0}, 4: {4: 0.9, EOS: 0.1}})
    z = torch.zeros(2, 1)
    for sentences in (greedy(decoder, z, 3), sample(decoder, z, torch.zeros(2, 3) + 0.99), beam(decoder, z, 3, size=1)):
        for sentence in sentences:
            assert sentence.words == [4, 4, 4]
            assert sentence.log_prob == pytest.approx(2 * math.log(0.9) + math.log(0.1))


def test_what_is_ruled_out_never_comes_and_unknown_words_may():
    # <pad> and <s> are by far the most probable
    decoder = chain({BOS: {PAD: 0.45, BOS: 0.45, UNK: 0.06, EOS: 0.04}, UNK: {PAD: 0.9, EOS: 0.1}})
    z = torch.zeros(200, 1)
    noise = sampling_noise(0, torch.arange(200), 4)
    noise[0] = 0
    sampled = sample(decoder, z, noise)
    assert {tuple(s.words) for s in sampled} == {(), (UNK,)}
    assert {tuple(s.words) for s in greedy(decoder, z, 4)} == {(UNK,)}
    # <unk> </s> has probability 0.06 * 0.1, </s> alone 0.04
    assert {tuple(s.words) for s in beam(decoder, z, 4)} == {()}


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_words_are_drawn_with_the_softmax_at_the_temperature(temperature):
    # p = 0.5, 0.3, 0.2 for 3, 4, 5; at temperature 1/2 in proportion to their squares 25, 9, 4 of 38
    decoder = chain({BOS: {3: 0.5, 4: 0.3, 5: 0.2}})
    count = 4000
    noise = sampling_noise(1, torch.arange(count), 1)
    words = torch.tensor([s.words[0] for s in sample(decoder, torch.zeros(count, 1), noise, Drawing(temperature))])
    expected = [0.5, 0.3, 0.2] if temperature == 1 else [25 / 38, 9 / 38, 4 / 38]
    # four standard errors of a share are at most 4 * 0.5 / sqrt(4000) = 0.032
    assert torch.bincount(words, minlength=6)[3:].double().div(count).tolist() == pytest.approx(expected, abs=0.032)


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        (Drawing(top_k=2), [0.625, 0.375, 0]),  # 0.5 and 0.3 of 0.8
        (Drawing(top_k=1), [1, 0, 0]),
        (Drawing(top_k=9), [0.5, 0.3, 0.2]),
        (Drawing(top_p=0.5), [1, 0, 0]),  # the first reaches it
        (Drawing(top_p=0.51), [0.625, 0.375, 0]),
        (Drawing(top_p=0.99), [0.5, 0.3, 0.2]),
        (Drawing(top_p=1e-9), [1, 0, 0]),
        (Drawing(0.5, top_p=0.7), [25 / 34, 9 / 34, 0]),  # of 25, 9 and 4 of 38 the first has 0.66
        (Drawing(top_k=2, top_p=0.4), [1, 0, 0]),
    ],
)
def test_only_the_most_probable_words_may_come(drawing, expected):
    log_probs = torch.tensor([[0, 0.5, 0.3, 0.2], [0, 0.2, 0.3, 0.5]], dtype=torch.float64).log()
    probabilities = drawing.probabilities(log_probs)
    probabilities = probabilities / probabilities.sum(1, keepdim=True)
    assert probabilities[0].tolist() == pytest.approx([0, *expected])
    assert probabilities[1].tolist() == pytest.approx([0, *expected[::-1]])


def test_a_low_temperature_is_greedy():
    model = model_of()
    z = codes(10)
    cold = sample(model.decoder, z, sampling_noise(0, torch.arange(10), LONGEST), Drawing(1e-4))
    assert [s.words for s in cold] == [s.words for s in greedy(model.decoder, z, LONGEST)]


def test_a_sample_depends_on_its_own_stream_only():
    model = model_of(scale=1.0)
    z, places = codes(12), torch.arange(12)
    noise = sampling_noise(3, places, LONGEST)
    together = sample(model.decoder, z, noise)
    picked = torch.tensor([7, 2])
    torch.manual_seed(99)
    alone = sample(model.decoder, z[picked], sampling_noise(3, places[picked], LONGEST))
    assert [s.words for s in alone] == [together[7].words, together[2].words]
    assert torch.equal(sampling_noise(3, places, LONGEST + 2)[:, :LONGEST], noise)
    assert not torch.equal(sampling_noise(4, places, LONGEST), noise)


def test_the_global_generator_stays_as_it_is():
    model = model_of()
    before = torch.get_rng_state()
    sample(model.decoder, codes(3), sampling_noise(0, torch.arange(3), LONGEST))
    assert torch.equal(torch.get_rng_state(), before)

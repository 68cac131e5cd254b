import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import clock, split_of, tiny_batch, tiny_model, tiny_split

from vaecli.corpus.types import BOS, PAD, UNK, collate
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.word_dropout import UnknownWords, WordDropout, drop_words


def test_drop_by_hand():
    # <s> 5 6 </s> <pad>: all are marked, the two words go, the special symbols stay
    inputs = torch.tensor([[1, 5, 6, 2, 0]])
    every = torch.ones(1, 5, dtype=torch.bool)
    assert drop_words(inputs, every).tolist() == [[1, 3, 3, 2, 0]]
    assert drop_words(inputs, torch.tensor([[True, False, True, True, True]])).tolist() == [[1, 5, 3, 2, 0]]
    assert inputs.tolist() == [[1, 5, 6, 2, 0]]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 100), st.floats(0, 1))
def test_symbols_and_shared_tokens_are_untouched(seed, rate):
    batch = tiny_batch(6, seed)
    before = batch.tokens.clone()
    corrupted = UnknownWords(rate)(batch.inputs)
    assert torch.equal(batch.tokens, before)
    assert torch.equal(corrupted == BOS, batch.inputs == BOS)
    assert torch.equal(corrupted == PAD, batch.inputs == PAD)
    changed = corrupted != batch.inputs
    assert (corrupted[changed] == UNK).all()


def test_expected_fraction():
    # 20,000 words at rate 0.38: standard error sqrt(.38 * .62 / 20000) = 0.0034; four of them are 0.014
    inputs = torch.full((200, 101), 5)
    inputs[:, 0] = BOS
    torch.manual_seed(0)
    unknown = UnknownWords(0.38)(inputs) == UNK
    assert not unknown[:, 0].any()
    assert unknown[:, 1:].float().mean().item() == pytest.approx(0.38, abs=0.014)


def test_evaluation_ignores_the_rate():
    noise = UnknownWords(1.0).eval()
    inputs = tiny_batch().inputs
    assert torch.equal(noise(inputs), inputs)


def test_the_seed_decides():
    inputs = tiny_batch(8).inputs
    draws = []
    for _ in range(2):
        torch.manual_seed(5)
        draws.append(UnknownWords(0.5)(inputs))
    assert torch.equal(*draws)


def losses(method, hyper, batch, mode=True):
    model = tiny_model(method, hyper, seed=1).train(mode)
    torch.manual_seed(2)
    terms = make_method(method, hyper).objective(raw_terms(model, batch), clock())
    return terms, torch.random.get_rng_state()


def test_rate_zero_is_vanilla_bit_for_bit():
    batch = tiny_batch(8)
    plain, state = losses("vanilla", None, batch)
    dropped, state_dropped = losses("word_dropout", {"word_dropout": {"rate": 0.0}}, batch)
    assert torch.equal(plain.loss, dropped.loss)
    assert torch.equal(state, state_dropped)


def test_only_the_decoder_input_changes():
    batch = tiny_batch(8)
    plain, _ = losses("vanilla", None, batch)
    dropped, _ = losses("word_dropout", {"word_dropout": {"rate": 1.0}}, batch)
    assert torch.equal(plain.kl, dropped.kl)
    assert torch.equal(plain.z, dropped.z)
    assert not torch.equal(plain.nll, dropped.nll)


def test_rate_one_hides_every_word_from_the_decoder():
    # two sentences that differ in their last word: to predict </s> after it, the decoder sees <s> <unk> <unk> <unk>
    batch = collate(split_of([5, 6, 7], [5, 6, 8]), torch.arange(2))
    model = tiny_model("word_dropout", {"word_dropout": {"rate": 1.0}})
    inputs = model.input_noise(batch.inputs)
    assert inputs.tolist() == [[BOS, UNK, UNK, UNK]] * 2
    z = torch.zeros(2, 4)
    first, second = model.token_nll(z, batch)
    assert torch.equal(first[3], second[3])
    first, second = model.eval().token_nll(z, batch)
    assert not torch.isclose(first[3], second[3])


def test_targets_of_a_language_model_are_scored_as_they_are():
    split = tiny_split(4)
    batch = tiny_batch(split=split)
    method = make_method("lm+word_dropout", {"word_dropout": {"rate": 1.0}})
    model = tiny_model("lm+word_dropout", {"word_dropout": {"rate": 1.0}})
    torch.nn.init.zeros_(model.decoder.output.weight)
    # uniform logits over 12 types: nll = predicted tokens * log 12, whatever the input was turned into
    nll = method.objective(raw_terms(model, batch), clock()).nll
    assert torch.allclose(nll, batch.lengths * torch.log(torch.tensor(12.0)))


@pytest.mark.parametrize("rate", [-0.01, 1.01])
def test_rate_outside_0_1_is_refused(rate):
    with pytest.raises(ValueError, match="rate"):
        WordDropout(rate=rate)

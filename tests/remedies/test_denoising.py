"""Laws of the corruption: what goes, what stays, that targets are clean and evaluation is without it."""

import pytest
import torch
from support import clock, split_of, tiny_batch, tiny_model, tiny_split
from torch import nn

from vaecli.core.errors import UsageError
from vaecli.corpus.types import BOS, EOS, PAD, UNK, Batch, collate
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.denoising import Corruption, delete_words, substitute_words


def batch_of(*sentences):
    return collate(split_of(*sentences), torch.arange(len(sentences)))


def assert_consistent(batch: Batch):
    """Everything that a batch promises of its fields."""
    lengths = batch.lengths.tolist()
    assert batch.tokens.shape[1] == max(lengths) + 1
    for row, n in zip(batch.tokens.tolist(), lengths, strict=True):
        assert row[0] == BOS
        assert row[n] == EOS
        assert all(token not in (BOS, EOS, PAD) for token in row[1:n])
        assert row[n + 1 :] == [PAD] * (len(row) - n - 1)
    assert batch.rows.tolist() == batch.mask.flatten().nonzero().flatten().tolist()
    assert len(batch.rows) == sum(lengths)


def test_deletion_by_hand():
    batch = batch_of([4, 5, 6, 7], [8, 9])
    draws = torch.tensor([[0.0, 0.9, 0.1, 0.5, 0.2, 0.0], [0.0, 0.4, 0.1, 0.0, 0.0, 0.0]])
    # at 0.3: 4 and 6 stay of the first, 8 of the second
    new = delete_words(batch, draws, 0.3)
    assert new.tokens.tolist() == [[BOS, 4, 6, EOS], [BOS, 8, EOS, PAD]]
    assert new.lengths.tolist() == [3, 2]
    assert new.rows.tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(new.index, batch.index)
    assert_consistent(new)
    assert batch.tokens[0].tolist() == [BOS, 4, 5, 6, 7, EOS]


def test_the_word_of_the_highest_draw_stays_when_all_would_go():
    # the draws of <s> and </s> are higher still and don't count
    draws = torch.tensor([[0.99, 0.1, 0.3, 0.2, 0.1, 0.99]])
    new = delete_words(batch_of([4, 5, 6, 7]), draws, 1.0)
    assert new.tokens.tolist() == [[BOS, 5, EOS]]


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_no_sentence_is_emptied_and_the_order_stays(rate, seed):
    torch.manual_seed(seed)
    batch = tiny_batch(20, seed)
    new = Corruption(rate, 0.0)(batch)
    assert_consistent(new)
    assert int(new.lengths.min()) >= 2
    for old, kept in zip(batch.tokens.tolist(), new.tokens.tolist(), strict=True):
        rest = iter(old)
        assert all(token in rest for token in kept if token != PAD)
    if rate == 1.0:
        assert new.lengths.tolist() == [2] * 20


def test_substitution_leaves_the_special_symbols():
    batch = batch_of([4, 5, 6], [7])
    new = substitute_words(batch, torch.ones(2, 5, dtype=torch.bool))
    assert new.tokens.tolist() == [[BOS, UNK, UNK, UNK, EOS], [BOS, UNK, EOS, PAD, PAD]]
    hit = torch.tensor([[True, False, True, False, True], [True, False, True, True, True]])
    assert substitute_words(batch, hit).tokens.tolist() == [[BOS, 4, UNK, 6, EOS], [BOS, 7, EOS, PAD, PAD]]
    assert_consistent(new)


@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_shares_of_words_are_the_rates(rate):
    # 4000 words in sentences of 40: deviation of a share below 0.008
    torch.manual_seed(0)
    batch = batch_of(*[[4] * 40] * 100)
    deleted = Corruption(rate, 0.0)(batch)
    assert (deleted.lengths - 1).sum().item() / 4000 == pytest.approx(1 - rate, abs=0.03)
    substituted = Corruption(0.0, rate)(batch)
    assert (substituted.tokens == UNK).sum().item() / 4000 == pytest.approx(rate, abs=0.03)
    both = Corruption(rate, rate)(batch)
    # of the words that are left, the rate is replaced
    assert (both.tokens == 4).sum().item() / 4000 == pytest.approx((1 - rate) ** 2, abs=0.03)


def test_rates_of_zero_change_and_draw_nothing():
    batch, state = tiny_batch(4), torch.random.get_rng_state()
    assert Corruption(0.0, 0.0)(batch) is batch
    assert Corruption(0.3, 0.3).eval()(batch) is batch
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_same_seed_gives_the_same_corruption():
    batch, seen = tiny_batch(8), []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        seen.append(Corruption(0.4, 0.4)(batch).tokens)
    assert torch.equal(seen[0], seen[1])
    assert seen[0].shape != seen[2].shape or not torch.equal(seen[0], seen[2])


class FirstWord(nn.Module):
    """Keeps the first word only, whatever the mode."""

    def forward(self, batch):
        return delete_words(batch, torch.arange(batch.tokens.shape[1], 0.0, -1).expand(batch.tokens.shape), 1e9)


def test_the_encoder_reads_the_corrupted_sentence_and_the_decoder_the_clean_one():
    # two sentences that share their first word: one posterior, two losses
    batch = batch_of([5, 6, 7], [5, 8])
    model = tiny_model("denoising")
    model.encoder_noise = FirstWord()
    q = model.posterior(batch)
    assert torch.allclose(q.mean[0], q.mean[1])
    clean = tiny_model("vanilla")
    z = torch.ones(2, 4)
    assert torch.equal(model.nll(z, batch), clean.nll(z, batch))
    assert model.nll(z, batch)[0] != model.nll(z, batch)[1]


def test_the_objective_is_the_vae_s_with_the_posterior_of_the_corrupted_sentence():
    model, batch = tiny_model("denoising", {"denoising": {"deletion": 0.6}}), tiny_batch(6)
    torch.manual_seed(0)
    terms = make_method("denoising").objective(raw_terms(model, batch), clock())
    torch.manual_seed(0)
    seen = model.encoder_noise(batch)
    expected = tiny_model("vanilla").posterior(seen)
    assert torch.allclose(terms.context.posterior.mean, expected.mean)
    assert torch.equal(terms.kl, terms.context.posterior.kl(model.prior))
    assert torch.equal(terms.context.batch.tokens, batch.tokens)
    assert terms.kl_weight == 1


def test_evaluation_is_that_of_vanilla():
    mine, vanilla = tiny_model("denoising").eval(), tiny_model("vanilla").eval()
    batch = tiny_batch(split=tiny_split(6))
    assert torch.equal(mine.posterior(batch).mean, vanilla.posterior(batch).mean)
    assert torch.equal(mine.posterior(batch).logvar, vanilla.posterior(batch).logvar)


def test_bn_sees_the_corrupted_batch_and_composes():
    method = make_method("bn+denoising+word_dropout")
    model = tiny_model(method.name)
    assert torch.isfinite(method.objective(raw_terms(model, tiny_batch(6)), clock()).loss)


@pytest.mark.parametrize("field", ["deletion", "substitution"])
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_rates_outside_0_1_are_refused(field, value):
    with pytest.raises(UsageError, match=rf"denoising\.{field}"):
        make_method("denoising", {"denoising": {field: value}})

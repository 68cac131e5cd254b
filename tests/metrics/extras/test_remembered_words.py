"""Which words a code remembers: gains of tokens by hand, on all sentences of a toy, and that they add up."""

import json
import math

import numpy as np
import pytest
import torch
from metrics.blocks import block_input
from metrics.oracle import Oracle, sentences
from metrics.toys import linear_gaussian
from support import scoring, split_of, tiny_model, tiny_split

from vaecli.corpus.types import EOS, UNK
from vaecli.corpus.vocabulary import WordVocabulary
from vaecli.metrics.extras import remembered_words
from vaecli.metrics.extras.decoder_use import code_losses, decoder_use_block, derangement, make_codes
from vaecli.metrics.extras.remembered_words import (
    CLASSES,
    TokenGains,
    frequency_class,
    predicted_types,
    token_starts,
    word_details,
    word_lines,
)

TOY = sentences([4, 5], 4)


def details_of(model, split, **options):
    return decoder_use_block(block_input(model, split, **options))


def test_tokens_of_a_split_by_hand():
    split = split_of([4, 5], [], [6])
    assert token_starts(split).tolist() == [0, 3, 4]
    assert predicted_types(split).tolist() == [4, 5, EOS, EOS, 6, EOS]


def test_figures_by_hand():
    # word 4 twice: gains 1 and 3; </s> three times: -1, 0, 1; word 5 once: 0.5; two sentences
    types = torch.tensor([4, EOS, 4, EOS, 5, EOS])
    gains = TokenGains(types, torch.tensor([1, -1, 3, 0, 0.5, 1], dtype=torch.float64), 2)
    rows = gains.by_group(types, 7)
    assert rows[4] == {"tokens": 2, "gain": 2.0, "per_token": 2.0, "per_token_se": 1.0}  # sd sqrt(2), over sqrt(2)
    assert rows[EOS] == {"tokens": 3, "gain": 0.0, "per_token": 0.0, "per_token_se": pytest.approx(3**-0.5)}
    assert rows[5] == {"tokens": 1, "gain": 0.25, "per_token": 0.5, "per_token_se": None}
    assert rows[6] == {"tokens": 0, "gain": 0.0, "per_token": None, "per_token_se": None}


def test_classes_are_ranks_in_train(monkeypatch):
    monkeypatch.setattr(remembered_words, "RANKS", (1, 2, 3, 4))
    # counts: 7 three times, 5 and 6 twice each, 4 once, 8 never
    train = split_of([7, 7, 7, 5], [6, 5, 6, 4], [UNK])
    names = [CLASSES[number] if number >= 0 else "" for number in frequency_class(train, 9).tolist()]
    assert names == ["", "", "</s>", "<unk>", CLASSES[5], CLASSES[3], CLASSES[4], CLASSES[2], CLASSES[6]]


def test_the_ranks_are_those_that_the_classes_are_called_by():
    # 101 types in the order of their frequency: the first 10, the next 90, and one
    train = split_of([4 + n for n in range(101) for _ in range(102 - n)])
    counts = frequency_class(train, 105)[4:].bincount(minlength=len(CLASSES)).tolist()
    assert dict(zip(CLASSES, counts, strict=True)) == {
        "</s>": 0,
        "<unk>": 0,
        "1 to 10": 10,
        "11 to 100": 90,
        "101 to 1,000": 1,
        "1,001 to 10,000": 0,
        "beyond 10,000": 0,
    }


@pytest.mark.parametrize("method", ["vanilla", "historyless", "skip", "dg"])
def test_gains_of_words_and_positions_add_up_to_that_of_sentences(method):
    model, split = tiny_model(method, init_range=1.0), tiny_split(30)
    evaluation = details_of(model, split, method=method)
    gain = evaluation.values["z_gain_shuffled"]
    assert abs(gain) > 1e-3
    classes = evaluation.details["words"]["classes"]
    assert sum(row["gain"] for row in classes) == pytest.approx(gain, abs=1e-9)
    assert sum(row["tokens"] for row in classes) == split.predicted_tokens
    curves, counts = evaluation.details["position_nll"], evaluation.details["position_counts"]
    by_position = [
        (other - own) * n for own, other, n in zip(curves["posterior"], curves["shuffled"], counts, strict=True)
    ]
    assert sum(by_position) / 30 == pytest.approx(gain, abs=1e-9)
    json.dumps(evaluation.details)


def test_every_word_of_a_toy_against_a_second_computation():
    """All 30 sentences of two words up to a length of four: each token's gain from the weights, one by one in numpy."""
    model, split = tiny_model(init_range=1.0, latent_size=2).double(), split_of(*TOY)
    evaluation = details_of(model, split, seed=4, batch_size=7)
    codes = make_codes(model, scoring(split, 7, seed=4))["posterior"].numpy()
    oracle, other = Oracle(model), derangement(len(TOY), 4).tolist()
    gains = {4: [], 5: [], EOS: []}
    for number, words in enumerate(TOY):
        own, theirs = token_nll(oracle, words, codes[number]), token_nll(oracle, words, codes[other[number]])
        for word, a, b in zip([*words, EOS], own, theirs, strict=True):
            gains[word].append(b - a)
    by_word = {"</s>": gains[EOS], "w0": gains[4], "w1": gains[5]}
    rows = {row["word"]: row for row in evaluation.details["words"]["types"]}
    assert set(rows) == set(by_word)
    for word, values in by_word.items():
        assert rows[word]["tokens"] == len(values)
        assert rows[word]["gain"] == pytest.approx(sum(values) / len(TOY), abs=1e-7)
        assert rows[word]["per_token"] == pytest.approx(np.mean(values), abs=1e-7)
        assert rows[word]["per_token_se"] == pytest.approx(np.std(values, ddof=1) / len(values) ** 0.5, abs=1e-7)
    assert [row["class"] for row in evaluation.details["words"]["classes"]] == ["</s>", "1 to 10"]


def token_nll(oracle, words, code):
    """-log p of each token of a sentence at a (Z,) code."""
    z, state, last, nll = code[None], oracle.start(code[None]), 1, []
    for word in [*words, EOS]:
        log_probs, state = oracle.step(z, last, state)
        nll.append(-log_probs[0, word])
        last = word
    return nll


def test_a_code_of_the_word_is_remembered_at_the_word_and_never_at_the_end():
    """p(x|z) = N(x; z, 1) at the first token and </s> certain: all that z is worth is worth at the words."""
    numbers = torch.randn(400, generator=torch.Generator().manual_seed(0)).mul(2**0.5).tolist()
    model, split = linear_gaussian(numbers)
    block = block_input(model, split)
    evaluation = decoder_use_block(block)
    rows = {row["class"]: row["gain"] for row in evaluation.details["words"]["classes"]}
    assert rows.pop("</s>") == 0.0
    assert sum(rows.values()) == pytest.approx(evaluation.values["z_gain_shuffled"])


def test_tokens_stand_where_their_sentences_do():
    model, split = tiny_model(init_range=1.0), tiny_split(40)
    codes = make_codes(model, scoring(split, 7))
    one, other = (code_losses(model, scoring(split, size), codes)["posterior"] for size in (7, 40))
    starts = token_starts(split)
    for n, (start, length) in enumerate(zip(starts.tolist(), split.lengths.tolist(), strict=True)):
        assert float(one.token[start : start + length].sum()) == pytest.approx(float(one.sentence[n]), abs=1e-9)
    assert torch.allclose(one.token, other.token, atol=1e-5)


def test_a_decoder_that_ignores_the_code_remembers_nothing():
    model = tiny_model(init_range=1.0)
    with torch.no_grad():
        model.decoder.initial.weight.zero_()
        model.decoder.lstm.weight_ih_l0[:, -model.latent_size :] = 0
    evaluation = details_of(model, tiny_split(30))
    assert all(row["gain"] == row["per_token"] == 0 for row in evaluation.details["words"]["classes"])
    assert not any("remembered" in line for line in evaluation.lines)


def test_the_words_are_told():
    types = torch.tensor([4] * 30 + [5] * 30 + [6] * 30 + [EOS] * 30)
    gain = torch.cat([torch.full((30,), value, dtype=torch.float64) for value in (0.2, 0.1, -0.3, 0.0)])
    gain += 1e-3 * torch.tensor([-1.0, 1.0]).repeat(60)
    words = word_details(TokenGains(types, gain, 30), split_of([4, 5, 6]), WordVocabulary(["good", "bad", "the"]))
    assert [row["word"] for row in words["types"]] == ["good", "bad", "</s>", "the"]
    text = "\n".join(word_lines(words))
    assert "most remembered, nats a sentence: good 0.200, bad 0.100" in text
    assert "best remembered, nats a token, of 20 tokens or more: good 0.20, bad 0.10" in text
    assert math.isclose(sum(row["gain"] for row in words["classes"]), 0.0, abs_tol=1e-9)

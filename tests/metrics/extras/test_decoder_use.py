import json
import math
from statistics import fmean, stdev

import pytest
import torch
from metrics.blocks import block_input
from metrics.toys import CPU, linear_gaussian
from support import scoring, split_of, tiny_model, tiny_split

from vaecli.metrics.extras.decoder_use import (
    GAIN_COLUMNS,
    Losses,
    code_losses,
    decoder_use_block,
    derangement,
    in_words,
    make_codes,
    position_counts,
    position_lines,
)
from vaecli.metrics.measure import evaluate
from vaecli.metrics.noise import sentence_noise


def test_gains_of_the_linear_gaussian_by_hand():
    """-log N(x; z, 1) at codes that plain Python makes from the same noise."""
    numbers = [0.2 * n - 4 for n in range(40)]
    slope, scale, n = 0.8, 0.6, 40
    model, split = linear_gaussian(numbers, slope, scale)
    gains = decoder_use_block(block_input(model, split, seed=3)).values

    def nll(codes):
        return [0.5 * (x - z) ** 2 + 0.5 * math.log(2 * math.pi) for x, z in zip(numbers, codes, strict=True)]

    own = sentence_noise(3, "rec", torch.arange(n), 1, 1).flatten().tolist()
    z = [slope * x + scale * e for x, e in zip(numbers, own, strict=True)]
    other = derangement(n, 3).tolist()
    codes = {
        "prior": sentence_noise(3, "decoder_use", torch.arange(n), 1, 1).flatten().tolist(),
        "shuffled": [z[i] for i in other],
        "zero": [0.0] * n,
    }
    for source, values in codes.items():
        gain = [a - b for a, b in zip(nll(values), nll(z), strict=True)]
        assert gains[f"z_gain_{source}"] == pytest.approx(fmean(gain), abs=1e-9)
        assert gains[f"z_gain_{source}_se"] == pytest.approx(stdev(gain) / math.sqrt(n), abs=1e-9)


def test_gains_meet_their_expectations():
    """E over z: the prior costs (x^2 + 1) / 2, the posterior ((1 - a)^2 x^2 + s^2) / 2, zero x^2 / 2."""
    numbers = torch.randn(3000, generator=torch.Generator().manual_seed(0)).mul(2**0.5).tolist()
    slope, scale = 0.5, 0.5**0.5
    model, split = linear_gaussian(numbers, slope, scale)
    gains = decoder_use_block(block_input(model, split)).values
    square = fmean(x * x for x in numbers)
    posterior = 0.5 * ((1 - slope) ** 2 * square + scale**2)
    expected = {
        "prior": 0.5 * (square + 1) - posterior,
        # another sentence's code: N(0, a^2 x^2 + s^2), independent of x
        "shuffled": 0.5 * (square + slope**2 * square + scale**2) - posterior,
        "zero": 0.5 * square - posterior,
    }
    for source, value in expected.items():
        assert abs(gains[f"z_gain_{source}"] - value) < 4 * gains[f"z_gain_{source}_se"], source


def test_a_decoder_that_ignores_the_code_gains_nothing():
    model = tiny_model(init_range=1.0)
    with torch.no_grad():
        model.decoder.initial.weight.zero_()
        model.decoder.lstm.weight_ih_l0[:, -model.latent_size :] = 0
    evaluation = decoder_use_block(block_input(model, tiny_split(30)))
    assert [evaluation.values[f"z_gain_{source}"] for source in ("prior", "shuffled", "zero")] == [0.0] * 3
    curves = evaluation.details["position_nll"]
    assert curves["posterior"] == curves["prior"] == curves["zero"]


def test_the_posterior_loss_is_rec_and_positions_add_up_to_sentences():
    model, split = tiny_model(init_range=1.0), tiny_split(30)
    block = block_input(model, split, seed=5, iw_samples=0)
    details = decoder_use_block(block).details
    rec = evaluate(model, split, block.config, seed=5, device=CPU).values["rec"]
    assert details["nll"]["posterior"] == pytest.approx(rec, rel=1e-6)
    counts = details["position_counts"]
    assert sum(counts) == split.predicted_tokens
    for source, curve in details["position_nll"].items():
        total = sum(c * m for c, m in zip(counts, curve, strict=True))
        assert total == pytest.approx(30 * details["nll"][source])
    json.dumps(details)


def test_counts_by_position_by_hand():
    # lengths with </s>: 2, 4 and 2
    assert position_counts(split_of([4], [5, 6, 7], [8])).tolist() == [3, 3, 1, 1]


def test_the_printed_positions_are_means_over_the_sentences_that_have_them():
    # three sentences have a first position and one a second: sums 6 and 2 are 2 nats each, 9 and 1 are 3 and 1
    none = torch.empty(0)
    losses = {
        kind: Losses(none, torch.tensor(sums, dtype=torch.float64), none)
        for kind, sums in (("posterior", [6.0, 2.0]), ("shuffled", [9.0, 1.0]))
    }
    assert position_lines(losses, torch.tensor([3, 1])) == (
        "nats by position, 1 to 2 of 2; </s> counts as a position; worth = shuffled - posterior",
        "  posterior  2.000  2.000",
        "  shuffled   3.000  1.000",
        "  worth      1.000 -1.000",
        "  sentences      3      1",
    )
    assert position_lines({"posterior": losses["posterior"]}, torch.tensor([3, 1]), most=1) == (
        "nats by position, 1 to 1 of 2; </s> counts as a position",
        "  posterior  2.000",
        "  sentences      3",
    )


def test_no_influence_of_the_batch_size():
    model, split = tiny_model(init_range=1.0), tiny_split(40)
    one, other = (decoder_use_block(block_input(model, split, batch_size=b)).values for b in (3, 40))
    assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize("n", [2, 3, 50])
def test_a_derangement_moves_everything_and_is_the_same_at_every_call(n):
    places = derangement(n, 1)
    assert sorted(places.tolist()) == list(range(n))
    assert not (places == torch.arange(n)).any()
    assert torch.equal(places, derangement(n, 1))


def test_losses_are_those_of_the_codes_given():
    # a code of x itself costs log(2 pi) / 2 and no more
    numbers = [0.0, 1.0, -2.0]
    model, split = linear_gaussian(numbers)
    codes = {"own": torch.tensor(numbers, dtype=torch.float64).unsqueeze(1)}
    losses = code_losses(model, scoring(split, 2), codes)["own"]
    assert losses.sentence.tolist() == pytest.approx([0.5 * math.log(2 * math.pi)] * 3)


def test_one_sentence_has_no_other_and_a_language_model_no_code():
    model, split = linear_gaussian([1.0])
    values = decoder_use_block(block_input(model, split)).values
    assert values["z_gain_shuffled"] is None
    assert values["z_gain_prior_se"] is None
    assert values["z_gain_zero"] is not None
    evaluation = decoder_use_block(block_input(tiny_model("lm"), tiny_split(4), method="lm"))
    assert evaluation.values == dict.fromkeys(GAIN_COLUMNS)
    assert "language model" in evaluation.details["reason"]


def test_modes_and_generators_are_left_as_they_are():
    model, before = tiny_model().train(), torch.get_rng_state()
    make_codes(model, scoring(tiny_split(4), 2))
    decoder_use_block(block_input(model, tiny_split(4)))
    assert model.training
    assert torch.equal(torch.get_rng_state(), before)


IGNORED = "the decoder ignores z: another sentence's code does as well"


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (0.5, "to the decoder z is worth more than another sentence's code: 0.50 nats, with a standard error of 0.10"),
        (0.2, "the decoder ignores z: another sentence's code does as well (0.20 nats, with a standard error of 0.10)"),
        (
            -0.001,
            "the decoder ignores z: another sentence's code does as well (0.00 nats, with a standard error of 0.10)",
        ),
    ],
)
def test_the_gain_in_words(gain, said):
    assert in_words({"z_gain_shuffled": gain, "z_gain_shuffled_se": 0.1}) == (said,)
    assert in_words({"z_gain_shuffled": None, "z_gain_shuffled_se": None}) == ()

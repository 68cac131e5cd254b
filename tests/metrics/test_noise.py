import torch

from vaecli.metrics.noise import sentence_noise


def test_a_sentence_has_its_noise_whatever_the_company():
    together = sentence_noise(3, "rec", torch.tensor([7, 2, 9]), samples=4, size=5)
    alone = sentence_noise(3, "rec", torch.tensor([2]), samples=4, size=5)
    assert together.shape == (4, 3, 5)
    assert together.dtype == torch.float64
    assert torch.equal(together[:, 1], alone[:, 0])


def test_more_samples_extend_the_stream():
    few = sentence_noise(0, "iw", torch.arange(3), samples=2, size=3)
    many = sentence_noise(0, "iw", torch.arange(3), samples=6, size=3)
    assert torch.equal(many[:2], few)


def test_seed_purpose_and_place_each_give_another_stream():
    base = sentence_noise(0, "rec", torch.tensor([0]), 1, 8)
    others = [
        sentence_noise(1, "rec", torch.tensor([0]), 1, 8),
        sentence_noise(0, "iw", torch.tensor([0]), 1, 8),
        sentence_noise(0, "rec", torch.tensor([1]), 1, 8),
    ]
    assert all(not torch.isclose(base, other).any() for other in others)


def test_it_is_standard_normal_across_sentences():
    # One number from each of 20,000 streams: mean 0 +- 4/sqrt(n) = 0.028, variance 1 +- 4 sqrt(2/n) = 0.04.
    noise = sentence_noise(0, "rec", torch.arange(20_000), 1, 1).flatten()
    assert abs(noise.mean()) < 0.028
    assert abs(noise.var() - 1) < 0.04
    assert abs((noise[1:] * noise[:-1]).mean()) < 0.028  # neighbouring places are uncorrelated


def test_the_global_generator_is_not_touched():
    before = torch.get_rng_state()
    sentence_noise(0, "rec", torch.arange(3), 2, 2)
    assert torch.equal(torch.get_rng_state(), before)

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import tiny_split

from vaecli.core.errors import DataError, UsageError
from vaecli.corpus.batches import POOL, TrainBatches, batches_per_epoch, evaluation_batches, prefetched
from vaecli.corpus.types import collate
from vaecli.kernels.switch import runs_plain


@settings(deadline=None, max_examples=50)
@given(n=st.integers(2, 400), size=st.integers(2, 9), epoch=st.integers(0, 5))
def test_laws_of_an_epoch(n, size, epoch):
    batches = TrainBatches(tiny_split(n), size, seed=1)
    indices = batches.epoch(epoch)
    assert sorted(torch.cat(indices).tolist()) == list(range(n))
    assert len(indices) == batches.steps_per_epoch
    sizes = [len(b) for b in indices]
    assert min(sizes) >= 2
    assert max(sizes) <= size + 1
    assert sum(s != size for s in sizes) <= 1
    assert all(b.dtype == torch.int64 for b in indices)


@pytest.mark.parametrize(
    ("n", "size", "steps"),
    [(10, 5, 2), (11, 5, 2), (12, 5, 3), (3, 5, 1), (2, 2, 1), (3, 2, 1), (POOL * 2 + 1, 2, POOL), (POOL * 4, 4, POOL)],
)
def test_steps(n, size, steps):
    # 11 sentences by 5: a last one would be alone, so a batch has 6; 12 by 5: the last batch has 2
    batches = TrainBatches(tiny_split(n), size, seed=0)
    assert batches.steps_per_epoch == steps
    assert {len(batches.epoch(e)) for e in range(5)} == {steps}


def as_lists(batches):
    return [b.tolist() for b in batches]


def test_a_pure_function_of_seed_and_epoch():
    split = tiny_split(200)
    torch.manual_seed(1)
    first = as_lists(TrainBatches(split, 8, seed=3).epoch(4))
    state = torch.get_rng_state()
    batches = TrainBatches(split, 8, seed=3)
    batches.epoch(0)
    torch.manual_seed(2)
    assert as_lists(batches.epoch(4)) == first
    torch.manual_seed(1)
    assert torch.get_rng_state().equal(state)  # nothing was drawn from the global generator
    assert as_lists(batches.epoch(5)) != first
    assert as_lists(TrainBatches(split, 8, seed=4).epoch(4)) != first


def test_batches_are_of_about_one_length_in_no_order():
    split = tiny_split(1_000, longest=20)
    batches = TrainBatches(split, 10, seed=0).epoch(0)
    ranges = [int(split.lengths[b].max() - split.lengths[b].min()) for b in batches]
    # a pool of 640 sentences has 32 of each of 20 lengths: a batch of 10 spans two lengths at most, near enough
    assert sum(ranges) / len(ranges) < 1.5
    widths = [int(split.lengths[b].max()) for b in batches]
    assert widths != sorted(widths)


def test_sentences_of_one_length_meet_others_in_the_next_epoch():
    split = tiny_split(100, longest=1)
    batches = TrainBatches(split, 10, seed=0)
    sets = [{frozenset(b.tolist()) for b in batches.epoch(e)} for e in range(2)]
    assert not sets[0] & sets[1]


def test_the_short_batch_is_not_always_of_long_sentences():
    split = tiny_split(102, longest=10)
    lengths = [
        float(split.lengths[b].float().mean())
        for e in range(30)
        for b in TrainBatches(split, 10, 0).epoch(e)
        if len(b) == 2
    ]
    assert len(lengths) == 30
    assert min(lengths) < 5 < 7 < max(lengths)


def test_refusals():
    with pytest.raises(DataError, match="training needs two or more"):
        TrainBatches(tiny_split(1), 4, 0)
    with pytest.raises(UsageError, match=r"training\.batch_size: 1"):
        TrainBatches(tiny_split(5), 1, 0)


@settings(deadline=None, max_examples=50)
@given(n=st.integers(1, 60), size=st.integers(1, 9))
def test_evaluation_batches(n, size):
    split = tiny_split(n)
    batches = evaluation_batches(split, size)
    order = torch.cat(batches)
    assert sorted(order.tolist()) == list(range(n))
    assert split.lengths[order].tolist() == sorted(split.lengths.tolist())
    assert [len(b) for b in batches[:-1]] == [size] * (len(batches) - 1)
    assert as_lists(batches) == as_lists(evaluation_batches(split, size))
    assert sum(collate(split, b).predicted for b in batches) == split.predicted_tokens


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_prefetched_gives_every_batch_once_in_order(device):
    """On a device that works beside the host, a batch is on its way before the one before it is asked for."""
    split, made = tiny_split(5), []
    places = [torch.tensor([0, 3]), torch.tensor([4]), torch.tensor([1, 2])]

    def watched():
        for index in places:
            made.append(index)
            yield index

    loader = prefetched(split, watched(), torch.device(device))
    first = next(loader)
    assert len(made) == (1 if device == "cpu" or runs_plain() else 2)
    batches = [first, *loader]
    assert [b.index.tolist() for b in batches] == [p.tolist() for p in places]
    assert {b.tokens.device.type for b in batches} == {device}
    assert [b.predicted for b in batches] == [int(split.lengths[p].sum()) for p in places]


@pytest.mark.parametrize(("sentences", "batches"), [(2, 1), (64, 1), (65, 1), (66, 2), (128, 2), (129, 2), (130, 3)])
def test_a_sentence_that_would_be_alone_makes_no_batch(sentences, batches):
    assert batches_per_epoch(sentences, 64) == batches

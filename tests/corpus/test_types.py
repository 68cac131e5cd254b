import time

import torch
from support import split_of, tiny_split

from vaecli.corpus.types import BOS, EOS, PAD, collate


def test_collate_by_hand():
    split = split_of([4, 5, 6], [7], [8, 9])
    batch = collate(split, torch.tensor([2, 0]))
    # "<s> 8 9 </s> <pad>" and "<s> 4 5 6 </s>"; T is 4
    assert batch.tokens.tolist() == [[BOS, 8, 9, EOS, PAD], [BOS, 4, 5, 6, EOS]]
    assert batch.lengths.tolist() == [3, 4]
    assert batch.index.tolist() == [2, 0]
    assert batch.inputs.tolist() == [[BOS, 8, 9, EOS], [BOS, 4, 5, 6]]
    assert batch.targets.tolist() == [[8, 9, EOS, PAD], [4, 5, 6, EOS]]
    assert batch.mask.tolist() == [[True, True, True, False], [True] * 4]
    assert batch.rows.tolist() == [0, 1, 2, 4, 5, 6, 7]
    assert (batch.size, batch.predicted) == (2, 7)
    assert batch.tokens.dtype == batch.lengths.dtype == batch.rows.dtype == torch.int64


def test_collate_goes_back_to_the_sentences():
    split = tiny_split(50, longest=9)
    index = torch.randperm(50, generator=torch.Generator().manual_seed(0))[:20]
    batch = collate(split, index)
    for row, n in enumerate(index.tolist()):
        assert batch.tokens[row, : batch.lengths[row] + 1].tolist() == [BOS, *split.sentence(n), EOS]
        assert (batch.tokens[row, batch.lengths[row] + 1 :] == PAD).all()
    assert batch.targets.flatten()[batch.rows].equal(batch.targets[batch.mask])
    assert batch.predicted == int(split.lengths[index].sum())
    assert batch.tokens.shape[1] == int(split.lengths[index].max()) + 1


def test_collate_one_sentence_of_one_word():
    batch = collate(split_of([4], [5, 6]), torch.tensor([0]))
    assert batch.tokens.tolist() == [[BOS, 4, EOS]]
    assert batch.rows.tolist() == [0, 1]


def test_collate_is_fast_enough_to_vanish_beside_a_training_step():
    split = tiny_split(500, longest=30)
    index = torch.arange(64)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        collate(split, index)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.005  # a loop over sentences and words in Python takes longer


def test_lengths_and_predicted_tokens_count_the_end():
    split = split_of([4, 5, 6], [7])
    assert split.lengths.tolist() == [4, 2]
    assert split.predicted_tokens == 6
    assert len(split) == 2
    assert split.sentence(1) == [7]


def test_to_the_same_device_copies_nothing():
    batch = collate(split_of([4], [5]), torch.tensor([0, 1]))
    assert batch.to(torch.device("cpu")) is batch

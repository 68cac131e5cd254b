"""Batches of sentences of about one length, so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from vaecli.core.errors import DataError, UsageError
from vaecli.core.seeds import stable_seed
from vaecli.corpus.types import Batch, Split, collate
from vaecli.kernels.switch import fast

POOL = 64
"""Batches that are sorted by length together: more would make batches alike from epoch to epoch, fewer more padding."""


def batches_per_epoch(sentences: int, batch_size: int) -> int:
    """Batches, and so updates, of an epoch: a last sentence that would be alone goes into another batch.

    Args:
        sentences: Of train, 2 or more.
        batch_size: Sentences a batch, 2 or more.
    """
    count, rest = divmod(sentences, batch_size)
    return count + (rest > 1 or not count)


class TrainBatches:
    """The batches of each epoch: a pure function of seed and epoch, whatever the global generators are.

    Every sentence is in exactly one batch of an epoch. No batch has one sentence, on which batch normalisation is
    undefined: where one would be left over, another batch takes it in.

    Args:
        split: The sentences.
        batch_size: Sentences a batch, 2 or more.
        seed: The run's seed.

    Raises:
        DataError: The split has one sentence.
        UsageError: The batch size is below 2.
    """

    def __init__(self, split: Split, batch_size: int, seed: int) -> None:
        if len(split) < 2:
            raise DataError(f"{split.name}: {len(split)} sentence; training needs two or more")
        if batch_size < 2:
            raise UsageError(f"training.batch_size: {batch_size}; training needs two sentences a batch or more")
        self.lengths = split.lengths
        self.batch_size = batch_size
        self.seed = seed
        count, rest = divmod(len(split), batch_size)
        self._short = rest if rest > 1 or count == 0 else 0
        self._merge = rest == 1 and count > 0
        self.steps_per_epoch = batches_per_epoch(len(split), batch_size)
        self._latest: tuple[int, list[Tensor]] = (-1, [])

    def epoch(self, n: int) -> list[Tensor]:
        """The batches of epoch n in their order: indices of sentences, (B,) int64 each; the latest are kept."""
        if self._latest[0] != n:
            self._latest = (n, self._make_epoch(n))
        return self._latest[1]

    def _make_epoch(self, n: int) -> list[Tensor]:
        generator = torch.Generator().manual_seed(stable_seed(self.seed, "batches", n))
        order = torch.randperm(len(self.lengths), generator=generator)
        pool = torch.arange(len(order)) // (POOL * self.batch_size)
        key = pool * (int(self.lengths.max()) + 1) + self.lengths[order]
        order = order[key.argsort(stable=True)]  # sentences of one length stay shuffled
        batches = torch.split(order, self._sizes(generator))
        return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]

    def _sizes(self, generator: torch.Generator) -> list[int]:
        """Sizes of the batches in the sorted order.

        The odd one is at a random position of the last pool: at its end it would always hold long sentences.
        """
        sizes = [self.batch_size] * (self.steps_per_epoch - (self._short > 0))
        last = (len(self.lengths) - 1) // (POOL * self.batch_size) * POOL
        if self._short:
            index = int(torch.randint(last, len(sizes) + 1, (), generator=generator))
            sizes.insert(index, self._short)
        elif self._merge:
            index = int(torch.randint(min(last, len(sizes) - 1), len(sizes), (), generator=generator))
            sizes[index] += 1
        return sizes


def one_by_one(split: Split, indices: Iterable[Tensor], device: torch.device) -> Iterator[Batch]:
    """Plain twin of `prefetched`: a batch is made when it is asked for."""
    return (collate(split, index).to(device) for index in indices)


@fast(one_by_one)
def prefetched(split: Split, indices: Iterable[Tensor], device: torch.device) -> Iterator[Batch]:
    """Batches on a device; on a GPU each is made and sent while the update before it is still at work.

    Args:
        split: The sentences.
        indices: (B,) int64 indices of each batch's.
        device: Where they go.
    """
    ahead = None
    for index in indices:
        batch = collate(split, index).to(device)
        if device.type == "cpu":  # nothing runs beside the host: a batch made ahead would only take memory
            yield batch
            continue
        if ahead is not None:
            yield ahead
        ahead = batch
    if ahead is not None:
        yield ahead


def evaluation_batches(split: Split, batch_size: int) -> list[Tensor]:
    """Every sentence once, sorted by length, the same at every call.

    Args:
        split: The sentences.
        batch_size: Sentences a batch; the last batch may have fewer.

    Returns:
        Places of sentences, (B,) int64 each.
    """
    return list(torch.split(split.lengths.argsort(stable=True), batch_size))

"""Results of long evaluations, batch by batch, that outlive their process: one that was cut off goes on where it was.

What is kept is known by a digest of everything it depends on, so that nothing of another model, split or setting is
ever taken for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

import vaecli
from vaecli.corpus.types import Batch
from vaecli.metrics.extras.registry import VERSIONS
from vaecli.metrics.keeper import FORGETFUL
from vaecli.metrics.schema import ESTIMATOR_VERSIONS
from vaecli.metrics.scoring import Scoring
from vaecli.model.digest import tensor_bytes
from vaecli.model.vae import VAE

Compute = Callable[[Tensor, Batch], Tensor]
"""The (B, ...) results of a batch, from the indices of its sentences and the batch."""


def batch_results(
    name: str, model: VAE, scoring: Scoring, compute: Compute, inputs: Sequence[object] = (), size: int | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """The results of every batch of a split, those that are kept without computing them again.

    Args:
        name: Of what is computed.
        model: Whose results they are.
        scoring: Which sentences, and who keeps results; by default nobody.
        compute: Must depend on the batch and on what is told here alone, on no global generator.
        inputs: What else the results depend on: tensors, numbers, texts.
        size: Sentences a batch instead of the scoring's.

    Yields:
        (B,) int64 indices of a batch's sentences in the split, and their results, both on the device.
    """
    keeper = scoring.keeper
    digest = "" if keeper is FORGETFUL else digest_of(name, model, scoring, inputs)
    for number, (index, batch) in enumerate(scoring.batches(size)):
        key = f"{digest}.{size or scoring.batch_size}.{number}"
        known = keeper.read(key)
        results = compute(index, batch) if known is None else known.to(scoring.device)
        if known is None:
            keeper.write(key, results)
        yield index, results


def digest_of(name: str, model: VAE, scoring: Scoring, inputs: Sequence[object]) -> str:
    """32 hex digits of all that results depend on, the versions of the program and of its estimators among it."""
    versions = {**ESTIMATOR_VERSIONS, **VERSIONS, "vaecli": vaecli.__version__}
    where = f"{scoring.device.type} {torch.get_num_threads()}"  # sums over other numbers of threads round otherwise
    digest = hashlib.sha256(f"{name} {scoring.seed} {scoring.precision} {where} {versions}".encode())
    tensors = [scoring.split.tokens, scoring.split.lengths, *model.state_dict().values()]
    for value in (*tensors, *inputs):
        digest.update(tensor_bytes(value) if isinstance(value, torch.Tensor) else repr(value).encode())
    return digest.hexdigest()[:32]

"""The cells of the collapse game under objectives that change the KL term or its weight and nothing else.

Such an objective is a function of the KL per dimension, so each cell has the value that the method itself gives to the
KL of the cell: 0 where q(z|x) = p(z), KL(q(z) || p(z)) where q differs from p but not with x, and the model's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vaecli.config import TrainingConfig
from vaecli.corpus.batches import batches_per_epoch
from vaecli.corpus.types import collate
from vaecli.metrics.extras.registry import BlockInput
from vaecli.objective import Clock, Context, Terms
from vaecli.remedies.core.game import CELLS, Cells
from vaecli.remedies.core.phase_epochs import phase_epochs
from vaecli.remedies.core.remedy import Part, Remedy


def weight_only(remedies: Sequence[Remedy]) -> bool:
    """Whether remedies set the weight of the KL and leave the KL itself."""
    return all(remedy.owns <= {Part.KL_WEIGHT} for remedy in remedies)


def rate_terms(block: BlockInput, remedies: Sequence[Remedy], kl: Tensor) -> Terms:
    """What remedies make of a KL at the end of training, without any -log p(x|z).

    Args:
        block: Whose model holds the remedies' own state.
        remedies: Chained in this order.
        kl: (N, Z) or (N, 1) nats.
    """
    zero = torch.zeros(len(kl), dtype=kl.dtype, device=kl.device)
    context = Context(
        batch=collate(block.split, torch.arange(1)).to(block.scoring.device),
        encoding=None,
        posterior=None,
        prior=block.model.prior,
        aux=dict(block.model.aux.items()),
        train_sentences=len(block.corpus.train),
        training=False,
    )
    terms = Terms(nll=zero, kl=kl, kl_weight=1.0, extra=zero, z=kl.new_zeros(len(kl), 0), context=context)
    with torch.no_grad():
        for remedy in remedies:
            terms = remedy.objective(terms, end_of_training(block))
    return terms


def end_of_training(block: BlockInput) -> Clock:
    """The clock at the last planned update of the run, of the presets' recipe where the run isn't known.

    A schedule starts anew in each stage of training, so it is that of the last stage and of its own epochs.
    """
    training = TrainingConfig() if block.recipe is None else block.recipe.training
    updates = batches_per_epoch(len(block.corpus.train), training.batch_size)
    phases = block.method.phases()
    epochs = phase_epochs(phases, training.epochs)[-1]
    return Clock(epochs * updates - 1, updates, epochs, phases[-1].without)


def final_weight(block: BlockInput, remedies: Sequence[Remedy]) -> float:
    """The weight of the KL at the end of training."""
    probe = torch.ones(1, 1, dtype=torch.float64, device=block.scoring.device)
    return float(rate_terms(block, remedies, probe).kl_weight)


def rate_cells(block: BlockInput, remedies: Sequence[Remedy], plain: Cells, kl: Tensor, marginal: Tensor) -> Cells:
    """The cells of the ELBO with the KL term that the remedies train on.

    Args:
        block: The model and its settings.
        remedies: That are `rate_only`.
        plain: The cells of the ELBO.
        kl: (N, Z) or (N, 1) KL(q(z|x) || p(z)) by dimension.
        marginal: (N,) log q(z) - log p(z), whose mean is the KL of the aggregate posterior.
    """
    if weight_only(remedies):
        # A weight is linear, so the terms of the sentences may stay, and with them the standard error.
        aggregate = marginal.unsqueeze(1)
    else:
        # A function with a threshold wants the KL itself, which is one number for all sentences.
        aggregate = marginal.mean().clamp(min=0).expand(len(marginal), 1)
    zero = torch.zeros_like(kl)
    raw = {CELLS[0]: zero, CELLS[1]: aggregate, CELLS[2]: zero, CELLS[3]: kl}
    cells = {}
    for cell, rate in raw.items():
        terms = rate_terms(block, remedies, rate)
        cost = terms.kl_weight * terms.kl.sum(-1) + terms.extra
        base = marginal if cell == CELLS[1] else rate.sum(-1)
        cells[cell] = plain[cell] + base - cost
    return cells

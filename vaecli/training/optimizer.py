"""Optimisers, one a group of parameters, so that a step may move the encoder alone; and the clip over all of them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from vaecli.config import TrainingConfig
from vaecli.kernels import plain
from vaecli.kernels.optimizers import SGD, Adam
from vaecli.kernels.switch import fast, runs_plain
from vaecli.model.parameter_groups import PARAMETER_GROUPS, group_parameters
from vaecli.model.vae import VAE


def make_optimizers(model: VAE, config: TrainingConfig) -> dict[str, torch.optim.Optimizer]:
    """An optimiser for each group that has parameters.

    With SGD, word embeddings get sparse gradients from then on: a batch holds a few hundred of the words, and the rows
    of the others would be cleared, normed and moved by zero. Adam moves every row at every step, and on a GPU the sum
    of a word's gradients would make the host wait for their number.
    """
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            on_cpu = module.weight.device.type == "cpu"
            module.sparse = config.optimizer == "sgd" and on_cpu and not runs_plain()
    optimizers: dict[str, torch.optim.Optimizer] = {}
    for group in PARAMETER_GROUPS:
        parameters = list(group_parameters(model, group))
        if not parameters:
            continue
        if config.optimizer == "adam":
            optimizers[group] = Adam(parameters, lr=config.learning_rate, fused=True)
        else:
            optimizers[group] = SGD(parameters, lr=config.learning_rate)
    return optimizers


@fast(plain.clip_gradients)
@torch.no_grad()
def clip_gradients(parameters: Iterable[nn.Parameter], limit: float) -> Tensor:
    """Scales the gradients of all parameters together so that their norm is `limit` at most.

    Sparse gradients are coalesced first, for a word that occurs twice has one gradient, the sum.

    Args:
        parameters: Those without a gradient are passed over.
        limit: Largest global norm.

    Returns:
        () the norm before; on a GPU nothing waits for it.
    """
    values = []
    for p in parameters:
        if p.grad is None:
            continue
        if p.grad.is_sparse:
            p.grad = p.grad.coalesce()
        values.append(p.grad._values() if p.grad.is_sparse else p.grad)
    if not values:
        return torch.zeros(())
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(values)))
    if norm.device.type == "cpu":
        if bool(norm > limit):
            torch._foreach_mul_(values, limit / (float(norm) + 1e-6))
    else:
        torch._foreach_mul_(values, (limit / (norm + 1e-6)).clamp(max=1.0))
    return norm


def set_learning_rate(optimizers: dict[str, torch.optim.Optimizer], value: float) -> None:
    """Sets the learning rate of every group."""
    for optimizer in optimizers.values():
        for parameters in optimizer.param_groups:
            parameters["lr"] = value

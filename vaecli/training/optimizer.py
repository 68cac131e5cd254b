"""Optimisers, one a group of parameters, so that a step may move the encoder alone."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from vaecli.config import TrainingConfig
from vaecli.model.vae import VAE

GROUPS = ("encoder", "decoder")


def own_parameters(module: nn.Module) -> bool:
    """Whether a remedy's module is trained by an optimiser of its own (it says ``own_optimizer = True``)."""
    return bool(getattr(module, "own_optimizer", False))


def group_parameters(model: VAE, group: str) -> Iterator[nn.Parameter]:
    """Trainable parameters of ``encoder`` (encoder, head, auxiliary modules) or ``decoder`` (decoder, prior)."""
    if group == "encoder":
        aux = [m for m in model.aux.values() if not own_parameters(m)]
        modules = [model.encoder, model.head, model.encoder_noise, *aux]
    else:
        modules = [model.decoder, model.prior, model.input_noise]
    for module in modules:
        if module is not None:
            yield from (p for p in module.parameters() if p.requires_grad)


def make_optimizers(model: VAE, config: TrainingConfig) -> dict[str, torch.optim.Optimizer]:
    """An optimiser for each group that has parameters; SGD is without momentum, as published."""
    optimizers: dict[str, torch.optim.Optimizer] = {}
    for group in GROUPS:
        parameters = list(group_parameters(model, group))
        if not parameters:
            continue
        if config.optimizer == "adam":
            optimizers[group] = torch.optim.Adam(parameters, lr=config.learning_rate, fused=True)
        else:
            optimizers[group] = torch.optim.SGD(parameters, lr=config.learning_rate, fused=True)
    return optimizers


def set_learning_rate(optimizers: dict[str, torch.optim.Optimizer], value: float) -> None:
    """Sets the learning rate of every group."""
    for optimizer in optimizers.values():
        for parameters in optimizer.param_groups:
            parameters["lr"] = value

"""The two groups of a model's parts, so that an update may move the encoder alone; their one definition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from torch import nn

from vaecli.model.vae import VAE

ParameterGroup = Literal["encoder", "decoder"]
"""``encoder``: encoder, its noise, head, and auxiliary modules; ``decoder``: decoder, its input's noise, and prior."""

PARAMETER_GROUPS: tuple[ParameterGroup, ...] = get_args(ParameterGroup)


def own_parameters(module: nn.Module) -> bool:
    """Whether a remedy's module is trained by an optimiser of its own (it says ``own_optimizer = True``)."""
    return bool(getattr(module, "own_optimizer", False))


def group_modules(model: VAE, group: ParameterGroup) -> list[nn.Module]:
    """The modules of a group that the model has; those with an optimiser of their own belong to none."""
    if group == "encoder":
        aux = [module for module in model.aux.values() if not own_parameters(module)]
        modules = [model.encoder, model.head, model.encoder_noise, *aux]
    else:
        modules = [model.decoder, model.prior, model.input_noise]
    return [module for module in modules if module is not None]


def group_parameters(model: VAE, group: ParameterGroup) -> Iterator[nn.Parameter]:
    """The trainable parameters of a group."""
    for module in group_modules(model, group):
        yield from (p for p in module.parameters() if p.requires_grad)

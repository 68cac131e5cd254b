"""Parts of a model held still for a while: out of autograd, so that nobody pays for unused gradients, or noiseless."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def frozen(*modules: nn.Module | None) -> Iterator[None]:
    """What is computed inside needs no gradient of these modules' parameters; those that had it get it back after.

    Gradients still flow through the modules to their inputs.

    Args:
        modules: None stands for a part that a model doesn't have.
    """
    with held(p for module in modules if module is not None for p in module.parameters()):
        yield


@contextmanager
def held(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """`frozen` of single parameters."""
    learning = [p for p in parameters if p.requires_grad]
    try:
        for parameter in learning:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)


@contextmanager
def without_dropout(*modules: nn.Module) -> Iterator[None]:
    """These modules, and all in them, are in evaluation mode inside; each has its mode back after.

    Recurrent layers, which have no dropout of their own, are in training mode instead: on a GPU no gradient passes them
    in evaluation mode.

    Args:
        modules: With everything in them.
    """
    inner = [m for module in modules for m in module.modules()]
    modes = [m.training for m in inner]
    try:
        for m in inner:
            m.training = isinstance(m, nn.RNNBase)
        yield
    finally:
        for m, mode in zip(inner, modes, strict=True):
            m.training = mode

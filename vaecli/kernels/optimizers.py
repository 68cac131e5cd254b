"""Torch's optimisers without the load of its compiler, and SGD that moves only the rows a batch holds."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch
from torch import nn

from vaecli.kernels import plain
from vaecli.kernels.switch import fast

Method = TypeVar("Method", bound=Callable[..., Any])


def _unguarded(method: Method) -> Method:
    """A method of torch's optimisers without its guards; its twin has them."""
    bare: Method = inspect.unwrap(method)
    return fast(method, f"kernels.optimizers.Eager.{bare.__name__}")(bare)


class Eager(torch.optim.Optimizer):
    """An optimiser without the guards that hide it from torch's compiler.

    The first call of a guarded function loads the compiler, which costs a second and 70 MB in every process and is used
    by nothing here. What the guards stand around is the same.
    """

    add_param_group = _unguarded(torch.optim.Optimizer.add_param_group)
    state_dict = _unguarded(torch.optim.Optimizer.state_dict)
    load_state_dict = _unguarded(torch.optim.Optimizer.load_state_dict)
    zero_grad = _unguarded(torch.optim.Optimizer.zero_grad)


class Adam(Eager, torch.optim.Adam):
    """Adam (Kingma & Ba 2015)."""

    step = fast(plain.adam_step, "kernels.optimizers.Adam.step")(torch.no_grad()(inspect.unwrap(torch.optim.Adam.step)))


class RMSprop(Eager, torch.optim.RMSprop):
    """RMSprop (Hinton 2012)."""

    step = fast(plain.rmsprop_step, "kernels.optimizers.RMSprop.step")(
        torch.no_grad()(inspect.unwrap(torch.optim.RMSprop.step))
    )


class LBFGS(Eager, torch.optim.LBFGS):
    """L-BFGS (Liu & Nocedal 1989)."""


class SGD(Eager):
    """Stochastic gradient descent without momentum, as published, that moves only the rows of a sparse gradient.

    Args:
        parameters: Trained.
        lr: Learning rate.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @fast(plain.sgd_step)
    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """``p <- p - lr * gradient``; sparse gradients are coalesced."""
        assert closure is None
        for group in self.param_groups:
            moved = [p for p in group["params"] if p.grad is not None]
            dense = [p for p in moved if not p.grad.is_sparse]
            if dense:
                torch._foreach_add_(dense, [p.grad for p in dense], alpha=-group["lr"])
            for p in moved:
                if p.grad.is_sparse:
                    p.index_add_(0, p.grad._indices()[0], p.grad._values(), alpha=-group["lr"])

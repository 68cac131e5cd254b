"""Plain twins of the fast operations on tensors: as few lines as torch allows, for reading and for comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaecli.core.errors import UsageError

State = tuple[Tensor, Tensor]


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Twin of `vaecli.kernels.output.linear_cross_entropy`; holds all (N, V) logits, in float32 or wider."""
    wide = torch.promote_types(weight.dtype, torch.float32)
    with torch.autocast(hidden.device.type, enabled=False):
        logits = F.linear(hidden.to(wide), weight.to(wide))
        return F.cross_entropy(logits, targets, reduction="none")


def shared_nll(states: Tensor, targets: Tensor, positions: Tensor, weight: Tensor) -> Tensor:
    """Twin of `vaecli.kernels.shared_output.shared_nll`: each sample's softmax is over all words."""
    with torch.no_grad():
        return torch.stack([linear_cross_entropy(sample, weight, targets).float() for sample in states])


def resolve_precision(precision: str, device: torch.device, output_size: int) -> str:
    """Twin of `vaecli.kernels.arithmetic.resolve_precision`: always ``fp32``.

    Raises:
        UsageError: bf16 was asked for.
    """
    if precision == "bf16":
        raise UsageError("precision 'bf16': VAE_PLAIN_KERNELS=1 computes in fp32; unset it, or use --precision auto")
    return "fp32"


def exact_products() -> AbstractContextManager[None]:
    """Twin of `vaecli.kernels.arithmetic.exact_products`: torch's own float32 products."""
    return nullcontext()


def row_count(x: Tensor, state: State | None, constant: Tensor | None) -> int:
    """Rows B of an LSTM whose input may have fewer: those of the initial state, of the constant, or of the input."""
    if state is not None:
        return state[0].shape[1]
    return len(x if constant is None else constant)


def joined(x: Tensor, state: State | None, constant: Tensor | None) -> Tensor:
    """(B, T, E + C) of (B', T, E) input, repeated where B is a multiple of B', and a (B, C) input constant in time."""
    repeated = x.repeat(row_count(x, state, constant) // len(x), 1, 1) if len(x) else x
    if constant is None:
        return repeated
    return torch.cat([repeated, constant.to(x.dtype).unsqueeze(1).expand(-1, x.shape[1], -1)], -1)


def lstm(self: nn.LSTM, x: Tensor, state: State | None = None, constant: Tensor | None = None) -> tuple[Tensor, State]:
    """Twin of `vaecli.kernels.lstm.LSTM.forward`: torch's, on all inputs side by side."""
    states, last = nn.LSTM.forward(self, joined(x, state, constant), state)
    return states, last


def dropout(self: nn.Module, x: Tensor) -> Tensor:
    """Twin of `vaecli.kernels.dropout.Dropout.forward`: torch's, whose masks are others of the same law."""
    return F.dropout(x, float(self.p), self.training) if self.p else x  # type: ignore[arg-type]


def clip_gradients(parameters: Iterable[nn.Parameter], limit: float) -> Tensor:
    """Twin of `vaecli.training.optimizer.clip_gradients`: torch's, on dense gradients."""
    held = list(parameters)
    for p in held:
        if p.grad is not None and p.grad.is_sparse:
            p.grad = p.grad.to_dense()
    return nn.utils.clip_grad_norm_(held, limit)


Closure = Callable[[], Any] | None


def _loss(closure: Closure) -> Any:
    with torch.enable_grad():
        return None if closure is None else closure()


def _gradient(p: nn.Parameter) -> Tensor:
    assert p.grad is not None
    return p.grad.to_dense() if p.grad.is_sparse else p.grad


@torch.no_grad()
def sgd_step(self: torch.optim.Optimizer, closure: Closure = None) -> Any:
    """Twin of `vaecli.kernels.optimizers.SGD.step`: ``p <- p - lr * gradient``, every row of it."""
    loss = _loss(closure)
    for group in self.param_groups:
        for p in group["params"]:
            if p.grad is not None:
                p -= group["lr"] * _gradient(p)
    return loss


@torch.no_grad()
def adam_step(self: torch.optim.Optimizer, closure: Closure = None) -> Any:
    """Twin of `vaecli.kernels.optimizers.Adam.step`: algorithm 1 of Kingma & Ba (2015), torch's names of its state."""
    loss = _loss(closure)
    for group in self.param_groups:
        beta1, beta2 = group["betas"]
        for p in (p for p in group["params"] if p.grad is not None):
            gradient, state = _gradient(p), self.state[p]
            if not state:
                state.update(step=torch.zeros(()), exp_avg=torch.zeros_like(p), exp_avg_sq=torch.zeros_like(p))
            state["step"] += 1
            t, m, v = float(state["step"]), state["exp_avg"], state["exp_avg_sq"]
            m.copy_(beta1 * m + (1 - beta1) * gradient)
            v.copy_(beta2 * v + (1 - beta2) * gradient**2)
            p -= group["lr"] * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + group["eps"])
    return loss


@torch.no_grad()
def rmsprop_step(self: torch.optim.Optimizer, closure: Closure = None) -> Any:
    """Twin of `vaecli.kernels.optimizers.RMSprop.step`: Hinton (2012), torch's names of its state."""
    loss = _loss(closure)
    for group in self.param_groups:
        sign = 1 if group["maximize"] else -1
        for p in (p for p in group["params"] if p.grad is not None):
            gradient, state = _gradient(p), self.state[p]
            if not state:
                state.update(step=torch.zeros(()), square_avg=torch.zeros_like(p))
            state["step"] += 1
            v = state["square_avg"]
            v.copy_(group["alpha"] * v + (1 - group["alpha"]) * gradient**2)
            p += sign * group["lr"] * gradient / (v.sqrt() + group["eps"])
    return loss

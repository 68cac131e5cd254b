r"""The output layer: a linear map and cross-entropy in one, with memory bounded by a chunk of rows.

For row n with logits :math:`l = W h_n + b` and softmax :math:`p`, the loss is :math:`\log\sum\exp l - l_{y_n}` and its
gradients are :math:`dh_n = W^T(p - 1_{y_n})`, :math:`dW = \sum_n g_n (p - 1_{y_n}) h_n^T`. With gradients wanted, they
are formed chunk by chunk in the forward pass, while the chunk's logits are in the cache, for an upstream gradient of 1
a row. The reduction of `vaecli.objective` weights all rows alike, so the backward pass only scales them; when the
upstream gradient differs between rows, or on a GPU where looking would stall the device, it is recomputed exactly.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

CHUNK_ELEMENTS = 2_560_000
"""Logits held at a time: a few MB, near the size of a CPU's last-level cache."""


def chunk_rows(vocabulary_size: int) -> int:
    """Rows of a chunk for V word types."""
    return max(16, CHUNK_ELEMENTS // vocabulary_size)


def compute_dtype(hidden: Tensor) -> torch.dtype:
    """The dtype of the matrix products: autocast's where it is on."""
    kind = hidden.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype


class _LinearCrossEntropy(torch.autograd.Function):
    """See the module; called through `linear_cross_entropy`."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, dtype: torch.dtype
    ) -> Tensor:
        wanted = any(ctx.needs_input_grad[:3])
        ahead = wanted and hidden.device.type == "cpu"
        nll, grads = _run(hidden, weight, bias, targets, dtype, None, ctx.needs_input_grad if ahead else None)
        ctx.dtype, ctx.ahead = dtype, grads
        ctx.save_for_backward(hidden, weight, bias, targets)
        return nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, bias, targets = ctx.saved_tensors
        if ctx.ahead is not None and bool((upstream == upstream[0]).all()):
            # scaled in place, for the weight's gradient is large; a second backward pass computes anew
            ahead, ctx.ahead = ctx.ahead, None
            return (*(None if g is None else g.mul_(upstream[0]) for g in ahead), None, None)
        _, grads = _run(hidden, weight, bias, targets, ctx.dtype, upstream, ctx.needs_input_grad)
        assert grads is not None
        return (*grads, None, None)


Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


def _run(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    dtype: torch.dtype,
    upstream: Tensor | None,
    needs: tuple[bool, ...] | None,
) -> tuple[Tensor, Gradients | None]:
    """The losses of all rows and, where `needs` says so, the gradients for the upstream gradient (None: ones)."""
    rows, vocabulary_size = hidden.shape[0], weight.shape[0]
    size = min(rows, chunk_rows(vocabulary_size))
    low_weight, low_hidden = weight.to(dtype), hidden.to(dtype)
    buffer = torch.empty(size, vocabulary_size, dtype=dtype, device=hidden.device)
    nll = torch.empty(rows, dtype=torch.float32 if dtype != torch.float64 else dtype, device=hidden.device)
    d_hidden = torch.empty_like(hidden) if needs and needs[0] else None
    d_weight = torch.zeros_like(weight) if needs and needs[1] else None
    d_bias = torch.zeros_like(bias) if needs and bias is not None and needs[2] else None
    for start in range(0, rows, size):
        part = slice(start, min(start + size, rows))
        h, y = low_hidden[part], targets[part].unsqueeze(1)
        logits = torch.mm(h, low_weight.T, out=buffer[: h.shape[0]])
        if bias is not None:
            logits += bias.to(dtype)
        exps, total, nll[part] = _exponentials(logits.to(nll.dtype), y)
        if needs is None:
            continue
        # p - 1_y is exps / total with total taken off at y: the rows are divided where they are short, not V long
        exps.scatter_add_(1, y, -total)
        scale = total.reciprocal() if upstream is None else upstream[part].unsqueeze(1) / total
        low_exps = exps.to(dtype)
        if d_hidden is not None:
            d_hidden[part] = (low_exps @ low_weight) * scale
        if d_weight is not None:
            _accumulate(d_weight, low_exps, (h * scale).to(dtype))
        if d_bias is not None:
            d_bias += exps.T @ scale.squeeze(1)
    return nll, (d_hidden, d_weight, d_bias) if needs is not None else None


def _exponentials(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """``exp(l - max l)`` in the place of (n, V) logits, its (n, 1) sums, and the (n,) losses, with one exp a logit."""
    logits.sub_(logits.amax(1, keepdim=True))
    at_target = logits.gather(1, y)
    total = logits.exp_().sum(1, keepdim=True)
    return logits, total, (total.log() - at_target).squeeze(1)


def _accumulate(d_weight: Tensor, exps: Tensor, h: Tensor) -> None:
    """Adds ``exps^T h`` to the gradient, without a temporary where the dtypes agree."""
    if exps.dtype == d_weight.dtype:
        d_weight.addmm_(exps.T, h)
    else:
        d_weight += exps.T @ h


def linear_cross_entropy(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    """-log softmax(hidden W^T + b) at the targets, with bounded memory.

    Args:
        hidden: (N, D).
        weight: (V, D).
        bias: (V,) or None.
        targets: (N,) int64.

    Returns:
        (N,) nats, float32 (float64 for float64 input). Differentiable once; for second derivatives use `logits`.
    """
    if hidden.shape[0] == 0:
        return hidden.new_zeros(0)
    dtype = compute_dtype(hidden)
    if not torch.is_grad_enabled():  # a Function's needs_input_grad would say True all the same
        return _run(hidden, weight, bias, targets, dtype, None, None)[0]
    nll: Tensor = _LinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
        hidden, weight, bias, targets, dtype
    )
    return nll


class OutputLayer(nn.Module):
    """Linear map from decoder states to the vocabulary, without bias (He et al. 2019).

    Args:
        hidden_size: D.
        vocabulary_size: V.
    """

    def __init__(self, hidden_size: int, vocabulary_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(vocabulary_size, hidden_size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """U(-1/sqrt(D), 1/sqrt(D)), as `nn.Linear`."""
        bound = self.weight.shape[1] ** -0.5
        nn.init.uniform_(self.weight, -bound, bound)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., V) unnormalised log probabilities of (..., D)."""
        return nn.functional.linear(hidden, self.weight)

    def nll(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """(N,) nats of (N, D) at (N,) targets."""
        return linear_cross_entropy(hidden, self.weight, None, targets)

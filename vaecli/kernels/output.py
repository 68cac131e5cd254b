r"""The output layer: a linear map and cross-entropy in one, with memory bounded by a chunk of rows.

For row n with logits :math:`l = W h_n` and softmax :math:`p`, the loss is :math:`-\log p_{y_n}` and its gradients are
:math:`dh_n = g_n W^T(p - 1_{y_n})`, :math:`dW = \sum_n g_n (p - 1_{y_n}) h_n^T`. With gradients wanted, they are formed
chunk by chunk in the forward pass, while the chunk's logits are in the cache, for an upstream gradient of 1 a row. The
reduction of `vaecli.objective` weights all rows alike, so the backward pass only scales them; when the upstream
gradient differs between rows, or on a GPU where looking would stall the device, it is recomputed exactly.

In bf16 the products and p are rounded to 8 bits; the sum of a row's exponentials and the gradient of W are float32, and
so is the target's logit where no gradient is wanted: its rounding would be most of a loss's error.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from vaecli.kernels import plain
from vaecli.kernels.buffers import buffers
from vaecli.kernels.switch import fast

CHUNK_BYTES = 16_000_000
"""Logits held at a time: half a CPU's last-level cache, and enough rows for products at full speed."""

BLOCK_ELEMENTS = 1_000_000
"""Numbers of the weight's gradient that are held in the products' dtype at a time."""

LINE_BYTES = 64
"""A cache line; rows of logits begin on one."""

SMALLEST = 1e-30
"""A probability below which the logarithm of a rounded number isn't trusted."""


def row_width(vocabulary_size: int, dtype: torch.dtype) -> int:
    """Numbers from one row of V logits to the next: whole cache lines, in 16-bit dtypes an odd number of them.

    A product whose rows begin differently in their cache lines takes up to 1.5 times as long, in bf16 twice. Rows an
    even number of lines apart share cache sets, by which bf16 products on AMX tiles lose 10 to 40 %, float32 nothing.
    """
    lines = -(-vocabulary_size * dtype.itemsize // LINE_BYTES)
    return (lines | 1 if dtype.itemsize == 2 else lines) * LINE_BYTES // dtype.itemsize


def chunk_rows(vocabulary_size: int, dtype: torch.dtype = torch.float32) -> int:
    """Rows of a chunk for V word types."""
    return max(16, CHUNK_BYTES // (row_width(vocabulary_size, dtype) * dtype.itemsize))


def compute_dtype(hidden: Tensor) -> torch.dtype:
    """The dtype of the matrix products: autocast's where it is on."""
    kind = hidden.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype


def lowered(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """The (V, D) weight in another dtype, in kept memory that the next call overwrites."""
    if weight.dtype == dtype:
        return weight.detach()
    return buffers.take("weight", (weight.shape[0], weight.shape[1]), dtype, weight.device).copy_(weight.detach())


class _LinearCrossEntropy(torch.autograd.Function):
    """See the module; called through `linear_cross_entropy`."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype) -> Tensor:
        wanted = any(ctx.needs_input_grad[:2])
        ahead = wanted and hidden.device.type == "cpu"
        nll, grads = _run(hidden, weight, targets, dtype, None, ctx.needs_input_grad if ahead else None)
        ctx.dtype, ctx.ahead = dtype, grads
        ctx.save_for_backward(hidden, weight, targets)
        return nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, targets = ctx.saved_tensors
        if ctx.ahead is not None and bool((upstream == upstream[0]).all()):
            # scaled in place, for the weight's gradient is large; a second backward pass computes anew
            ahead, ctx.ahead = ctx.ahead, None
            return (*(None if g is None else g.mul_(upstream[0]) for g in ahead), None, None)
        _, grads = _run(hidden, weight, targets, ctx.dtype, upstream, ctx.needs_input_grad)
        assert grads is not None
        return (*grads, None, None)


Gradients = tuple[Tensor | None, Tensor | None]


def _run(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    dtype: torch.dtype,
    upstream: Tensor | None,
    needs: tuple[bool, ...] | None,
) -> tuple[Tensor, Gradients | None]:
    """The losses of all rows and, where `needs` says so, the gradients for the upstream gradient (None: ones)."""
    rows, vocabulary_size = hidden.shape[0], weight.shape[0]
    size = min(rows, chunk_rows(vocabulary_size, dtype))
    low_weight, low_hidden = lowered(weight, dtype), hidden.detach().to(dtype)
    buffer = buffers.take("logits", (size, row_width(vocabulary_size, dtype)), dtype, hidden.device)
    nll = torch.empty(rows, dtype=torch.float32 if dtype != torch.float64 else dtype, device=hidden.device)
    d_hidden = torch.empty_like(hidden) if needs and needs[0] else None
    d_weight = torch.empty_like(weight) if needs and needs[1] else None
    for start in range(0, rows, size):
        part = slice(start, min(start + size, rows))
        h, y = low_hidden[part], targets[part].unsqueeze(1)
        logits = logits_into(buffer[: h.shape[0]], h, low_weight)
        rounding = _rounding(logits, y, hidden[part], weight) if needs is None and dtype != weight.dtype else None
        p, nll[part], at_target = _softmax_nll(logits, y, h, low_weight)
        if rounding is not None:
            nll[part] += rounding
        if needs is None:
            continue
        p.index_put_((torch.arange(len(y), device=p.device), y.squeeze(1)), (at_target - 1).to(dtype).squeeze(1))
        g = p[:, :vocabulary_size]
        scale = None if upstream is None else upstream[part].unsqueeze(1)
        if d_hidden is not None:
            if d_hidden.dtype == dtype:
                torch.mm(g, low_weight, out=d_hidden[part])
            else:
                d_hidden[part] = torch.mm(g, low_weight)
            if scale is not None:
                d_hidden[part] *= scale
        if d_weight is not None:
            _add_product(d_weight, g, h if scale is None else (h * scale).to(dtype), first=start == 0)
    return nll, (d_hidden, d_weight) if needs is not None else None


def logits_into(buffer: Tensor, hidden: Tensor, weight: Tensor) -> Tensor:
    """Fills a buffer with logits, in its first V columns, and -inf.

    The exponential of -inf is 0, so that a softmax may run over whole rows of contiguous memory.

    Args:
        buffer: (N, W), W being V's `row_width`.
        hidden: (N, D).
        weight: (V, D).

    Returns:
        The buffer.
    """
    size = weight.shape[0]
    torch.mm(hidden, weight.T, out=buffer[:, :size])
    if size < buffer.shape[1]:
        buffer[:, size:] = -math.inf
    return buffer


def _rounding(logits: Tensor, y: Tensor, hidden: Tensor, weight: Tensor) -> Tensor:
    """(n,) by how much the targets' logits are too high: they alone enter a loss one by one, all others as a sum."""
    exact = (hidden.float() * weight.detach()[y.squeeze(1)]).sum(1)
    return logits.gather(1, y).squeeze(1).float() - exact


def _softmax_nll(logits: Tensor, y: Tensor, h: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Softmax and losses of (n, W) logits, which it overwrites, at (n, 1) targets.

    Args:
        logits: (n, W) in the dtype of the products, W >= V, -inf from V on.
        y: (n, 1) targets.
        h: (n, D) and
        weight: (V, D), for the logits of a row once more.

    Returns:
        (n, W) p in the dtype of the logits, (n,) nats and (n, 1) p at the target in float32 (float64 for float64).
    """
    wide = torch.promote_types(logits.dtype, torch.float32)
    if logits.device.type != "cpu":  # without a look at the values, which would stall the device
        log_p = torch.log_softmax(logits, 1, dtype=wide)
        nll = -log_p.gather(1, y)
        return log_p.exp_().to(logits.dtype), nll.squeeze(1), (-nll).exp()
    # One pass over a row, exponentials and their sum in float32, rounded once where they are stored: the rounding of
    # p_y to bf16 moves a loss by 0.004 nats at most, that of log p_y would by 0.03.
    p = torch.softmax(logits, 1, out=logits)
    at_target = p.gather(1, y).to(wide)
    nll = -at_target.log().squeeze(1)
    rare = at_target.squeeze(1) < SMALLEST
    if bool(rare.any()):
        nll[rare] = -torch.log_softmax((h[rare] @ weight.T).to(wide), 1).gather(1, y[rare]).squeeze(1)
    return p, nll, at_target


def _add_product(total: Tensor, g: Tensor, h: Tensor, *, first: bool) -> None:
    """Adds ``g^T h`` to the (V, D) total, or sets it; in another dtype block by block, to bound the temporary."""
    if g.dtype == total.dtype:
        torch.addmm(total, g.T, h, beta=0 if first else 1, out=total)
        return
    size = max(1, BLOCK_ELEMENTS // total.shape[1])
    for start in range(0, total.shape[0], size):
        block = total[start : start + size]
        low = buffers.take("block", (block.shape[0], block.shape[1]), g.dtype, g.device)
        torch.mm(g[:, start : start + size].T, h, out=low)
        if first:
            block.copy_(low)
        else:
            block.add_(low)


@fast(plain.linear_cross_entropy)
def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """-log softmax(hidden W^T) at the targets, with bounded memory.

    Args:
        hidden: (N, D).
        weight: (V, D).
        targets: (N,) int64.

    Returns:
        (N,) nats, float32 (float64 for float64 input). Differentiable once; for second derivatives use `logits`.
    """
    if hidden.shape[0] == 0:
        return hidden.new_zeros(0)
    dtype = compute_dtype(hidden)
    if not torch.is_grad_enabled():  # a Function's needs_input_grad would say True all the same
        return _run(hidden, weight, targets, dtype, None, None)[0]
    nll: Tensor = _LinearCrossEntropy.apply(hidden, weight, targets, dtype)  # type: ignore[no-untyped-call]
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
        return linear_cross_entropy(hidden, self.weight, targets)

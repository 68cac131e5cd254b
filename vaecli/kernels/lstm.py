r"""A one-layer LSTM whose gradient is made of large products.

Gates of step t are :math:`i, f, o = \sigma(a), g = \tanh(a)` of :math:`a_t = W x_t + U h_{t-1} + b`; then
:math:`c_t = f c_{t-1} + i g` and :math:`h_t = o \tanh c_t` (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

In bf16, oneDNN's backward pass of a wide LSTM runs no faster than in float32, and it keeps a workspace several times as
large as what it needs. Here the forward pass keeps gates and cells. The backward pass first forms, for many steps at
once, all factors that don't depend on the gradient; a step is then one product and a few multiplications, and the
gradients of W, U and x are one product each over all steps.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from vaecli.kernels import plain
from vaecli.kernels.compiled import LANES, LSTMLibrary, lstm_library
from vaecli.kernels.output import compute_dtype
from vaecli.kernels.plain import State
from vaecli.kernels.switch import fast

WIDE = 768
"""Hidden units from which this is faster than oneDNN's bf16; the time of narrower ones goes into small operations."""

BLOCK_ELEMENTS = 200_000
"""Numbers of a state's factors that the backward pass holds at a time, to stay in the cache."""


def _stacked(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """Rows of torch's gates i, f, g, o as i, f, o, 2g, for tanh(a) = 2 sigmoid(2a) - 1 and one sigmoid for all."""
    i, f, g, o = weight.detach().chunk(4)
    stacked = torch.empty(weight.shape, dtype=dtype)
    for gate, rows in zip(stacked.chunk(4), (i, f, o, g), strict=True):
        gate.copy_(rows)
    stacked[3 * len(g) :] *= 2
    return stacked


def _unstacked(gradient: Tensor, dtype: torch.dtype) -> Tensor:
    """The gradient of `_stacked`'s argument from that of its result."""
    i, f, o, g = gradient.chunk(4)
    unstacked = torch.empty(gradient.shape, dtype=dtype)
    for gate, rows in zip(unstacked.chunk(4), (i, f, g, o), strict=True):
        gate.copy_(rows)
    unstacked[2 * len(g) : 3 * len(g)] *= 2
    return unstacked


def _tanh(x: Tensor, out: Tensor) -> Tensor:
    """Tanh by way of the sigmoid, which torch vectorises much better on a CPU; the error is 1e-7 in float32."""
    return torch.mul(x, 2, out=out).sigmoid_().mul_(2).sub_(1)


class _LSTM(torch.autograd.Function):
    """See the module; called through `LSTM`."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, h0: Tensor, c0: Tensor, w_x: Tensor, w_h: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor]:
        steps, batch, _ = x.shape
        hidden, low = w_h.shape[1], x.dtype
        wide = torch.promote_types(low, torch.float32)
        gates = torch.addmm(_stacked(bias, low), x.flatten(0, 1), _stacked(w_x, low).T).view(steps, batch, 4 * hidden)
        h, c = x.new_empty(2, steps + 1, batch, hidden).unbind(0)
        h[0], c[0] = h0, c0
        recurrent = _stacked(w_h, low).T
        active = torch.empty(batch, 4 * hidden, dtype=wide)
        cell, squashed = c0.to(wide, copy=True), torch.empty(batch, hidden, dtype=wide)
        i, f, o, g = active.view(batch, 4, hidden).unbind(1)
        for gate, h_before, h_now, c_now in zip(gates, h[:-1], h[1:], c[1:], strict=True):
            torch.addmm(gate, h_before, recurrent, out=gate)
            active.copy_(gate).sigmoid_()
            g.mul_(2).sub_(1)
            cell.mul_(f).addcmul_(i, g)
            c_now.copy_(cell)
            h_now.copy_(_tanh(cell, squashed).mul_(o))
            gate.copy_(active)
        ctx.save_for_backward(x, h, c, gates, w_x, w_h)
        ctx.dtypes = h0.dtype, c0.dtype
        return h[1:].transpose(0, 1).contiguous(), cell

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_states: Tensor, d_cell: Tensor) -> tuple[Tensor | None, ...]:
        x, h, c, gates, w_x, w_h = ctx.saved_tensors
        d_gates = torch.empty_like(gates)
        d_h, d_c, d_bias = _through_time(d_states.transpose(0, 1), d_cell, c, gates, d_gates, _stacked(w_h, x.dtype))
        state_dtype, cell_dtype = ctx.dtypes
        flat = d_gates.flatten(0, 1)
        return (
            (flat @ _stacked(w_x, x.dtype)).view(x.shape) if ctx.needs_input_grad[0] else None,
            d_h.to(state_dtype),
            d_c.to(cell_dtype),
            _unstacked(flat.T @ x.flatten(0, 1), w_x.dtype),
            _unstacked(flat.T @ h[:-1].flatten(0, 1), w_h.dtype),
            _unstacked(d_bias, w_x.dtype),
        )


def _through_time(
    d_states: Tensor, d_cell: Tensor, c: Tensor, gates: Tensor, d_gates: Tensor, recurrent: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Fills the (T, B, 4H) gradients of the gates' sums, last step first.

    Returns:
        (B, H) gradients of the initial h and c, and (4H,) of the bias.
    """
    steps, batch, hidden = d_states.shape
    dtype = torch.promote_types(gates.dtype, torch.float32)
    d_c, d_h = d_cell.to(dtype, copy=True), torch.empty(batch, hidden, dtype=dtype)
    low = torch.zeros(batch, hidden, dtype=gates.dtype)
    wide, total = torch.empty(batch, 4, hidden, dtype=dtype), torch.zeros(batch, 4, hidden, dtype=dtype)
    size = min(steps, max(1, BLOCK_ELEMENTS // (batch * hidden)))
    factors = _Factors(size, batch, hidden, dtype)
    for end in range(steps, 0, -size):
        start = max(0, end - size)
        factors.fill(gates[start:end], c[start : end + 1])
        for t in range(end - 1, start - 1, -1):
            n = t - start
            d_h.copy_(low).add_(d_states[t])
            d_c.addcmul_(d_h, factors.to_cell[n])
            torch.mul(factors.to_gates[n], d_c.unsqueeze(1), out=wide)
            torch.mul(factors.to_gates[n, :, 2], d_h, out=wide[:, 2])
            d_gates[t].copy_(wide.flatten(1))
            total.add_(wide)
            torch.mm(d_gates[t], recurrent, out=low)
            d_c.mul_(factors.forget[n])
    return low, d_c, total.sum(0).flatten()


class _Factors:
    """What the gradient is multiplied by at each step, for a block of steps in memory that blocks share.

    Attributes:
        forget: (T, B, H) f.
        to_gates: (T, B, 4, H) derivatives by the gates' sums: of c_t by those of i, f and g, of h_t by that of o.
        to_cell: (T, B, H) dh_t/dc_t.
    """

    def __init__(self, steps: int, batch: int, hidden: int, dtype: torch.dtype) -> None:
        self.active, self.to_gates = torch.empty(2, steps, batch, 4, hidden, dtype=dtype).unbind(0)
        self.squashed, self.to_cell = torch.empty(2, steps, batch, hidden, dtype=dtype).unbind(0)
        self.c = torch.empty(steps + 1, batch, hidden, dtype=dtype)
        self.forget = self.active[:, :, 1]

    def fill(self, gates: Tensor, c: Tensor) -> None:
        """Takes (T, B, 4H) gates i, f, o, g and (T + 1, B, H) cells, the one before the first step too."""
        steps = gates.shape[0]
        active, to_gates = self.active[:steps], self.to_gates[:steps]
        i, f, o, g = active.copy_(gates.view(active.shape)).unbind(2)
        c = self.c[: steps + 1].copy_(c)
        squashed = _tanh(c[1:], self.squashed[:steps])
        sigmoid_backward, tanh_backward = torch.ops.aten.sigmoid_backward, torch.ops.aten.tanh_backward
        sigmoid_backward.grad_input(g, i, grad_input=to_gates[:, :, 0])
        sigmoid_backward.grad_input(c[:-1], f, grad_input=to_gates[:, :, 1])
        sigmoid_backward.grad_input(squashed, o, grad_input=to_gates[:, :, 2])
        tanh_backward.grad_input(i, g, grad_input=to_gates[:, :, 3]).mul_(0.5)
        tanh_backward.grad_input(o, squashed, grad_input=self.to_cell[:steps])


class _Compiled(torch.autograd.Function):
    """An LSTM whose steps are `vaecli.kernels.compiled`'s; called through `LSTM`."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, constant: Tensor, h0: Tensor, c0: Tensor, w_x: Tensor, w_h: Tensor, library: LSTMLibrary
    ) -> tuple[Tensor, Tensor]:
        steps, batch, _ = x.shape
        hidden = w_h.shape[1]
        gates = torch.mm(x.flatten(0, 1), w_x.T).view(steps, batch, 4 * hidden)
        h, c = x.new_empty(2, steps + 1, batch, hidden).unbind(0)
        h[0], c[0] = h0, c0
        library.forward(w_h, gates, constant, h, c, gates)
        ctx.save_for_backward(x, h, c, gates, w_x, w_h)
        ctx.library = library
        return h[1:].transpose(0, 1), c[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_states: Tensor, d_cell: Tensor) -> tuple[Tensor | None, ...]:
        x, h, c, gates, w_x, w_h = ctx.saved_tensors
        d_gates, d_h, d_c = torch.empty_like(gates), torch.zeros_like(h[0]), d_cell.clone().contiguous()
        ctx.library.backward(w_h, gates, c, d_states.transpose(0, 1).contiguous(), d_gates, d_h, d_c)
        flat = d_gates.flatten(0, 1)
        return (
            (flat @ w_x).view(x.shape) if ctx.needs_input_grad[0] else None,
            d_gates.sum(0) if ctx.needs_input_grad[1] else None,
            d_h,
            d_c,
            flat.T @ x.flatten(0, 1) if ctx.needs_input_grad[4] else None,
            flat.T @ h[:-1].flatten(0, 1) if ctx.needs_input_grad[5] else None,
            None,
        )


class LSTM(nn.LSTM):
    """`nn.LSTM` of one layer, batch first, that also takes an input which is the same at each step.

    It is faster than torch's in float32 on a CPU with AVX2 (`vaecli.kernels.compiled`), and its gradient is where it is
    wide and trained in bf16 on a CPU. Weights and results are those of `nn.LSTM`; what differs is rounding.

    Args:
        input_size: Width of the input, with the constant one.
        hidden_size: H.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)

    @fast(plain.lstm)
    def forward(  # type: ignore[override]
        self, x: Tensor, state: State | None = None, constant: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """States of (B, T, E) input from an initial (h, c), each (1, B, H); 0 where none is given.

        Args:
            x: (B, T, E); (B', T, E) where B is a multiple of B' and row r reads row ``r % B'``.
            state: The initial (h, c).
            constant: (B, C) beside every x_t; E + C is the layer's input size.

        Returns:
            (B, T, H) states, and the last (h, c), each (1, B, H).
        """
        dtype = compute_dtype(x)
        if x.device.type == "cpu" and dtype == torch.float32 and self.hidden_size % LANES == 0 and x.numel():
            library = lstm_library()
            if library is not None:
                return self.by_library(library, x, state, constant)
        whole = plain.joined(x, state, constant)
        own = torch.is_grad_enabled() and x.device.type == "cpu" and dtype == torch.bfloat16
        if not own or self.hidden_size < WIDE:
            states, last = super().forward(whole, state)
            return states, last
        return self.by_products(whole.to(dtype), state)

    def by_library(
        self, library: LSTMLibrary, x: Tensor, state: State | None = None, constant: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """`forward` by the compiled library, in float32; differentiable once."""
        rows = plain.row_count(x, state, constant)
        zero = x.new_zeros(rows, self.hidden_size)
        h, c = (zero, zero) if state is None else (state[0].squeeze(0), state[1].squeeze(0))
        whole, w_h, *biases = self.all_weights[0]
        width, bias = x.shape[-1], biases[0] + biases[1]
        w_x = whole[:, :width]
        if constant is None:
            each = bias.expand(rows, -1).contiguous()
        else:
            each = torch.addmm(bias, constant.to(x.dtype), whole[:, width:].T)
        by_time = x.transpose(0, 1).contiguous()
        if torch.is_grad_enabled():
            if rows > len(x):
                by_time = by_time.repeat(1, rows // len(x), 1)
            made: tuple[Tensor, Tensor] = _Compiled.apply(by_time, each, h, c, w_x, w_h, library)  # type: ignore[no-untyped-call]
            states, cell = made
        else:
            gates = torch.mm(by_time.flatten(0, 1), w_x.T).view(*by_time.shape[:2], -1)
            by_step = x.new_empty(len(by_time) + 1, rows, self.hidden_size)
            by_step[0], cell = h, c.clone().contiguous()
            library.forward(w_h, gates, each, by_step, cell, None)
            states = by_step[1:].transpose(0, 1)
        return states, (states[:, -1].unsqueeze(0), cell.unsqueeze(0))

    def by_products(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """`forward` in the dtype of `x`, by the means of this module; differentiable once."""
        zero = x.new_zeros(x.shape[0], self.hidden_size)
        h, c = (zero, zero) if state is None else (state[0].squeeze(0), state[1].squeeze(0))
        w_x, w_h, *biases = self.all_weights[0]
        made: tuple[Tensor, Tensor] = _LSTM.apply(  # type: ignore[no-untyped-call]
            x.transpose(0, 1), h, c, w_x, w_h, biases[0] + biases[1]
        )
        states, cell = made
        return states, (states[:, -1].unsqueeze(0), cell.unsqueeze(0))

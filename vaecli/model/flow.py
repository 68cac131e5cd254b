r"""Inverse autoregressive flow: a Gaussian bent by maps whose Jacobian is triangular.

.. math:: z_t = m_t + \exp(s_t) \odot z_{t-1}, \qquad
          \log q(z_T) = \log q_0(z_0) - \sum_t \sum_i s_{t,i}

where dimension i of m_t and s_t depends on the dimensions of z_{t-1} before i only (Kingma et al. 2016, section 4). A
sample is T passes; the density of a given z takes the inverse, dimension by dimension. Steps that training has made
steep lose all digits there, so whatever knows the z_0 of its z goes from that instead.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor, nn

from vaecli.kernels.switch import fast
from vaecli.model.posterior import DiagonalGaussian, Posterior, Preimage, pairwise_by_definition

LOG_SCALE_BOUND = 2.0
"""|s| stays below: a step stretches or shrinks by a factor of 7.4 at most, so that inverses keep their digits."""


class MaskedLinear(nn.Module):
    """A linear map of which a mask leaves out connections, computed in the dtype of its input.

    Args:
        mask: (out, in) True where there is a connection.
        zero: Whether it starts at 0.
    """

    mask: Tensor

    def __init__(self, mask: Tensor, zero: bool = False) -> None:
        super().__init__()
        self.zero = zero
        self.weight = nn.Parameter(torch.empty(mask.shape))
        self.bias = nn.Parameter(torch.empty(mask.shape[0]))
        self.register_buffer("mask", mask, persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """U(-1/sqrt(in), 1/sqrt(in)) as `nn.Linear`, or 0."""
        bound = 0.0 if self.zero else self.weight.shape[1] ** -0.5
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """(..., out) of (..., in)."""
        return nn.functional.linear(x, (self.weight * self.mask).to(x.dtype), self.bias.to(x.dtype))


class AutoregressiveStep(nn.Module):
    """One step, whose m and s come from a network of one masked hidden layer (MADE, Germain et al. 2015).

    Hidden unit h sees the first d_h dimensions, d_h from 1 to Z - 1 in turn, and output i sees hidden units with
    d_h < i. With an output layer of 0 a fresh step is the identity.

    Args:
        size: Z.
        hidden: Hidden units.
    """

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        dimension = torch.arange(1, size + 1)
        degree = torch.arange(hidden) % max(1, size - 1) + 1
        self.inner = MaskedLinear(degree.unsqueeze(1) >= dimension)
        self.outer = MaskedLinear((dimension.unsqueeze(1) > degree).repeat(2, 1), zero=True)

    def shift_and_log_scale(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(..., Z) and (..., Z): m and s, dimension i from the dimensions of (..., Z) before i."""
        with torch.autocast(z.device.type, enabled=False):
            m, raw = self.outer(nn.functional.elu(self.inner(z))).chunk(2, -1)
        return m, LOG_SCALE_BOUND * torch.tanh(raw / LOG_SCALE_BOUND)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(..., Z) after the step and (...) the log determinant of its Jacobian."""
        m, s = self.shift_and_log_scale(z)
        return m + s.exp() * z, s.sum(-1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(..., Z) before the step that led to z, and (...) the log determinant of the step's Jacobian there."""
        # pass i makes dimension i right, and all of s once i is the last; what is not known yet is 0 rather than
        # anything, since even masked connections would carry an infinity on as nan
        dimension = torch.arange(z.shape[-1], device=z.device)
        before = torch.zeros_like(z)
        for i in range(z.shape[-1]):
            m, s = self.shift_and_log_scale(before)
            before = torch.where(dimension <= i, (z - m) * (-s).exp(), 0.0)
        return before, s.sum(-1)

    def jacobian(self, z: Tensor) -> Tensor:
        """(N, Z, Z) derivatives of the step at (N, Z), output by input: lower triangular."""
        _, s = self.shift_and_log_scale(z)
        hidden = self.inner(z)
        slope = hidden.clamp(max=0).exp()  # of elu
        weights = (layer.weight * layer.mask for layer in (self.outer, self.inner))
        outer, inner = (weight.to(z.dtype) for weight in weights)
        of_m, of_raw = ((outer * slope.unsqueeze(1)) @ inner).chunk(2, 1)
        of_s = (1 - (s / LOG_SCALE_BOUND).square()).unsqueeze(-1) * of_raw
        scale = s.exp()
        jacobian: Tensor = torch.diag_embed(scale) + of_m + (z * scale).unsqueeze(-1) * of_s
        return jacobian


class Flow(nn.Module):
    """Steps of which every other one takes the dimensions in reverse order.

    Args:
        size: Z.
        steps: T.
        hidden: Hidden units of each step.
    """

    def __init__(self, size: int, steps: int, hidden: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(AutoregressiveStep(size, hidden) for _ in range(steps))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(..., Z) z_T of z_0, and (...) the log determinant of the Jacobian."""
        total = torch.zeros_like(z[..., 0])
        for n, step in enumerate(self.steps):
            z, log_determinant = step(_ordered(z, n))
            z, total = _ordered(z, n), total + log_determinant
        return z, total

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(..., Z) z_0 of z_T, and (...) the log determinant of the Jacobian of the flow at z_0."""
        total = torch.zeros_like(z[..., 0])
        for n, step in reversed(list(enumerate(self.steps))):
            assert isinstance(step, AutoregressiveStep)
            z, log_determinant = step.inverse(_ordered(z, n))
            z, total = _ordered(z, n), total + log_determinant
        return z, total

    def start_near(self, z: Tensor, start: Tensor) -> Preimage:
        """The inverse at codes whose start is known: its numbers, and its gradients by codes and weights.

        By the implicit function theorem ``dz_0 = J^-1 (dz - df)``, with J the Jacobian of the flow f at the start and
        df what the weights change of f there.

        Args:
            z: (..., Z), the flow of the start up to rounding.
            start: (..., Z); its own gradient isn't used.
        """
        known = start.detach()
        with torch.autocast(z.device.type, enabled=False):  # the solution needs all digits of its products
            with torch.no_grad():
                jacobian = self.jacobian(known.reshape(-1, known.shape[-1]))
            change = _without_value(z) - _without_value(self(known)[0])
            moved = torch.linalg.solve(jacobian, change.reshape(-1, change.shape[-1], 1)).reshape(known.shape)
        return Preimage(known + moved, self(known + moved)[1])

    def jacobian(self, z: Tensor) -> Tensor:
        """(N, Z, Z) derivatives of the flow at (N, Z), output by input."""
        total = torch.eye(z.shape[-1], dtype=z.dtype, device=z.device).expand(len(z), -1, -1)
        for n, step in enumerate(self.steps):
            assert isinstance(step, AutoregressiveStep)
            z = _ordered(z, n)
            total = step.jacobian(z) @ (total.flip(1) if n % 2 else total)
            z, total = _ordered(step(z)[0], n), total.flip(1) if n % 2 else total
        return total


def _without_value(t: Tensor) -> Tensor:
    """Zeros with the gradient of a tensor."""
    return t - t.detach()


def _ordered(z: Tensor, n: int) -> Tensor:
    """(..., Z) in the order in which step n takes the dimensions, or back from it."""
    return z.flip(-1) if n % 2 else z


@dataclass(frozen=True)
class _Draw:
    """A sample, where it started and its log density, so that scoring it needs no inverse."""

    z: Tensor
    start: Preimage
    log_prob: Tensor
    version: int

    def knows(self, z: Tensor) -> bool:
        """Whether z is a view of the very numbers drawn, with their gradient or equally without; z stays alive here."""
        mine = self.z
        return (
            z.data_ptr() == mine.data_ptr()
            and z.dtype == mine.dtype
            and (z.requires_grad, z.is_leaf) == (mine.requires_grad, mine.is_leaf)
            and z._version == self.version
            and (z.shape, z.stride()) == (mine.shape, mine.stride())
        )


def _none_drawn() -> deque[_Draw]:
    """Keeps the last two draws: a bound of several samples draws the further ones after the first."""
    return deque(maxlen=2)


@dataclass(frozen=True)
class FlowPosterior(Posterior):
    """A diagonal Gaussian bent by a flow that all sentences share.

    Attributes:
        mean: (B, Z) E_q[z|x], or what the head takes for it.
        base_mean: (B, Z) mean of the Gaussian.
        base_logvar: (B, Z) its log variances.
        flow: The flow.
    """

    base_mean: Tensor
    base_logvar: Tensor
    flow: Flow
    _drawn: deque[_Draw] = field(default_factory=_none_drawn, compare=False, repr=False)

    @property
    def base(self) -> DiagonalGaussian:
        """The Gaussian q_0(z_0|x)."""
        return DiagonalGaussian(self.base_mean, self.base_logvar)

    def sample(self, noise: Tensor) -> Tensor:
        """See `Posterior.sample`."""
        base = self.base.sample(noise)
        z: Tensor
        z, log_determinant = self.flow(base)
        log_prob = self.base.log_prob(base) - log_determinant
        self._drawn.append(_Draw(z, Preimage(base, log_determinant), log_prob, z._version))
        return z

    def _draw_of(self, z: Tensor) -> _Draw | None:
        return next((draw for draw in self._drawn if draw.knows(z)), None)

    def log_prob(self, z: Tensor) -> Tensor:
        """See `Posterior.log_prob`; the last two samples are known, anything else takes the inverse."""
        if (draw := self._draw_of(z)) is not None:
            return draw.log_prob
        start, log_determinant = self.flow.inverse(z)
        return self.base.log_prob(start) - log_determinant

    @property
    def start(self) -> Posterior:
        """The Gaussian: the flow doesn't see the sentence."""
        return self.base

    def start_of(self, z: Tensor) -> Preimage:
        """See `Posterior.start_of`; the last two samples are known, anything else takes the inverse."""
        if (draw := self._draw_of(z if z.dim() == 3 else z.unsqueeze(0))) is not None:
            return draw.start if z.dim() == 3 else draw.start.map(lambda t: t.squeeze(0))
        return Preimage(*self.flow.inverse(z))

    def start_near(self, z: Tensor, start: Preimage | None) -> Preimage | None:
        """See `Posterior.start_near`."""
        return None if start is None else self.flow.start_near(z, start.z)

    def log_prob_from(self, z: Tensor, start: Preimage | None) -> Tensor:
        """See `Posterior.log_prob_from`."""
        if (near := self.start_near(z, start)) is None:
            return self.log_prob(z)
        return self.base.log_prob(near.z) - near.log_determinant

    @fast(pairwise_by_definition)
    def pairwise_log_prob(self, z: Tensor) -> Tensor:
        """See `Posterior.pairwise_log_prob`; one inverse a code, for the flow doesn't see the sentence."""
        start, log_determinant = self.flow.inverse(z)
        return self.base.pairwise_log_prob(start) - log_determinant.unsqueeze(1)

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """See `Posterior.map`; where the tensors come out without gradients, the flow is a copy without them too."""
        tensors = {name: function(getattr(self, name)) for name in ("mean", "base_mean", "base_logvar")}
        flow = self.flow
        if not tensors["base_mean"].requires_grad and any(p.requires_grad for p in flow.parameters()):
            flow = copy.deepcopy(flow).requires_grad_(False).to(tensors["base_mean"].dtype)
        return replace(self, **tensors, flow=flow, _drawn=_none_drawn())

    @classmethod
    def cat(cls, parts: Sequence[Posterior]) -> Posterior:
        """See `Posterior.cat`; the parts are of one model."""
        flows = [part for part in parts if isinstance(part, FlowPosterior)]
        return cls(
            mean=torch.cat([part.mean for part in flows]),
            base_mean=torch.cat([part.base_mean for part in flows]),
            base_logvar=torch.cat([part.base_logvar for part in flows]),
            flow=flows[0].flow,
        )


def antithetic_noise(pairs: int, size: int) -> Tensor:
    """(2 pairs, 1, Z) fixed noise, each with its mirror image, for means: exact where z is linear in the noise."""
    half = torch.randn(pairs, 1, size, generator=torch.Generator().manual_seed(0))
    # rescaled to unit variance in each dimension, so that the second moment is exact as well
    half = half * half.square().mean(0, keepdim=True).rsqrt()
    return torch.cat([half, -half])

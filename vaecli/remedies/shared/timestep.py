"""Posteriors at every step of the encoder, whose mean KL stands for that of the last, for `hr` and `twr`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vaecli.model.encoder import Encoding
from vaecli.model.posterior import DiagonalGaussian, PosteriorHead, gaussian_kl
from vaecli.objective import Terms
from vaecli.remedies.core.parts import Need, unmet

NEEDS = frozenset({Need.GAUSSIAN, Need.LAST_STATE, Need.STANDARD_PRIOR, Need.ENCODER_POSTERIOR})
"""Of such a remedy: its KL is of the encoder's own states, of its own head at each, against N(0, I)."""


def step_weights(steps: Tensor, width: int, portion: float) -> Tensor:
    """(B, T) equal weights of each sentence's last ``round(portion * steps)`` steps, at least one; they sum to 1.

    Args:
        steps: (B,) steps that count, of each sentence.
        width: T, padded steps included.
        portion: Share of the steps, in (0, 1].
    """
    counted = torch.round(portion * steps.double()).clamp_min(1)
    step = torch.arange(width, device=steps.device)
    inside = (step >= (steps - counted).unsqueeze(1)) & (step < steps.unsqueeze(1))
    return inside / counted.unsqueeze(1)


@dataclass(frozen=True)
class TimestepGaussian(DiagonalGaussian):
    """The posterior after the last step, from which z is drawn, and the mean KL over the steps.

    Attributes:
        step_kl: (B, Z) by dimension, in nats.
    """

    step_kl: Tensor


class TimestepHead(PosteriorHead):
    """Applies a head to the state after each step; in evaluation to the last alone.

    Args:
        wrapped: Gives a `DiagonalGaussian` of each row by itself, without statistics of the batch.
        portion: Share of the steps that the KL is averaged over, the last ones.
    """

    def __init__(self, wrapped: PosteriorHead, portion: float) -> None:
        super().__init__()
        self.wrapped, self.portion = wrapped, portion

    def forward(self, encoding: Encoding) -> DiagonalGaussian:
        """q(z|x) of the batch, after the last step."""
        last: DiagonalGaussian = self.wrapped(encoding)
        if not self.training:
            return last
        weights = step_weights(encoding.steps, encoding.states.shape[1], self.portion)
        # steps that don't count are left out of the head, and so are their meaningless states
        sentence, step = weights.nonzero(as_tuple=True)
        states = encoding.states[sentence, step]
        at_steps: DiagonalGaussian = self.wrapped(replace(encoding, features=states))
        wide = torch.promote_types(last.mean.dtype, torch.float32)
        kl = gaussian_kl(at_steps.mean, at_steps.logvar).to(wide) * weights[sentence, step].to(wide).unsqueeze(1)
        total = torch.zeros_like(last.mean, dtype=wide).index_add(0, sentence, kl)
        return TimestepGaussian(last.mean, last.logvar, total)


def with_step_kl(terms: Terms, name: str) -> Terms:
    """The terms with the mean KL over the steps instead of the KL of z.

    Args:
        terms: Of a model with a `TimestepHead`.
        name: Of the remedy, for the message.

    Raises:
        UsageError: The posterior is not that of the head, in training mode.
    """
    posterior = terms.context.posterior
    if not isinstance(posterior, TimestepGaussian):
        raise unmet(name, "the posteriors of all encoder steps", type(posterior).__name__)
    return replace(terms, kl=posterior.step_kl)

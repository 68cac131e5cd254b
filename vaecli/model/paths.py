"""Ways from one code to another that stay among the codes that a decoder was trained on."""

from __future__ import annotations

import torch
from torch import Tensor

SHORT = 1e-9
"""Length below which a vector has no direction."""


def straight(first: Tensor, last: Tensor, weights: Tensor) -> Tensor:
    """(S, Z) ``(1 - w) a + w b`` of two (Z,) codes and (S,) weights."""
    w = weights.unsqueeze(1)
    return (1 - w) * first + w * last


def great_circle(first: Tensor, last: Tensor, weights: Tensor) -> Tensor:
    """(S, Z) directions on the shorter great circle between those of two (Z,) vectors, at equal angles for equal steps.

    Between opposite directions all great circles are as short: it goes by the axis that the first has least of. A
    vector without a direction counts as the other's.
    """
    lengths = first.norm(), last.norm()
    if min(lengths) < SHORT:
        first = last = first if lengths[0] >= lengths[1] else last
    if first.norm() < SHORT:
        return first.expand(len(weights), -1)
    a, b = first / first.norm(), last / last.norm()
    side = b - (a @ b) * a
    if side.norm() < SHORT:  # the same direction, or the opposite one
        side = torch.zeros_like(a).index_fill_(0, a.abs().argmin(), 1.0)
        side = side - (a @ side) * a
        angle = torch.zeros_like(a[0]) if a @ b > 0 else torch.full_like(a[0], torch.pi)
    else:
        angle = torch.atan2(side.norm(), a @ b)
    turned = (weights * angle).unsqueeze(1)
    path: Tensor = turned.cos() * a + turned.sin() * side / side.norm()
    return path


def polar(first: Tensor, last: Tensor, weights: Tensor) -> Tensor:
    """(S, Z) codes whose directions follow a great circle while their lengths change evenly."""
    lengths: Tensor = (1 - weights) * first.norm() + weights * last.norm()
    return lengths.unsqueeze(1) * great_circle(first, last, weights)


def swaps(first: Tensor, last: Tensor, weights: Tensor) -> Tensor:
    """(S, M) int64 classes between those of two (M,) discrete codes, one variable after the other.

    Of the D variables in which the two differ the first ``round(w D)`` have the last code's class, so that D + 1 evenly
    spaced weights show every code on the way.
    """
    differ = (first != last).nonzero().flatten()
    done = (weights * len(differ) + 0.5).floor().long()
    path = first.repeat(len(weights), 1)
    for row, count in zip(path, done.tolist(), strict=True):
        row[differ[:count]] = last[differ[:count]]
    return path

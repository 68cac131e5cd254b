"""Numbers and codes that callers of the front door give, as Python's and torch's own, or refused by their name."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from vaecli.core.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def whole(name: str, value: Any, least: int | None = None, most: int | None = None) -> int:
    """A count or a seed as an int, one of numpy included.

    Args:
        name: Of the argument.
        value: As it was given.
        least: The smallest that there may be; any without.
        most: The largest; any without.

    Raises:
        UsageError: It is no whole number, as True, 2.0 and "2" are none, or it is out of range.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise UsageError(f"{name}={_shown(value)}: it has to be a whole number")
    number = int(value)
    if least is not None and number < least:
        raise UsageError(f"{name}={number}: it has to be {least} or more")
    if most is not None and number > most:
        raise UsageError(f"{name}={number}: it has to be {most:,} or less")
    return number


def real(name: str, value: Any) -> float:
    """A number as a float, one of numpy included; it may be infinite or NaN.

    Args:
        name: Of the argument.
        value: As it was given.

    Raises:
        UsageError: It is no number, as True and "0.5" are none.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise UsageError(f"{name}={_shown(value)}: it has to be a number")
    return float(value)


def seeds_of(seeds: Any) -> int | str | None:
    """Seeds as settings take them: one, a text such as ``"0-2"``, or None; what is none of these is left to them."""
    if isinstance(seeds, Integral) and not isinstance(seeds, bool):
        return int(seeds)
    if isinstance(seeds, Iterable) and not isinstance(seeds, str):
        return ",".join(map(str, seeds))
    return seeds  # type: ignore[no-any-return]


def code_tensor(codes: Any, size: int, device: torch.device, decoder: str) -> Tensor:
    """(N, Z) float64 codes on a device.

    Args:
        codes: An array, a tensor or lists of numbers.
        size: Z.
        device: Where the decoder is.
        decoder: Whose codes they are to be, for messages.

    Raises:
        UsageError: They are no numbers, of another shape, or not all finite.
    """
    import torch

    try:
        z = torch.as_tensor(codes, dtype=torch.float64, device=device)
    except (RuntimeError, TypeError, ValueError) as error:
        told = " ".join(str(error).split())
        raise UsageError(
            f"codes are numbers of shape (N, Z), as `encode` gives them, not {codes!r:.60}: {told}"
        ) from None
    if z.ndim != 2 or z.shape[1] != size:
        raise UsageError(f"codes of shape {tuple(z.shape)}; {decoder} decodes (N, {size})")
    wrong = (~z.isfinite()).nonzero()
    if len(wrong):
        row, column = wrong[0].tolist()
        raise UsageError(f"codes: {z[row, column].item()} in row {row}, column {column}; only finite codes are decoded")
    return z


def _shown(value: Any) -> str:
    return f"{value!r:.60}"

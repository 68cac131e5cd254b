"""What callers of the front door give: numbers, codes, ways to draw, in types of our own, or refused by name."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from vaecli.core.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from vaecli.model.decoding import Drawing


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
    wrong = (~z.float().isfinite()).nonzero()  # as the decoder takes them, in which 1e300 is infinite
    if len(wrong):
        row, column = wrong[0].tolist()
        raise UsageError(f"codes: {z[row, column].item()} in row {row}, column {column}; only finite codes are decoded")
    return z


def drawing_of(beam: int, temperature: float | None, top_k: int, top_p: float) -> Drawing | None:
    """How words are drawn; None where they are decoded.

    Raises:
        UsageError: See `Run.decode`.
    """
    from vaecli.model.decoding import Drawing

    temperature = None if temperature is None else real("temperature", temperature)
    if temperature is not None and not (temperature > 0 and math.isfinite(temperature)):
        raise UsageError(f"temperature={temperature}: it has to be above 0 and finite; without one nothing is drawn")
    top_k, top_p = whole("top_k", top_k, 0), real("top_p", top_p)
    if not 0 < top_p <= 1:
        raise UsageError(f"top_p={top_p}: it has to be above 0, and 1 at most")
    if temperature is None and not top_k and top_p == 1:
        return None
    if beam > 1:
        raise UsageError(
            f"beam={beam} searches for the best sentence; temperature, top_k and top_p draw words; keep one"
        )
    return Drawing(1.0 if temperature is None else temperature, top_k, top_p)


def _shown(value: Any) -> str:
    return f"{value!r:.60}"

"""Fast operations beside their plain twins, and the one switch between them.

``VAE_PLAIN_KERNELS=1`` runs everything on the twins: what a textbook would write, in the model's own dtype, without
bf16 and without words that samples share. Whoever doubts a figure computes it once more that way. A fast operation
becomes one by `fast`, wherever in the package it is, and is then in `KERNELS`; ``tests/kernels/test_twins.py`` holds
every entry against its twin.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from vaecli.core.errors import UsageError

VARIABLE = "VAE_PLAIN_KERNELS"

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Kernel:
    """An operation in two implementations that agree.

    Attributes:
        fast: The one that runs by default.
        plain: Its twin, with the same arguments and results.
    """

    fast: Callable[..., Any]
    plain: Callable[..., Any]


KERNELS: dict[str, Kernel] = {}
"""By module, without ``vaecli.``, and name: ``kernels.output.linear_cross_entropy``. Calls look here."""


def runs_plain() -> bool:
    """Whether the plain twins run; read anew at each call, which takes a microsecond.

    Raises:
        UsageError: The variable is neither ``1`` nor ``0`` nor empty.
    """
    value = os.environ.get(VARIABLE, "")
    if value not in ("", "0", "1"):
        raise UsageError(f"{VARIABLE}={value}: give 1, for the plain twins of all fast operations, or 0")
    return value == "1"


def fast(twin: Callable[..., Any], name: str = "") -> Callable[[Function], Function]:
    """Decorates a fast operation, which from then on is its twin where `runs_plain` says so.

    Args:
        twin: Takes the same arguments; a method's takes the object first.
        name: In `KERNELS`; by default the function's own.
    """

    def decorate(function: Function) -> Function:
        key = name or f"{function.__module__.removeprefix('vaecli.')}.{function.__qualname__}"
        assert key not in KERNELS, key
        KERNELS[key] = Kernel(function, twin)

        @wraps(function)
        def either(*args: Any, **options: Any) -> Any:
            kernel = KERNELS[key]
            return (kernel.plain if runs_plain() else kernel.fast)(*args, **options)

        return cast(Function, either)

    return decorate

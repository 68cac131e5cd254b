"""What every check of a remedy is made of: its subject, and failures that name it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from pydantic import ValidationError

from vaecli.core.checked import problems
from vaecli.core.errors import VaeError
from vaecli.kernels.arithmetic import close_contexts, open_contexts
from vaecli.remedies.core.declared import declaration_problem
from vaecli.remedies.core.remedy import Remedy

Subject = Remedy | type[Remedy]
Check = Callable[[Subject], None]


class ContractError(AssertionError):
    """A remedy that doesn't do what every remedy has to."""


def remedy_of(subject: Subject) -> Remedy:
    """The remedy, a class with its defaults.

    Raises:
        ContractError: What it declares can't be, or its defaults are out of its own ranges.
    """
    kind = subject if isinstance(subject, type) else type(subject)
    if problem := declaration_problem(kind):
        raise ContractError(f"{called(subject)}: {problem}")
    try:
        return subject() if isinstance(subject, type) else subject
    except ValidationError as error:
        told = "; ".join(problems(error, kind, called(subject)))
        raise ContractError(f"{called(subject)}: its defaults make no remedy: {told}") from None


def called(subject: Subject) -> str:
    """The remedy's name, or that of its class where it has none."""
    kind = subject if isinstance(subject, type) else type(subject)
    return str(getattr(kind, "name", None) or kind.__qualname__)


def owed(check: Callable[..., None]) -> Callable[..., None]:
    """A check whose every failure names the remedy, an error that it runs into included, and that leaves no context."""

    @wraps(check)
    def told(subject: Subject, *others: Subject) -> None:
        depth = open_contexts()
        try:
            check(subject, *others)
        except Exception as error:  # a remedy may fail in any way
            if isinstance(error, AssertionError) and str(error).startswith(called(subject)):
                raise
            why = str(error) if isinstance(error, VaeError) else f"{type(error).__name__}: {error}"
            own, beside = f"{called(subject)!r}: ", "".join(f" beside {called(other)!r}" for other in others)
            why = why.removeprefix(own) if why.startswith(own) else f"{check.__name__}{beside} ended with {why}"
            raise ContractError(f"{called(subject)}: {why}") from error
        finally:
            close_contexts(depth)

    return told


def require(holds: Any, subject: Subject, problem: str) -> None:
    """Raises that a remedy breaks the contract unless a condition holds.

    Raises:
        ContractError: It doesn't hold.
    """
    if not holds:
        raise ContractError(f"{called(subject)}: {problem}")

"""The registry of remedies: one line each, imported on demand.

File name, registry key, CLI name, folder name and CSV value are one spelling. Other packages add theirs through the
entry-point group ``vaecli.remedies`` (name = ``module:Class``).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from vaecli.errors import UsageError, unknown

if TYPE_CHECKING:
    from vaecli.remedies.base import Remedy
    from vaecli.remedies.compose import Method

REMEDIES: dict[str, str] = {
    "lm": "vaecli.remedies.lm:LM",
    "ae": "vaecli.remedies.ae:AE",
    "vanilla": "vaecli.remedies.vanilla:Vanilla",
    "beta": "vaecli.remedies.beta:Beta",
    "linear_anneal": "vaecli.remedies.linear_anneal:LinearAnneal",
    "sigmoid_anneal": "vaecli.remedies.sigmoid_anneal:SigmoidAnneal",
    "tanh_anneal": "vaecli.remedies.tanh_anneal:TanhAnneal",
    "cyclical": "vaecli.remedies.cyclical:Cyclical",
    "word_dropout": "vaecli.remedies.word_dropout:WordDropout",
    "free_bits": "vaecli.remedies.free_bits:FreeBits",
    "bn": "vaecli.remedies.bn:BN",
    "bn_scale": "vaecli.remedies.bn_scale:BNScale",
    "info_mmd": "vaecli.remedies.info_mmd:InfoMMD",
    "mi_constraint": "vaecli.remedies.mi_constraint:MIConstraint",
    "slvae": "vaecli.remedies.slvae:SLVAE",
    "beta_tc": "vaecli.remedies.beta_tc:BetaTC",
}

ALIASES: dict[str, str] = {"vae": "vanilla"}
"""Other names that are understood; results bear the name they stand for."""


@cache
def registry() -> dict[str, str]:
    """All remedies, those of other packages included, as name to ``module:Class``.

    Raises:
        UsageError: Another package's remedy takes a name that is in use.
    """
    found = dict(REMEDIES)
    for entry in entry_points(group="vaecli.remedies"):
        if entry.name in found or entry.name in ALIASES:
            raise UsageError(f"remedy {entry.name!r} of {entry.value} takes a name that is in use; rename it")
        found[entry.name] = entry.value
    return found


def method_names() -> list[str]:
    """Names of all remedies, in the order of the registry; imports none of them."""
    return list(registry())


def canonical(method: str, place: str = "--method") -> str:
    """The one spelling of a method: aliases resolved, remedies in alphabetical order; imports no remedy.

    Raises:
        UsageError: An unknown name, with the nearest.
    """
    names: list[str] = []
    for part in method.split("+"):
        name = part.strip()
        for piece in ALIASES.get(name, name).split("+"):
            if piece not in registry():
                raise unknown("method", piece, [*registry(), *ALIASES], place)
            names.append(piece)
    return "+".join(sorted(names))


def remedy_class(name: str) -> type[Remedy]:
    """The class of a registered remedy."""
    if name not in registry():
        raise unknown("method", name, registry())
    module, _, attribute = registry()[name].partition(":")
    found: type[Remedy] = getattr(importlib.import_module(module), attribute)
    return found


def make_method(method: str, hyper: Mapping[str, Mapping[str, Any]] | None = None) -> Method:
    """Builds a method from its name and hyper-parameters.

    Args:
        method: Names joined with ``+``.
        hyper: Hyper-parameters by remedy; those of remedies that the method doesn't name are ignored.

    Raises:
        UsageError: An unknown name or hyper-parameter, a value out of range, or a clash of slots.
    """
    from pydantic import ValidationError

    from vaecli.config import problems
    from vaecli.remedies.compose import compose

    parts, wrong = [], []
    for name in canonical(method).split("+"):
        kind = remedy_class(name)
        try:
            parts.append(kind(**dict((hyper or {}).get(name, {}))))
        except ValidationError as error:
            wrong += problems(error, kind, name)
    if wrong:
        raise UsageError("hyper-parameters: " + "\n  ".join(wrong))
    return compose(parts)

"""The registry of remedies: a file each, imported on demand.

File name, registry key, CLI name, folder name and CSV value are one spelling. Other packages add theirs through the
entry-point group ``vaecli.remedies`` (name = ``module:Class``).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from vaecli.core.errors import UsageError, unknown

if TYPE_CHECKING:
    from vaecli.remedies.core.compose import Method
    from vaecli.remedies.core.remedy import Remedy

ORDER = (
    "lm",
    "ae",
    "vanilla",
    "beta",
    "linear_anneal",
    "sigmoid_anneal",
    "tanh_anneal",
    "cyclical",
    "control",
    "word_dropout",
    "historyless",
    "skip",
    "cnn",
    "lipschitz",
    "lagging",
    "ae_pretrain",
    "semi_amortized",
    "free_bits",
    "soft_free_bits",
    "mdr",
    "target_kl",
    "bn",
    "bn_scale",
    "delta",
    "du",
    "vmf",
    "iaf",
    "mog",
    "vamp",
    "pooling",
    "info_mmd",
    "info_kl",
    "info_js",
    "info_stein",
    "wae",
    "wae_s",
    "dg",
    "bow",
    "mim",
    "denoising",
    "hr",
    "twr",
    "mi_constraint",
    "slvae",
    "mu_forcing",
    "beta_tc",
)
"""The order of tables: baselines first, then what belongs together. One that isn't named here comes after these."""


def _built_in() -> dict[str, str]:
    """A file is a remedy: every module of this package, by its name; imports none of them."""
    modules = {module.name for module in iter_modules(__path__) if not module.ispkg}
    return {name: f"{__name__}.{name}" for name in (*ORDER, *sorted(modules - set(ORDER)))}


REMEDIES: dict[str, str] = _built_in()
"""The remedies of this package: the module of each, by name."""

ALIASES: dict[str, str] = {
    "vae": "vanilla",
    "bowman": "sigmoid_anneal+word_dropout",
    "inputless": "historyless",
    "bn_vae": "bn+linear_anneal",
    "fb": "free_bits+linear_anneal",
    "ae_fb": "ae_pretrain+free_bits+linear_anneal",
    "aggressive": "lagging+linear_anneal",
    "control_vae": "control",
    "tcvae": "beta_tc",
}
"""Other names that are understood, as papers and their tables have them; results bear the name they stand for."""

ALIAS_NOTES: dict[str, str] = {
    "vae": "Kingma & Welling 2014",
    "bowman": "annealing and word dropout together, Bowman et al. 2016",
    "inputless": "the decoder without history, Bowman et al. 2016",
    "bn_vae": "the row BN-VAE, with the warm-up of all its table, Zhu et al. 2020",
    "fb": "free bits with a warm-up, Li et al. 2019",
    "ae_fb": "an autoencoder first, then free bits with a warm-up, Li et al. 2019",
    "aggressive": "aggressive training of the encoder with a warm-up, He et al. 2019",
    "control_vae": "Shao et al. 2020",
    "tcvae": "beta-TCVAE, Chen et al. 2018",
}
"""What an alias is and who calls it so."""


@cache
def registry() -> dict[str, str]:
    """All remedies, those of other packages included, as name to ``module`` or ``module:Class``.

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


def resolve(method: str) -> list[str]:
    """The names of a method, stripped, with aliases resolved; unknown ones are left as they are."""
    parts = [part.strip() for part in method.split("+")]
    return "+".join(ALIASES.get(part, part) for part in parts).split("+")


def canonical(method: str, source: str = "--method") -> str:
    """The one spelling of a method: aliases resolved, remedies in alphabetical order; imports no remedy.

    Raises:
        UsageError: An unknown name, with the nearest.
    """
    names = resolve(method)
    for name in names:
        if name not in registry():
            raise unknown("method", name, [*registry(), *ALIASES], source)
    return "+".join(sorted(names))


def remedy_class(name: str) -> type[Remedy]:
    """The class of a registered remedy.

    Raises:
        UsageError: An unknown name, or another package's is no remedy; loading that may raise anything else too.
    """
    if name not in registry():
        raise unknown("method", name, registry())
    from vaecli.remedies.core.remedy import Remedy

    path, _, attribute = registry()[name].partition(":")
    module = importlib.import_module(path)
    candidates = [getattr(module, attribute)] if attribute else list(vars(module).values())
    kinds = [kind for kind in candidates if isinstance(kind, type) and issubclass(kind, Remedy)]
    if not attribute:  # of what a file imports and defines, the class that bears the file's name
        kinds = [kind for kind in kinds if getattr(kind, "name", None) == name]
    if len(kinds) != 1:
        raise UsageError(f"{registry()[name]} is no vaecli.remedies.core.remedy.Remedy, or not one called {name!r}")
    return kinds[0]


def make_method(method: str, hyper: Mapping[str, Mapping[str, Any]] | None = None) -> Method:
    """Builds a method from its name and hyper-parameters.

    Args:
        method: Names joined with ``+``.
        hyper: Hyper-parameters by remedy; those of remedies that the method doesn't name are ignored.

    Raises:
        UsageError: An unknown name or hyper-parameter, a value of another type or out of range, two remedies that don't
            compose, or a remedy of another package that can't be loaded.
    """
    from pydantic import ValidationError

    from vaecli.core.checked import problems
    from vaecli.remedies.core.compose import compose

    parts, wrong = [], []
    for name in canonical(method).split("+"):
        try:
            kind = remedy_class(name)
            parts.append(kind(**dict((hyper or {}).get(name, {}))))
        except ValidationError as error:
            wrong += problems(error, kind, name)
        except Exception as error:  # another package may fail in any way
            if name in REMEDIES:
                raise
            why = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
            raise UsageError(f"method {name!r} can't be loaded: {why}") from None
    if wrong:
        raise UsageError("hyper-parameters: " + "\n  ".join(wrong))
    return compose(parts)

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

from vaecli.core.errors import UsageError, unknown

if TYPE_CHECKING:
    from vaecli.remedies.core.base import Remedy
    from vaecli.remedies.core.compose import Method

REMEDIES: dict[str, str] = {
    "lm": "vaecli.remedies.lm:LM",
    "ae": "vaecli.remedies.ae:AE",
    "vanilla": "vaecli.remedies.vanilla:Vanilla",
    "beta": "vaecli.remedies.beta:Beta",
    "linear_anneal": "vaecli.remedies.linear_anneal:LinearAnneal",
    "sigmoid_anneal": "vaecli.remedies.sigmoid_anneal:SigmoidAnneal",
    "tanh_anneal": "vaecli.remedies.tanh_anneal:TanhAnneal",
    "cyclical": "vaecli.remedies.cyclical:Cyclical",
    "control": "vaecli.remedies.control:Control",
    "word_dropout": "vaecli.remedies.word_dropout:WordDropout",
    "historyless": "vaecli.remedies.historyless:Historyless",
    "skip": "vaecli.remedies.skip:Skip",
    "cnn": "vaecli.remedies.cnn:CNN",
    "lipschitz": "vaecli.remedies.lipschitz:Lipschitz",
    "lagging": "vaecli.remedies.lagging:Lagging",
    "ae_pretrain": "vaecli.remedies.ae_pretrain:AEPretrain",
    "semi_amortized": "vaecli.remedies.semi_amortized:SemiAmortized",
    "free_bits": "vaecli.remedies.free_bits:FreeBits",
    "soft_free_bits": "vaecli.remedies.soft_free_bits:SoftFreeBits",
    "mdr": "vaecli.remedies.mdr:MDR",
    "target_kl": "vaecli.remedies.target_kl:TargetKL",
    "bn": "vaecli.remedies.bn:BN",
    "bn_scale": "vaecli.remedies.bn_scale:BNScale",
    "delta": "vaecli.remedies.delta:Delta",
    "du": "vaecli.remedies.du:DU",
    "vmf": "vaecli.remedies.vmf:VMF",
    "iaf": "vaecli.remedies.iaf:IAF",
    "mog": "vaecli.remedies.mog:MoG",
    "vamp": "vaecli.remedies.vamp:Vamp",
    "pooling": "vaecli.remedies.pooling:Pooling",
    "info_mmd": "vaecli.remedies.info_mmd:InfoMMD",
    "info_kl": "vaecli.remedies.info_kl:InfoKL",
    "info_js": "vaecli.remedies.info_js:InfoJS",
    "info_stein": "vaecli.remedies.info_stein:InfoStein",
    "wae": "vaecli.remedies.wae:WAE",
    "wae_s": "vaecli.remedies.wae_s:WAES",
    "dg": "vaecli.remedies.dg:DG",
    "bow": "vaecli.remedies.bow:BOW",
    "mim": "vaecli.remedies.mim:MIM",
    "denoising": "vaecli.remedies.denoising:Denoising",
    "hr": "vaecli.remedies.hr:HR",
    "twr": "vaecli.remedies.twr:TWR",
    "mi_constraint": "vaecli.remedies.mi_constraint:MIConstraint",
    "slvae": "vaecli.remedies.slvae:SLVAE",
    "mu_forcing": "vaecli.remedies.mu_forcing:MuForcing",
    "beta_tc": "vaecli.remedies.beta_tc:BetaTC",
}

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
    module, _, attribute = registry()[name].partition(":")
    found: type[Remedy] = getattr(importlib.import_module(module), attribute)
    if name not in REMEDIES:
        from vaecli.remedies.core.base import Remedy

        if not (isinstance(found, type) and issubclass(found, Remedy)):
            raise UsageError(f"{registry()[name]} is no vaecli.remedies.core.base.Remedy")
    return found


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

    from vaecli.config import problems
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

"""The registry of remedies: a file each, imported on demand.

File name, registry key, CLI name and CSV value are one spelling. Other packages add theirs through the entry-point
group ``vaecli.remedies`` (name = ``module:Class``). One whose name is taken, by this package or by another, is
addressed with its package, ``vae-mine:bn``: it shadows nothing, and nothing is disabled by it.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pkgutil import iter_modules
from traceback import walk_tb
from types import ModuleType, new_class
from typing import TYPE_CHECKING, Any

import vaecli
from vaecli.core.errors import UsageError, unknown
from vaecli.core.plugins import NAME, Plugin, installed, normal
from vaecli.remedies.core.papers import PAPERS

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
    "critic",
    "mpd",
    "coupled",
    "consistency",
    "power_spherical",
    "tilted",
    "scale",
    "fraternal",
    "dual_path",
    "iwae",
    "dreg",
    "ciwae",
    "flow_prior",
    "lm_pretrain",
    "uni_pretrain",
    "di",
    "vq",
    "ivae",
    "ivae_mi",
    "anticollapse",
    "info_price",
)
"""The order of tables: baselines first, then what belongs together. One that isn't named here comes after these."""


def _built_in() -> dict[str, str]:
    """A file is a remedy: every module of this package, by its name; imports none of them."""
    modules = {module.name for module in iter_modules(__path__) if not module.ispkg}
    return {name: f"{__name__}.{name}" for name in (*ORDER, *sorted(modules - set(ORDER)))}


METHODS_WAY = "vae methods"
"""What lists all methods."""

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


SPELLINGS: dict[str, str] = ALIASES | {name: paper.method for name, paper in PAPERS.items()}
"""Every other name of a method: aliases, and papers by author and year."""

GROUP = "vaecli.remedies"
"""The entry points of other packages' remedies."""
OWN_PACKAGE = "vaecli"
"""Of the remedies in `REMEDIES`."""
WORDS = ("all", "method", "new", "override")
"""What commands and files of settings take for something else than a method, beside the groups of settings."""


def name_use(name: str) -> str:
    """What a name stands for here, so that no remedy of another package has it without its package; empty if nothing.

    ``a method``, ``an alias``, ``a paper's``, or ``a word of the settings``, which mean something else in commands.
    """
    from vaecli.config import GROUPS

    if name in REMEDIES:
        return "a method"
    if name in SPELLINGS:
        return "an alias" if name in ALIASES else "a paper's"
    return "a word of the settings" if name in (*GROUPS, *WORDS) else ""


@cache
def plugins() -> dict[str, Plugin]:
    """The remedies of other packages, each by the name that it has here; imports none of them.

    That is the name it is registered by where it stands for nothing else, else its address, ``vae-mine:bn``.
    """
    named = [plugin for plugin in installed(GROUP) if NAME.fullmatch(plugin.name)]
    count = Counter(plugin.name for plugin in named)
    return {
        plugin.address if count[plugin.name] > 1 or name_use(plugin.name) else plugin.name: plugin for plugin in named
    }


def plugin_notes() -> list[str]:
    """What became of the remedies of other packages that don't bear the name they are registered by, a line each."""
    notes = [
        f"{plugin.name!r} of package {plugin.origin}: skipped; a remedy's name has letters, digits and '_'"
        for plugin in installed(GROUP)
        if not NAME.fullmatch(plugin.name)
    ]
    for key, plugin in plugins().items():
        if key != plugin.name:
            use = name_use(plugin.name)
            taken = f"{use} here" if use else "of another package too"
            notes.append(f"{plugin.name!r} of package {plugin.origin}: the name is {taken}; write {key}")
    return notes


def registry() -> dict[str, str]:
    """All remedies, those of other packages included, as name to ``module`` or ``module:Class``."""
    return REMEDIES | {name: plugin.value for name, plugin in plugins().items()}


def method_names() -> list[str]:
    """Names of all remedies, in the order of the registry; imports none of them."""
    return list(registry())


def remedy_name(name: str) -> str:
    """The one spelling of a remedy's name: an alias resolved, ``package:name`` as short as it may be.

    One that is unknown is left as it is.
    """
    package, colon, own = name.partition(":")
    if not colon:
        return SPELLINGS.get(name, name)
    address = f"{normal(package)}:{own}"
    if normal(package) == OWN_PACKAGE and own in REMEDIES:
        return own
    return next((key for key, plugin in plugins().items() if plugin.address == address), address)


def resolve(method: str) -> list[str]:
    """The names of a method, stripped, each in its one spelling; unknown ones are left as they are."""
    parts = [part.strip() for part in method.split("+")]
    return "+".join(map(remedy_name, parts)).split("+")


def canonical(method: str, source: str = "--method") -> str:
    """The one spelling of a method: aliases resolved, remedies in alphabetical order; imports no remedy.

    Raises:
        UsageError: An unknown name, with the nearest, or one that several packages have, with their addresses.
    """
    names = resolve(method)
    for name in names:
        if name not in registry():
            addresses = [key for key, plugin in plugins().items() if plugin.name == name]
            if addresses:
                raise UsageError(f"method {name!r} ({source}) is of several packages: write {' or '.join(addresses)}")
            raise unknown("method", name, [*registry(), *SPELLINGS], source, METHODS_WAY)
    return "+".join(sorted(names))


def package_of(name: str) -> tuple[str, str]:
    """The package that brings a registered remedy, and its version."""
    plugin = plugins().get(name)
    return (plugin.package, plugin.version) if plugin else (OWN_PACKAGE, vaecli.__version__)


def remedy_class(name: str) -> type[Remedy]:
    """The class of a registered remedy; it bears the name that it is registered by.

    Raises:
        UsageError: An unknown name, another package's can't be loaded, or the file or class is no remedy of this name.
    """
    if name not in registry():
        raise unknown("method", name, registry(), way=METHODS_WAY)
    if name not in REMEDIES:
        return _of_plugin(name)
    from vaecli.remedies.core.remedy import Remedy

    module = _imported(REMEDIES[name])
    kinds = {kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Remedy)}
    # of what a file imports and defines, the class that bears the file's name
    named = [kind for kind in kinds if getattr(kind, "name", None) == name]
    if len(named) != 1:
        told = f"{len(named) or 'no'} class{'es' if named else ''} in it with `name` {name!r}, that of the file"
        raise UsageError(f"{module.__file__}: {told}; a remedy has one, and what is none is no file of this folder")
    if problem := _declared_wrongly(named[0]):
        raise UsageError(f"{module.__file__}: {named[0].__name__}: {problem}")
    return named[0]


def _imported(module: str) -> ModuleType:
    """A file of this folder, imported.

    Raises:
        UsageError: It isn't Python, or its import failed, with the file, the line of it and the error.
    """
    try:
        return importlib.import_module(module)
    except (MemoryError, OSError):  # the machine's, not the file's
        raise
    except Exception as error:
        file = getattr(find_spec(module), "origin", None) or module
        lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
        told = str(error)
        if isinstance(error, SyntaxError) and error.filename == file:
            lines, told = [error.lineno or 1], error.msg
        where = f"{file}:{lines[-1]}" if lines else file
        raise UsageError(f"{where}: {type(error).__name__}: {' '.join(told.split())}") from error


@cache
def _declared_wrongly(kind: type[Remedy]) -> str:
    """`declaration_problem` of a class, which doesn't change; methods are made of it by the thousand."""
    from vaecli.remedies.core.declared import declaration_problem

    return declaration_problem(kind)


def _of_plugin(name: str) -> type[Remedy]:
    """`remedy_class` of another package's remedy."""
    from vaecli.remedies.core.remedy import Remedy

    plugin = plugins()[name]
    kind = plugin.load()
    if not (isinstance(kind, type) and issubclass(kind, Remedy)):
        raise UsageError(plugin.failure(UsageError(f"{plugin.value} is no vaecli.remedies.core.remedy.Remedy")))
    called = getattr(kind, "name", None)
    if called != plugin.name:
        told = f"{plugin.value} is called {called!r} and registered as {plugin.name!r}; make the two one"
        raise UsageError(plugin.failure(UsageError(told)))
    if problem := _declared_wrongly(kind):
        raise UsageError(plugin.failure(UsageError(f"{plugin.value}: {problem}")))
    return kind if name == plugin.name else _addressed(kind, name)


@cache
def _addressed(kind: type[Remedy], name: str) -> type[Remedy]:
    """A remedy under its address, so that it is a part of its own beside the remedy that has its name."""
    own = {"__module__": kind.__module__, "__doc__": kind.__doc__, "name": name}
    made: type[Remedy] = new_class(kind.__name__, (kind,), exec_body=lambda namespace: namespace.update(own))
    return made


def is_available(name: str) -> bool:
    """Whether a remedy is registered and, where it is another package's, can be loaded."""
    if name not in REMEDIES:
        try:
            remedy_class(name)
        except UsageError:
            return False
    return True


def load_all() -> tuple[dict[str, type[Remedy]], dict[str, str]]:
    """The classes of all remedies, and why those of other packages that don't load don't."""
    remedies: dict[str, type[Remedy]] = {}
    broken = {}
    for name in registry():
        try:
            remedies[name] = remedy_class(name)
        except UsageError as error:
            broken[name] = str(error)
    return remedies, broken


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
            why = str(error) if isinstance(error, UsageError) else plugins()[name].failure(error)
            raise UsageError(f"method {name!r} can't be loaded: {why}") from None
    if wrong:
        raise UsageError("hyper-parameters: " + "\n  ".join(wrong))
    return compose(parts)

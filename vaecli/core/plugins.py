"""What other packages add through entry points: who brings it, where its file is, and how it is loaded.

Finding them imports none of them: names, versions and files come from the metadata that an installer has written.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from traceback import walk_tb
from typing import Any

from vaecli.core.errors import UsageError

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
"""What may be registered: a name that settings, folders and `+` take as it is."""
NO_PACKAGE = "unknown-package"
"""Stands for a package whose metadata are damaged or gone."""


@dataclass(frozen=True)
class Plugin:
    """One entry point of another package.

    Attributes:
        name: As it is registered.
        package: As an installer spells it, ``vae-mine``.
        version: Of the package; empty where its metadata don't say.
        value: ``module:Class``.
    """

    name: str
    package: str
    version: str
    value: str

    @property
    def address(self) -> str:
        """``vae-mine:bn``, which no other package's is."""
        return f"{self.package}:{self.name}"

    @property
    def file(self) -> str:
        """The file of its module or, where that lies in a package, of this; the module's name where there is none."""
        module = self.value.partition(":")[0].strip()
        try:
            spec = find_spec(module.partition(".")[0])
        except (ImportError, ValueError):
            spec = None
        if spec is None:
            return f"no module {module}"
        return spec.origin or next(iter(spec.submodule_search_locations or ()), module)  # one without a file of its own

    @property
    def origin(self) -> str:
        """``vae-mine 0.1.0 (/path/vae_mine.py)``."""
        return f"{self.package} {self.version}".strip() + f" ({self.file})"

    def load(self) -> Any:
        """What the entry point names.

        What its import prints goes to stderr, so that it stands in no table or JSON; torch's default dtype, in which
        all rows of a table are computed, stays as it was.

        Raises:
            UsageError: Loading it failed in any way, with the package, the file and the error on one line.
        """
        module, _, attribute = self.value.partition(":")
        try:
            with redirect_stdout(sys.stderr), _default_dtype_kept():
                loaded = importlib.import_module(module.strip())
            for name in filter(None, attribute.strip().split(".")):
                loaded = getattr(loaded, name)
        except (Exception, SystemExit) as error:  # another package may fail in any way
            raise UsageError(self.failure(error)) from None
        return loaded

    def failure(self, error: BaseException) -> str:
        """Why it can't be used, on one line: ``package vae-mine 0.1.0 (/path/vae_mine.py): ImportError: ...``."""
        if isinstance(error, UsageError):
            return f"package {self.origin}: {error}"
        reason = " ".join(str(error).split())
        return f"package {self.origin}: {type(error).__name__}" + (f": {reason}" if reason else "")


@contextmanager
def _default_dtype_kept() -> Iterator[None]:
    """Torch's default dtype is afterwards as before, float32 where torch has been imported meanwhile."""
    loaded = sys.modules.get("torch")
    before = loaded.get_default_dtype() if loaded else None
    try:
        yield
    finally:
        if torch := sys.modules.get("torch"):
            torch.set_default_dtype(before or torch.float32)


def normal(package: str) -> str:
    """The one spelling of a package's name, by PEP 503: ``Vae_Mine`` is ``vae-mine``."""
    return re.sub(r"[-_.]+", "-", package).lower()


def installed(group: str) -> list[Plugin]:
    """What the installed packages register in a group, by package and name, each once."""
    plugins = {plugin_of(entry) for entry in entry_points(group=group)}
    return sorted(plugins, key=lambda plugin: (plugin.package, plugin.name, plugin.value))


def plugin_of(entry: EntryPoint) -> Plugin:
    """An entry point with its package; damaged metadata disable nothing."""
    try:
        name, version = entry.dist.name, entry.dist.version  # type: ignore[union-attr]
    except Exception:  # of no distribution, or of one without a name or version
        name, version = None, None
    return Plugin(entry.name, normal(name or NO_PACKAGE), version or "", entry.value)


def in_use(group: str) -> list[Plugin]:
    """Those of a group whose module is loaded."""
    return [plugin for plugin in installed(group) if plugin.value.partition(":")[0].strip() in sys.modules]


def at_fault(error: BaseException, group: str) -> Plugin | None:
    """Whose code an error was raised in, or under: the innermost of a group's; None where none was at work.

    Args:
        error: With its traceback.
        group: Of the entry points.
    """
    homes = [(plugin, _home(plugin.file)) for plugin in in_use(group)]
    for file in reversed([frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__)]):
        for plugin, home in homes:
            if file == home or file.startswith(home + os.sep):
                return plugin
    return None


def _home(file: str) -> str:
    """The folder of a package, or the file of a module that lies in none."""
    folder, name = os.path.split(file)
    return folder if name == "__init__.py" else file

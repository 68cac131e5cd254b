"""What is to be installed: the bounds of pyproject.toml, the versions that a set makes of them, and the Pythons."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = ROOT / ".ci" / "constraints.txt"

SETS = ("locked", "lowest", "newest")
"""The versions that the tests pass with here, the lowest that pyproject.toml allows, and the newest."""
TOOLS = ("pytest", "hypothesis")
"""Of the locked versions in every set, so that a warning of theirs is none of a dependency's."""
NOT_TESTED = "docs"
"""The extra of `dev` that no test imports."""
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""That are looked for."""


def read_pyproject(path: Path = ROOT / "pyproject.toml") -> dict[str, Any]:
    """The project's file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def tested_extras(project: Mapping[str, Any]) -> tuple[str, ...]:
    """The extras that the tests are run with: those that `dev` takes in, but for the documentation's."""
    own = [Requirement(text) for text in project["optional-dependencies"]["dev"]]
    extras = {extra for requirement in own if requirement.name == project["name"] for extra in requirement.extras}
    return tuple(sorted(extras - {NOT_TESTED}))


def direct(project: Mapping[str, Any], extras: Iterable[str], python: str) -> list[Requirement]:
    """The direct dependencies on a Python, those of extras included.

    Args:
        project: The table `[project]`.
        extras: Whose dependencies count too.
        python: Such as ``3.12``; what a marker leaves out there is left out.
    """
    texts = [*project["dependencies"], *(t for extra in extras for t in project["optional-dependencies"][extra])]
    here = {"python_version": python, "python_full_version": f"{python}.0"}
    requirements = [Requirement(text) for text in texts]
    return [r for r in requirements if r.marker is None or r.marker.evaluate(here)]


def lowest(requirement: Requirement, offered: Iterable[str]) -> str | None:
    """The lowest version that a requirement allows of those that there are wheels of; None where there is none."""
    allowed = sorted(requirement.specifier.filter(offered), key=Version)
    return allowed[0] if allowed else None


def locked(name: str, constraints: str) -> str:
    """A package as the constraints pin it, ``name==version``.

    Raises:
        KeyError: They don't.
    """
    wanted = normal(name)
    for line in constraints.splitlines():
        if line and not line.startswith("#") and normal(line.partition("==")[0]) == wanted:
            return line.strip()
    raise KeyError(f"{name} is not in the constraints")


def normal(name: str) -> str:
    """A package's name as registries compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def versions_offered(text: str) -> list[str]:
    """The versions in what ``pip index versions`` prints, newest first."""
    line = next((line for line in text.splitlines() if line.startswith("Available versions:")), "")
    return [version.strip() for version in line.partition(":")[2].split(",") if version.strip()]


def plain(requirement: Requirement) -> str:
    """A requirement without its marker."""
    return f"{requirement.name}{requirement.specifier}"


@dataclass(frozen=True)
class Interpreter:
    """A Python of this machine.

    Attributes:
        minor: Such as ``3.12``.
        version: In full.
        path: The program.
    """

    minor: str
    version: str
    path: Path


def find_python(minor: str) -> Interpreter | None:
    """The program ``pythonX.Y`` on the path; where it is a shim of pyenv that doesn't start, the Python behind it."""
    program = shutil.which(f"python{minor}")
    if program is None:
        return None
    behind = Path(program).parent.parent.glob(f"versions/{minor}.*/bin/python{minor}")
    for path in (Path(program), *sorted(behind)):
        command = [str(path), "-c", "import platform; print(platform.python_version())"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode == 0 and result.stdout.startswith(f"{minor}."):
            return Interpreter(minor, result.stdout.strip(), path)
    return None


def chosen(text: str, choices: Sequence[str], what: str) -> list[str]:
    """The names in a list with commas, in the order of the choices.

    Raises:
        ValueError: One is none of them.
    """
    names = {name.strip() for name in text.split(",")}
    if unknown := names - set(choices):
        raise ValueError(f"no such {what}: {', '.join(sorted(unknown))}; choose from {', '.join(choices)}")
    return [name for name in choices if name in names]

"""How a process of ours is started: this Python, this package, and nothing from the folder it happens to run in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import vaecli

PYTHON = (sys.executable, "-P")
"""``-P``: a ``random.py`` of the user's in the working folder is not the library's."""

PACKAGE_ROOT = Path(vaecli.__file__).resolve().parent.parent
LOCATE = "import importlib.util; spec = importlib.util.find_spec('vaecli'); print(spec.origin if spec else '')"


def safe_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """An environment in which a Python finds this package, and no module of the working folder.

    Args:
        variables: What else it is to hold, ``PYTHONPATH`` included.
    """
    safe = {**variables, "PYTHONSAFEPATH": "1"}
    entries = [entry for entry in safe.pop("PYTHONPATH", "").split(os.pathsep) if entry]  # Python takes "" for "."
    if not finds_package(os.pathsep.join(entries)):
        entries.append(str(PACKAGE_ROOT))
    return {**safe, "PYTHONPATH": os.pathsep.join(entries)} if entries else safe


@contextmanager
def safe_children(**variables: str) -> Iterator[None]:
    """While it is entered, libraries that start processes of ours by themselves give them a safe environment.

    Args:
        variables: What else it is to hold.
    """
    before = dict(os.environ)
    safe = safe_environment({**before, **variables})
    os.environ.clear()
    os.environ.update(safe)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@cache
def finds_package(python_path: str) -> bool:
    """Whether a new process finds this very package, as it does where it is installed."""
    environment = {**os.environ, "PYTHONPATH": python_path}
    if not python_path:  # an empty one would be the working folder
        del environment["PYTHONPATH"]
    command = [*PYTHON, "-c", LOCATE]
    origin = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()
    return bool(origin) and Path(origin).resolve() == Path(vaecli.__file__).resolve()

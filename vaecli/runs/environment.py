"""Where a run was made: program versions, platform and processor."""

from __future__ import annotations

import platform
import shlex
import socket
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import vaecli
from vaecli.kernels.switch import runs_plain


def describe_environment() -> dict[str, Any]:
    """The fields of run.json that say where and how it was started; imports nothing heavy."""
    packages = {"python": platform.python_version(), "vaecli": vaecli.__version__}
    for package in ("torch", "numpy", "torchtext"):
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "versions": packages,
        "platform": platform.platform(),
        "cpu": processor(),
        "kernels": "plain" if runs_plain() else "fast",
        "host": socket.gethostname(),
        "command": command_line(),
    }


def command_line() -> str:
    """The command that runs, as it may be typed again."""
    name = Path(sys.argv[0]).name
    return shlex.join(["vae" if name == "__main__.py" else name, *sys.argv[1:]])


def processor(info: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name; its architecture where the system doesn't say."""
    try:
        lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile")
"""Processor features that decide which matrix kernels are there."""

ISAS = (("amx_bf16", "amx"), ("avx512_bf16", "avx512-bf16"), ("avx512f", "avx512"), ("avx2", "avx2"))
"""Of `FLAGS`, newest first, and the ISA that each stands for."""

LIMITS = {"avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}}
"""By the newest instructions that are to be used, what tells the three libraries so before they load."""


def limit() -> str:
    """The key of `LIMITS` whose variables this process was started with, or an empty string."""
    started = (isa for isa, variables in LIMITS.items() if variables.items() <= os.environ.items())
    return next(started, "")


def _cpu() -> tuple[str, list[str]]:
    """The processor's name and those of `FLAGS` that it has and may use.

    A virtual machine may call processors of several generations by one name; family and model tell them apart.
    """
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine(), []
    text = info.read_text(encoding="utf-8", errors="replace")
    name, family, model = (
        re.search(rf"^{key}\s*:\s*(.+)$", text, re.MULTILINE) for key in ("model name", "cpu family", "model")
    )
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", text, re.MULTILINE)
    words = set(flags.group(1).split()) if flags else set()
    if limit():
        words &= {limit()}
    spelt = name.group(1).strip() if name else platform.machine()
    if family and model:
        spelt += f" family {family.group(1)} model {model.group(1)}"
    return spelt, [flag for flag in FLAGS if flag in words]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe() -> dict[str, str | int | list[str]]:
    """The machine and the libraries, as results keep them."""
    name, flags = _cpu()
    return {
        "cpu": name,
        "cores": cores(),
        "flags": flags,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        **({"limit": limit()} if limit() else {}),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }


def isa(machine: Mapping[str, Any]) -> str:
    """What a processor multiplies with: the newest of `ISAS` that it has and may use."""
    return next((name for flag, name in ISAS if flag in machine["flags"]), str(machine["cpu_capability"]).lower())


def revision() -> str:
    """Of the checkout that runs, with a plus where files that git knows were changed; empty where git can't tell."""
    if not (ROOT / ".git").exists():  # a folder above may be a checkout of something else
        return ""
    try:
        head, changed = (
            subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
            for words in (["rev-parse", "--short=7", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{head}{'+' if changed else ''}"


def slug(machine: dict[str, str | int | list[str]], precision: str) -> str:
    """A file name for results: processor, its instructions, cores, threads, GPU and precision."""
    capability = f"{'limited to ' if machine.get('limit') else ''}{machine['cpu_capability']}"
    parts = [machine["cpu"], capability, f"{machine['cores']} cores", f"{machine['threads']} threads"]
    text = " ".join(str(part) for part in [*parts, machine["gpu"], precision] if part)
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")

"""The row on small trials that share a GPU: as many at a time as the memory of one leaves room for.

Every trial is a process of its own with its own CUDA context, as `vae compare` starts them; the driver takes turns
between their kernels.
"""

from __future__ import annotations

import csv
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from experiments.benchmarks.machine import cores
from experiments.benchmarks.results import Row
from experiments.benchmarks.rows_program import program, run_program
from experiments.benchmarks.subjects import Options
from vaecli.cli.compare import DEFAULT_METHODS

MARGIN = 0.25
"""Of the free memory, that no trial is planned for: some methods take more than the one that was measured, and what
several processes hold is in pieces."""

TARGET_SECONDS = 60.0

SHORT = ("--epochs=1",)
SMALL = (*(f"--set=corpus.{part}_size=64" for part in ("train", "valid", "test")), "--set=evaluation.iw_samples=2")
"""With `SHORT`, all methods take seconds: they show that it runs."""

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Memory:
    """Megabytes of a GPU, or of the machine.

    Attributes:
        free: Before any trial runs.
        peak: The most that one trial takes of it; 0 where it can't be told.
    """

    free: float
    peak: float

    def trials(self, margin: float = MARGIN) -> float:
        """How many fit, leaving a part of what is free; infinite where the peak isn't known."""
        return self.free * (1 - margin) // self.peak if self.peak > 0 else float("inf")


def jobs_that_fit(gpus: Sequence[Memory], host: Memory, cores: int, trials: int, margin: float = MARGIN) -> int:
    """Trials at a time on this machine, by measured memory.

    The trials are dealt to the GPUs in turn, so that the fullest GPU bounds them all. At most one a core runs, for each
    has Python to run between two kernels; at least one does, as one has.

    Args:
        gpus: That the trials share; none are needed.
        host: Main memory.
        cores: Of the processor.
        trials: How many there are.
        margin: The part of the free memory that stays free.
    """
    room = [len(gpus) * min(gpu.trials(margin) for gpu in gpus)] if gpus else []
    return max(1, int(min(*room, host.trials(margin), cores, trials)))


def host_free() -> float:
    """Megabytes of main memory that new processes may take, without swapping; 0 where the system doesn't say."""
    return _megabytes(Path("/proc/meminfo"), "MemAvailable")


def _megabytes(path: Path, key: str) -> float:
    """A line of Linux's memory files, ``key: 12345 kB``; 0 without the file or the line."""
    try:
        match = re.search(rf"^{key}:\s*(\d+) kB$", path.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:  # another system, or the process has ended
        return 0.0
    return int(match[1]) / 1024 if match else 0.0


def gpus_free() -> list[float]:
    """Megabytes that the driver would still give out, by GPU; CUDA's own contexts are taken off, caches as well."""
    return [torch.cuda.mem_get_info(number)[0] / 2**20 for number in range(torch.cuda.device_count())]


def watch(command: Sequence[str], free: Callable[[], list[float]]) -> tuple[list[float], float]:
    """Runs a command; gives what it took at most.

    Args:
        command: To run.
        free: Megabytes that each GPU has left now.

    Returns:
        By GPU, how far its free memory fell; and the most main memory the process held, megabytes.

    Raises:
        RuntimeError: It failed.
    """
    before = free()
    least, peak = before, 0.0
    with tempfile.TemporaryFile("w+", encoding="utf-8") as told:
        process = subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT)
        while process.poll() is None:
            least = [min(a, b) for a, b in zip(least, free(), strict=True)]
            peak = max(peak, _megabytes(Path(f"/proc/{process.pid}/status"), "VmHWM"))
            time.sleep(POLL_SECONDS)
        if process.returncode:
            told.seek(0)
            raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}: {told.read().strip()[-300:]}")
    return [a - b for a, b in zip(before, least, strict=True)], peak


def measure_trial(options: Options, settings: Sequence[str], out: Path) -> tuple[list[Memory], Memory]:
    """What a short trial, evaluation included, takes of the first GPU, if any, and of main memory; and what is free."""
    free: Callable[[], list[float]] = gpus_free if options.device == "cuda" else list
    gpus, host = free(), host_free()
    command = [*program(), "train", "--method=vanilla", "--quiet", *settings, *SHORT, "--out", str(out)]
    taken, peak = watch(command, free)
    most = max(taken, default=0.0)
    return [Memory(left, most) for left in gpus], Memory(host, peak)


def compared(results: Path) -> list[float]:
    """Seconds of each trial of a finished experiment.

    Raises:
        RuntimeError: One of them isn't done.
    """
    with results.open(encoding="utf-8") as file:
        trials = list(csv.DictReader(file))
    if unfinished := [f"{trial['method']} {trial['status']}" for trial in trials if trial["status"] != "done"]:
        raise RuntimeError(f"vae compare: {', '.join(unfinished)}")
    return [float(trial["seconds"]) for trial in trials]


def trials(options: Options) -> list[Row]:
    """Seconds of ``vae compare`` with its twelve methods of `quick`, as many at a time as fit."""
    settings = [f"--device={options.device}", *(SMALL if options.quick else ())]
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        gpus, host = measure_trial(options, settings, out / "probe")
        jobs = jobs_that_fit(gpus, host, cores(), len(DEFAULT_METHODS))
        grid = ("--quiet", *settings, *(SHORT if options.quick else ()), "--jobs", str(jobs))
        seconds = run_program("compare", *grid, "--out", str(out / "compare"))
        (results,) = (out / "compare").glob("*/results.csv")
        own = compared(results)
    on = f"{len(gpus)} GPUs" if len(gpus) > 1 else "one GPU" if gpus else f"{cores()} cores"
    detail: dict[str, float | str] = {
        "jobs": float(jobs),
        "trials": float(len(own)),
        "slowest_trial_s": max(own),
        "trial_gpu_mb": gpus[0].peak if gpus else 0.0,
        "gpu_free_mb": min((gpu.free for gpu in gpus), default=0.0),
        "trial_host_mb": host.peak,
        "host_free_mb": host.free,
        "cores": float(cores()),
    }
    what = "cut short" if options.quick else "of quick"
    title = f"vae compare, {len(own)} methods {what}, {jobs} at a time on {on}"
    name = f"trials-seconds{options.suffix}"
    return [Row(name, title, "s", None, seconds, seconds, TARGET_SECONDS, at_least=False, detail=detail)]

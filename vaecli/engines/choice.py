"""The engines by name; what an engine needs beyond this package is imported when it is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from vaecli.core.errors import UsageError, unknown
from vaecli.engines.engine import Engine

EXTRAS = {"local": "", "ray": "ray", "slurm": "submitit"}
"""The engines, with the library that each needs; the extra bears the engine's name."""


def make_engine(
    name: str = "local",
    *,
    address: str | None = None,
    cpus_per_trial: float | None = None,
    gpus_per_trial: float | None = None,
    slurm: Sequence[str] = (),
) -> Engine:
    """An engine by its name.

    Args:
        name: Of `EXTRAS`.
        address: Of a Ray cluster; None starts one on this machine.
        cpus_per_trial: That a trial takes under Ray.
        gpus_per_trial: That a trial takes under Ray; a part of one is shared.
        slurm: Parameters of the jobs, ``KEY=VALUE``.

    Raises:
        UsageError: There is no such engine, it isn't installed, or an option is another engine's.
    """
    if name not in EXTRAS:
        raise unknown("engine", name, EXTRAS, "--engine")
    ray_options = {"address": address, "cpus_per_trial": cpus_per_trial, "gpus_per_trial": gpus_per_trial}
    chosen = [key for key, value in ray_options.items() if value is not None]
    if name != "ray" and chosen:
        raise UsageError(f"--{chosen[0].replace('_', '-')} is for --engine ray, not {name}; leave one out")
    if name != "slurm" and slurm:
        raise UsageError(f"--slurm is for --engine slurm, not {name}; leave one out")
    if EXTRAS[name] and find_spec(EXTRAS[name]) is None:
        raise UsageError(f"--engine {name} needs the library {EXTRAS[name]}: pip install 'vaecli[{name}]'")
    if name == "local":
        from vaecli.engines.local import LocalEngine

        return LocalEngine()
    if name == "ray":
        from vaecli.engines.ray_engine import RayEngine

        return RayEngine(address, cpus_per_trial, gpus_per_trial)
    from vaecli.engines.slurm_engine import SlurmEngine

    return SlurmEngine(tuple(slurm))

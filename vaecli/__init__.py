"""The posterior-collapse laboratory for text VAEs.

import vaecli

run = vaecli.train("bn", settings={"training.epochs": 6})
run.figures["mi"], run.reconstruct(["the cat sat ."])
results = vaecli.compare(["vanilla", "bn", "beta"], seeds="0-2")
results.summary
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = ["Results", "Run", "__version__", "compare", "evaluate", "load", "methods", "report", "train"]

if TYPE_CHECKING:
    from vaecli.api import Results, Run, compare, evaluate, load, methods, report, train


def __getattr__(name: str) -> Any:
    """The front door is opened when it is used, so that ``import vaecli`` and ``vae --help`` stay fast."""
    if name in __all__:
        from vaecli import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)

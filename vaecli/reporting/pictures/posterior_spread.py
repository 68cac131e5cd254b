"""The figures behind the picture of posteriors: how far the means of an experiment's sentences lie apart, by moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vaecli.reporting.pictures.posterior_paths import seed_paths, spread
from vaecli.reporting.pictures.run_paths import MethodRuns

if TYPE_CHECKING:
    import pandas as pd

SPREAD = ("exact_sd", "encoder_sd", "distance")
"""Columns of the figures of `vaecli.reporting.pictures.posterior_paths.Spread`, in its order."""

DIGITS = 4
"""Behind the point: the exact means are known to about so many."""


def spread_table(runs: Sequence[MethodRuns]) -> pd.DataFrame:
    """A row a method, seed and look, of the runs that have any.

    Args:
        runs: Of the rows of a table.

    Returns:
        ``method, seed, updates``, the standard deviations over sentences of the means of p(z|x) (``exact_sd``) and of
        q(z|x) (``encoder_sd``), and the root mean square of their difference (``distance``), in units of z.

    Raises:
        DataError: A file can't be read.
    """
    import pandas as pd

    rows = []
    for path in (path for method in runs for path in seed_paths(method)):
        for updates, look in path.looks.items():
            spreads = spread(look)
            figures = dict(zip(SPREAD, (spreads.exact, spreads.encoder, spreads.distance), strict=True))
            rows.append({"method": path.label, "seed": path.seed, "updates": updates, **figures})
    return pd.DataFrame(rows, columns=["method", "seed", "updates", *SPREAD]).round(DIGITS)


def last_looks(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of each method's and seed's last look.

    Args:
        table: As `spread_table` gives it.
    """
    return table.groupby(["method", "seed"], sort=False).tail(1)

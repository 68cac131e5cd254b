"""The results of experiments for Python."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Results:
    """The results of one experiment or several.

    Attributes:
        path: Where they were read.
        trials: A row a trial, the columns of ``results.csv``.
        summary: A row a method: mean, deviation and 95 % interval over its seeds.
    """

    path: Path
    trials: pd.DataFrame
    summary: pd.DataFrame

    def text(
        self,
        format: Literal["table", "markdown", "latex", "csv", "json", "html"] = "markdown",
        *,
        columns: str | Sequence[str] | None = None,
        baseline: str | None = None,
        sort: str | None = None,
    ) -> str:
        """The table as `vae report` prints it; the page without what needs the checkpoints.

        Args:
            format: One of the report's formats.
            columns: Names, a list or comma-separated as for ``--columns``; a default set without.
            baseline: A method; gives the paired differences to it.
            sort: ``column``, ``column:asc`` or ``column:desc``.

        Raises:
            UsageError: An unknown format, column or method.
        """
        from vaecli.catalogue.published import printed_for
        from vaecli.reporting.page.write_page import PageOptions
        from vaecli.reporting.read_results import load_results
        from vaecli.reporting.render import render

        loaded = load_results(self.path)
        named = columns if columns is None or isinstance(columns, str) else ",".join(columns)
        page = PageOptions(models=False, notes=loaded.notes, published=printed_for)
        return render(loaded.frame, format, named, sort, baseline, contexts=loaded.contexts, page=page)


def report(path: str | Path | None = None) -> Results:
    """The results of an experiment's folder, a folder of experiments or a results.csv; the newest in ``runs`` without.

    Raises:
        UsageError: There are none.
    """
    from vaecli.core.errors import UsageError
    from vaecli.reporting.read_results import load_results, newest_experiment
    from vaecli.runs.tables import summary_table

    chosen = newest_experiment(Path("runs"))[0] if path is None else Path(path)
    loaded = load_results(chosen)
    for note in loaded.notes:
        warnings.warn(note, stacklevel=2)
    if loaded.frame.empty:
        raise UsageError(f"{chosen}: the results hold no trials; run `vae compare` first")
    return Results(chosen, loaded.frame, summary_table(loaded.frame))
